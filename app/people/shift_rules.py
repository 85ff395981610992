"""When a shift ends. Pure.

Entries arrive late and out of order, from two phones at times. So there is one rule, which gives the same
end in whichever order they come: the earliest of all ends that are known holds. Ends are what the phone
said, the start of the person's next shift, and 12 hours after the start.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

MAX_LENGTH = timedelta(hours=12)

# A position may be a little older than the shift: it was taken while the button was being pressed.
SLACK = timedelta(minutes=2)

EndKind = Literal["self", "automatic", "superseded"]


@dataclass(frozen=True, slots=True)
class Span:
    """A shift as far as its times go; open where ``ended_at`` is None."""

    started_at: datetime
    ended_at: datetime | None = None
    end_kind: EndKind | None = None


def bounds(span: Span) -> tuple[datetime, datetime]:
    """The first and last moment that count as on duty, the slack included."""
    latest = span.started_at + MAX_LENGTH
    return span.started_at - SLACK, min(span.ended_at or latest, latest) + SLACK


@dataclass(frozen=True, slots=True)
class End:
    """An end to set."""

    at: datetime
    kind: EndKind


def start_of(said_at: datetime, received_at: datetime) -> datetime:
    """When a shift starts: as the phone says, but never later than the server heard of it.

    A clock in the future would otherwise keep a shift open for years.
    """
    return min(said_at, received_at)


def _earlier(span: Span, end: End) -> End | None:
    """*end*, kept inside the shift, where it comes before the end known so far; otherwise None."""
    latest = span.started_at + MAX_LENGTH
    if end.at > latest:
        end = End(latest, "automatic")
    if end.at < span.started_at:
        end = End(span.started_at, end.kind)
    return end if span.ended_at is None or end.at < span.ended_at else None


def end_said(span: Span, said_at: datetime, *, automatic: bool) -> End | None:
    """What the phone's "shift ended at *said_at*" changes; None where nothing.

    Args:
        automatic: the phone ended the shift by itself.
    """
    return _earlier(span, End(said_at, "automatic" if automatic else "self"))


def end_forgotten(span: Span, now: datetime) -> End | None:
    """The end of a shift that nobody ended within 12 hours; None where it is not forgotten."""
    latest = span.started_at + MAX_LENGTH
    return _earlier(span, End(latest, "automatic")) if latest <= now else None


def end_superseded(span: Span, next_started_at: datetime) -> End | None:
    """What another shift of the same person, started then, changes about *span*; None where nothing.

    One person is on duty once: the earlier shift ends where the later one starts.
    """
    if not span.started_at <= next_started_at < span.started_at + MAX_LENGTH:
        return None
    return _earlier(span, End(next_started_at, "superseded"))


def end_of_late_start(span: Span, other_starts: Iterable[datetime]) -> End | None:
    """The end of a shift that arrives after later ones have started: the first of those that cuts it."""
    return next((end for start in sorted(other_starts) if (end := end_superseded(span, start))), None)
