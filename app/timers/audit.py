"""The audit of the timers: what failed for good, and what is due and was not taken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from app.core.extensions import db
from app.timers.models import Timer
from app.timers.service import IS_PENDING

OVERDUE_AFTER = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that needs a look.

    Attributes:
        kind: a stable word, for example ``timer_failed``.
        detail: one sentence, without personal data.
    """

    kind: str
    street_code: str
    subject_kind: str
    subject_id: str
    detail: str


# Looks at the present state, at the moment given; higher floors hand in more of them.
Check = Callable[[datetime], list[Finding]]


def failed(_now: datetime) -> list[Finding]:
    """Timers that were given up after too many failures."""
    rows = db.session.scalars(select(Timer).where(Timer.state == "failed").order_by(Timer.settled_at))
    return [
        _finding("timer_failed", timer, f"{timer.kind} was given up: {timer.last_error}") for timer in rows
    ]


def overdue(now: datetime) -> list[Finding]:
    """Pending timers that were due more than five minutes ago: no worker takes them, or they fail."""
    late = (IS_PENDING, Timer.due_at < now - OVERDUE_AFTER)
    rows = db.session.scalars(select(Timer).where(*late).order_by(Timer.due_at))
    return [
        _finding(
            "timer_overdue",
            timer,
            f"{timer.kind} is due since {timer.due_at:%Y-%m-%d %H:%M} UTC, {timer.attempts} attempts failed"
            + (f": {timer.last_error}" if timer.last_error else ""),
        )
        for timer in rows
    ]


def _finding(kind: str, timer: Timer, detail: str) -> Finding:
    return Finding(kind, timer.street_code, timer.subject_kind, str(timer.subject_id), detail)


CHECKS: tuple[Check, ...] = (failed, overdue)
