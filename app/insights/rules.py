"""Figures of a round, from its visits and skips. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

OPEN_STATES = frozenset({"pending", "answered"})  # a supervisor has something to decide


@dataclass(frozen=True, slots=True)
class Visit:
    """One check-in as far as the figures need it."""

    ordinal: int
    grade: str
    review_state: str


@dataclass(frozen=True, slots=True)
class Figures:
    """What became of the stops of one round."""

    stops_visited: int
    stops_skipped: int
    doubtful: int
    pending_reviews: int


def figures(visits: Iterable[Visit], skipped: Iterable[int]) -> Figures:
    """Count the stops of a round.

    A stop counts as visited once, however often it was checked in, and not at all where every
    check-in there was rejected. A skipped stop that was visited after all counts as visited.

    Args:
        visits: all check-ins of the round.
        skipped: ordinals of the stops that were passed over.
    """
    seen = list(visits)
    visited = {visit.ordinal for visit in seen if visit.review_state != "rejected"}
    return Figures(
        stops_visited=len(visited),
        stops_skipped=len(set(skipped) - visited),
        doubtful=sum(visit.grade == "doubtful" for visit in seen),
        pending_reviews=sum(visit.review_state in OPEN_STATES for visit in seen),
    )


def is_late(window_ends_at: datetime, finished_at: datetime | None, now: datetime) -> bool:
    """True where the round ended after its window, or its window is over and the round is not."""
    return (finished_at or now) > window_ends_at
