"""What a database session has read already and need not read again."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar, cast

from sqlalchemy import event
from sqlalchemy.orm import Session

from app.core.extensions import db

T = TypeVar("T")
_KEPT = "once"


def once(key: Hashable, read: Callable[[], T | None]) -> T | None:
    """What *read* gives, read once a session, which is a request or a tick of the worker.

    For what never changes once it is there, as a given version of something. That it is not there yet
    is not kept.
    """
    kept = _kept()
    if key not in kept:
        found = read()
        if found is None:
            return None
        kept[key] = found
    return cast("T", kept[key])


def keep(key: Hashable, found: T) -> T:
    """Remember *found* as what :func:`once` would have read."""
    _kept()[key] = found
    return found


def _kept() -> dict[Hashable, Any]:
    kept: dict[Hashable, Any] = db.session().info.setdefault(_KEPT, {})
    return kept


@event.listens_for(db.session, "after_soft_rollback")
def _forget(session: Session, _previous: object) -> None:
    """What was read may have been taken back."""
    session.info.pop(_KEPT, None)
