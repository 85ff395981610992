"""Rules of a round: what may happen to it, what counts as late, what was covered. Pure.

A round is planned, started, then finished or ended early. When its window passes before it was
started it is missed, which is a fact about the window: it may still be walked. One that was started
and never ended is ended by the worker, which only fills a silence: what the phone says of it later holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

STATES = ("planned", "started", "finished", "ended_early", "missed")
OPEN_STATES = frozenset({"planned", "missed"})
CLOSED_STATES = frozenset({"finished", "ended_early"})
# Lifts, stairwells and basements have no sky: where such a checkpoint has a tag, it is to be scanned.
SKYLESS_KINDS = frozenset({"lift", "stairwell", "basement"})
# Two entries of one phone may reach the server in two requests, each with its own measure of the
# phone's clock; so much may a check-in seem later than the end of its round.
CLOCK_NOISE = timedelta(seconds=60)
# So long after its window, or its start where that came later, a round that nobody ended is forgotten.
FORGOTTEN_OFF_DUTY = timedelta(hours=1)
FORGOTTEN_ON_DUTY = timedelta(hours=12)


class Verdict(Enum):
    """What becomes of an entry that touches a round."""

    APPLY = "apply"
    UNCHANGED = "unchanged"  # it is so already
    WAIT = "wait"  # the round's start has not arrived
    CLOSED = "closed"  # the round was over by then


@dataclass(frozen=True, slots=True)
class Standing:
    """How a round stands.

    Attributes:
        closed_by: ``phone`` or ``worker``; None while it is open.
    """

    state: str
    finished_at: datetime | None = None
    closed_by: str | None = None

    def takes(self, at: datetime) -> bool:
        """True where what was done at *at* belongs to the round. Nobody knows when a round ended that
        the worker ended."""
        if self.state == "started" or self.closed_by == "worker":
            return True
        return self.finished_at is not None and at <= self.finished_at + CLOCK_NOISE


def start(standing: Standing, at: datetime) -> Verdict:
    """A person says that the round was started at *at*."""
    if standing.state in OPEN_STATES:
        return Verdict.APPLY
    return Verdict.UNCHANGED if standing.takes(at) else Verdict.CLOSED


def finish(standing: Standing) -> Verdict:
    """A person says that the round is over; the worker's word gives way to theirs."""
    if standing.state in OPEN_STATES:
        return Verdict.WAIT
    known = standing.state in CLOSED_STATES and standing.closed_by != "worker"
    return Verdict.CLOSED if known else Verdict.APPLY


def visit(standing: Standing, at: datetime) -> Verdict:
    """A person visited or skipped a stop at *at*; what was done before the end counts, however late
    it arrives."""
    if standing.state in OPEN_STATES:
        return Verdict.WAIT
    return Verdict.APPLY if standing.takes(at) else Verdict.CLOSED


def forgotten_before(now: datetime, *, on_duty: bool) -> datetime:
    """Where its window, or its start, lies before this, a round that is still started is forgotten.

    Args:
        on_duty: the person has an open shift, and may still be walking.
    """
    return now - (FORGOTTEN_ON_DUTY if on_duty else FORGOTTEN_OFF_DUTY)


def automatic_end(started_at: datetime, last_touched_at: datetime | None, now: datetime) -> datetime:
    """When a forgotten round ended: with the last stop that was visited or skipped, as far as known."""
    return max(started_at, min(last_touched_at or started_at, now))


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
