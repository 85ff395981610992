"""Rules of a round: what may happen to it, what counts as late, what was covered. Pure.

A round is planned, started, then finished or ended early. When its window passes before it was
started it is missed, which is a fact about the window: it may still be walked.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

OPEN_STATES = frozenset({"planned", "missed"})
CLOSED_STATES = frozenset({"finished", "ended_early"})
# Lifts, stairwells and basements have no sky: where such a checkpoint has a tag, it is to be scanned.
SKYLESS_KINDS = frozenset({"lift", "stairwell", "basement"})
# Two entries of one phone may reach the server in two requests, each with its own measure of the
# phone's clock; so much may a check-in seem later than the end of its round.
CLOCK_NOISE = timedelta(seconds=60)


class Verdict(Enum):
    """What becomes of an entry that touches a round."""

    APPLY = "apply"
    UNCHANGED = "unchanged"  # it is so already
    WAIT = "wait"  # the round's start has not arrived
    CLOSED = "closed"  # the round was over by then


def start(state: str, at: datetime, finished_at: datetime | None) -> Verdict:
    """A person says that the round was started at *at*."""
    if state in OPEN_STATES:
        return Verdict.APPLY
    if state == "started" or (finished_at is not None and at <= finished_at + CLOCK_NOISE):
        return Verdict.UNCHANGED
    return Verdict.CLOSED


def finish(state: str) -> Verdict:
    """A person says that the round is over."""
    if state in OPEN_STATES:
        return Verdict.WAIT
    return Verdict.APPLY if state == "started" else Verdict.CLOSED


def visit(state: str, at: datetime, finished_at: datetime | None) -> Verdict:
    """A person visited or skipped a stop at *at*; what was done before the end counts, however late
    it arrives."""
    if state in OPEN_STATES:
        return Verdict.WAIT
    if state == "started" or (finished_at is not None and at <= finished_at + CLOCK_NOISE):
        return Verdict.APPLY
    return Verdict.CLOSED


def untouched(stops: Iterable[int], visited: Set[int], skipped: Set[int]) -> list[int]:
    """Ordinals of the stops that were neither visited nor skipped, in order."""
    return sorted(set(stops) - visited - skipped)


def stop_state(ordinal: int, visited: Set[int], skipped: Set[int]) -> str:
    """``visited``, ``skipped`` or ``open``; a visit outweighs a skip."""
    if ordinal in visited:
        return "visited"
    return "skipped" if ordinal in skipped else "open"


def is_late(state: str, window_ends_at: datetime, finished_at: datetime | None, now: datetime) -> bool:
    """True where the round was not over when its window closed."""
    if state in CLOSED_STATES and finished_at is not None:
        return finished_at > window_ends_at
    return now > window_ends_at


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of a round was covered; ``skipped`` counts stops that were skipped and not visited."""

    total: int
    visited: int
    skipped: int


def coverage(stops: Iterable[int], visited: Set[int], skipped: Set[int]) -> Coverage:
    """Count the stops of a round by their state."""
    states = [stop_state(ordinal, visited, skipped) for ordinal in stops]
    return Coverage(len(states), states.count("visited"), states.count("skipped"))


def out_of_order(ordinals: Iterable[int]) -> list[int]:
    """Ordinals of the visits that came after a later stop, in the order walked: a note, not a doubt."""
    furthest, noted = 0, []
    for ordinal in ordinals:
        if ordinal < furthest:
            noted.append(ordinal)
        furthest = max(furthest, ordinal)
    return noted


def tag_required(kind: str, has_live_tag: bool) -> bool:
    """True where a check-in without the checkpoint's tag is doubtful."""
    return has_live_tag and kind in SKYLESS_KINDS
