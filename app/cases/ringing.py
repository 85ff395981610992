"""What a timer of a case does when it rings. Each kind is stale in some states and is dropped then."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import select

from app.cases import clocks, steps
from app.cases.dispatching import give_by_rules, system_act, watch_by_rules
from app.cases.escalating import escalate
from app.cases.models import CaseFile
from app.cases.policy import escalation
from app.core.extensions import db
from app.timers.firing import BUSY, DROPPED, FIRED, Due, Handler


def _lock(due: Due) -> CaseFile | str:
    """The case, locked without waiting; or BUSY, or why the timer is dropped.

    Whoever holds the case may be waiting for this very timer, to cancel it: waiting here would be a
    deadlock.
    """
    key = (CaseFile.street_code == due.street_code, CaseFile.id == due.subject_id)
    statement = select(CaseFile).where(*key).with_for_update(skip_locked=True)
    case = db.session.scalar(statement.execution_options(populate_existing=True))
    if case is not None:
        return case
    known = db.session.scalar(select(CaseFile.id).where(*key))
    return f"{DROPPED}gone" if known is None else BUSY


def _handler(trigger: str, act: Callable[[CaseFile, datetime], None]) -> Handler:
    def ring(due: Due, now: datetime) -> str:
        case = _lock(due)
        if isinstance(case, str):
            return case
        if not escalation.applies(trigger, case.state):
            return f"{DROPPED}stale"
        act(case, now)
        return FIRED

    return ring


def _not_acknowledged(case: CaseFile, now: datetime) -> None:
    escalate(case, "not_acknowledged", now)


def _warned(case: CaseFile, now: datetime) -> None:
    escalate(case, "warned", now)


def _overdue(case: CaseFile, now: datetime) -> None:
    if case.overdue_at is None:
        case.overdue_at = now
    escalate(case, "overdue", now)


def _verify_overdue(case: CaseFile, now: datetime) -> None:
    escalate(case, "verify_overdue", now)


def _note_overdue(case: CaseFile, now: datetime) -> None:
    if case.watcher_id is None and watch_by_rules(case, now):
        return  # nobody was found before; the new watcher has a clock of their own
    escalate(case, "note_overdue", now)


def _hold_ended(case: CaseFile, now: datetime) -> None:
    """The time is up: the clock runs on by itself, and people hear of it."""
    steps.resume(case, system_act(now, hold_ended=True))
    escalate(case, "hold_ended", now, repeatable=False)


def _still_nobody(case: CaseFile, now: datetime) -> None:
    if case.owner_id is None and not give_by_rules(case, now):
        escalate(case, "nobody_found", now)


def _look_again(case: CaseFile, now: datetime) -> None:
    """Somebody may have come on duty meanwhile; nobody is told that it is looked."""
    if case.owner_id is None and not give_by_rules(case, now):
        clocks.again(case, clocks.LOOK, clocks.acknowledge_limit(case), now)


TIMER_HANDLERS: dict[str, Handler] = {
    clocks.ACKNOWLEDGE: _handler("not_acknowledged", _not_acknowledged),
    clocks.WARN: _handler("warned", _warned),
    clocks.DUE: _handler("overdue", _overdue),
    clocks.VERIFY: _handler("verify_overdue", _verify_overdue),
    clocks.NOTE: _handler("note_overdue", _note_overdue),
    clocks.HOLD_END: _handler("hold_ended", _hold_ended),
    clocks.NOBODY: _handler("nobody_found", _still_nobody),
    clocks.LOOK: _handler("nobody_found", _look_again),
}
