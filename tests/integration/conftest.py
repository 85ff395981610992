"""What tests of sending share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from tests import peer
from tests.integration.sending_office import Office
from tests.peer import Peer


@pytest.fixture
def office(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Office:
    return Office(app, monkeypatch)


@pytest.fixture
def outside() -> Iterator[Peer]:
    with peer.running() as found:
        yield found
