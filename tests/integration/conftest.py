"""What several test files share: an office that sends, and somebody who takes photos. A file's own go first."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from tests import factories, peer
from tests.integration.photos import PhotoPhone
from tests.integration.sending_office import Office
from tests.peer import Peer


@pytest.fixture
def office(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Office:
    return Office(app, monkeypatch)


@pytest.fixture
def outside() -> Iterator[Peer]:
    with peer.running() as found:
        yield found


@pytest.fixture
def street(database: str) -> factories.Street:
    return factories.make_street()


@pytest.fixture
def phone(app: Flask, street: factories.Street) -> PhotoPhone:
    return PhotoPhone(app, street)
