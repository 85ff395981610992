"""Which places a reader asks about, never more than they may see."""

from __future__ import annotations

from sqlalchemy import select

from app.core import problems
from app.core.extensions import db
from app.places.models import Place


def narrowed(scope: frozenset[str], place_code: str | None) -> frozenset[str]:
    """The part of *scope* at or below *place_code*; all of it where no place is named.

    Raises:
        Problem: FORBIDDEN where nothing of *scope* lies there (an unknown place is nowhere).
    """
    if place_code is None:
        return scope
    below = db.session.scalars(select(Place.code).where(Place.path.contains([place_code])))
    part = scope & frozenset(below)
    if not part:
        raise problems.Problem(problems.FORBIDDEN, f"nothing of yours lies at {place_code}")
    return part
