"""The clocks of a case: from its limits to stored deadlines and pending timers.

Deadlines are stored for boards and feeds; their arithmetic is computed from what the case keeps (limit,
extension, pauses, version of the calendar), so that it can be explained at any time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import cast
from uuid import UUID

from sqlalchemy import select

from app.cases.acting import SUBJECT, is_new
from app.cases.models import CaseFile, CasePause
from app.cases.policy import versions as policies
from app.cases.policy.document import Policy
from app.core.extensions import db
from app.timers import calendars, explain, worktime
from app.timers import service as timers
from app.timers.worktime import Calendar, Limit, Pause, Unit

ACKNOWLEDGE = "case.acknowledge"
WARN = "case.warn"
DUE = "case.due"
VERIFY = "case.verify"
NOTE = "case.note"
HOLD_END = "case.hold_end"
NOBODY = "case.nobody"  # nobody was found: tell again
LOOK = "case.look"  # the same: look again, without telling

WORKING = (ACKNOWLEDGE, WARN, DUE)  # they run until the case is resolved


def calendar_of(case: CaseFile) -> Calendar:
    """The calendar that the case was filed under."""
    return calendars.load_calendar(case.street_code, case.calendar_version)


def policy_of(case: CaseFile) -> Policy:
    """The policy that the case was filed under."""
    return policies.load_policy(case.street_code, case.policy_version)


def pauses_of(case: CaseFile) -> list[Pause]:
    """Its holds, those not written yet included, in order."""
    if is_new(case):
        return []
    statement = select(CasePause).where(
        CasePause.street_code == case.street_code, CasePause.case_id == case.id
    )
    rows = {row.starts_at: row for row in db.session.scalars(statement)}
    rows |= {r.starts_at: r for r in db.session.new if isinstance(r, CasePause) and r.case_id == case.id}
    return [Pause(row.starts_at, row.ends_at, row.reason) for _, row in sorted(rows.items())]


def resolve_limit(case: CaseFile) -> Limit:
    """The time to resolve, extensions included."""
    return Limit(case.resolve_amount + case.extension_amount, cast(Unit, case.resolve_unit))


def acknowledge_limit(case: CaseFile) -> Limit:
    """The time to accept."""
    return Limit(case.acknowledge_amount, cast(Unit, case.acknowledge_unit))


def explained(cases: Sequence[CaseFile]) -> dict[UUID, explain.Document]:
    """The arithmetic of the deadlines of *cases* of a street, as data, for both apps to put into words."""
    if not cases:
        return {}
    street_code, pauses = cases[0].street_code, defaultdict(list)
    held = select(CasePause).where(
        CasePause.street_code == street_code, CasePause.case_id.in_([case.id for case in cases])
    )
    for row in db.session.scalars(held.order_by(CasePause.starts_at)):
        pauses[row.case_id].append(Pause(row.starts_at, row.ends_at, row.reason))
    kept = {v: calendars.load_calendar(street_code, v) for v in {case.calendar_version for case in cases}}
    return {
        case.id: explain.document(
            worktime.deadline(
                case.clock_from, resolve_limit(case), kept[case.calendar_version], pauses[case.id]
            )
        )
        for case in cases
    }


def start_acknowledging(case: CaseFile, now: datetime) -> None:
    """Somebody has been given the case at *now*: they have so long to accept."""
    due = worktime.deadline(now, acknowledge_limit(case), calendar_of(case), ()).due_at
    case.acknowledge_due_at = due
    case.next_due_at = _next_to_work(case)
    if due is not None:
        _schedule(case, ACKNOWLEDGE, due)


def stop_acknowledging(case: CaseFile) -> None:
    """Nobody is waited for to accept it: somebody has, or has given it back."""
    _cancel(case, (ACKNOWLEDGE,))
    case.acknowledge_due_at = None
    case.next_due_at = case.due_at


def _next_to_work(case: CaseFile) -> datetime | None:
    """What runs out first while somebody is to accept the case and resolve it; boards are sorted by it."""
    return min((due for due in (case.acknowledge_due_at, case.due_at) if due is not None), default=None)


def start_resolving(case: CaseFile, now: datetime) -> None:
    """Count the time to resolve anew from what the case now says, and set warning and deadline.

    A deadline that has been missed already is not missed once more at once: whoever works on it now gets
    the time that a new owner has to accept.
    """
    limit, calendar, pauses = resolve_limit(case), calendar_of(case), pauses_of(case)
    case.due_at = worktime.deadline(case.clock_from, limit, calendar, pauses).due_at
    case.next_due_at = _next_to_work(case)
    warn_at = worktime.fraction_at(case.clock_from, limit, calendar, pauses, policy_of(case).warn_at)
    if case.due_at is None or warn_at is None:  # on hold: nothing runs
        _cancel(case, (WARN, DUE))
        return
    if case.overdue_at is not None and case.due_at <= now:
        again(case, DUE, acknowledge_limit(case), now)
        return
    due = {DUE: case.due_at}
    if not case.fired.get("warned"):
        due[WARN] = warn_at
    _schedule_all(case, due)


def start_verifying(case: CaseFile, now: datetime) -> None:
    """It is said to be resolved: the working clocks stop, verifying has its own."""
    stop_working(case)
    limit = policy_of(case).verify_limit
    case.verify_due_at = case.next_due_at = worktime.deadline(now, limit, calendar_of(case), ()).due_at
    if case.verify_due_at is not None:
        _schedule(case, VERIFY, case.verify_due_at)


def start_noting(case: CaseFile, now: datetime) -> None:
    """The watcher of the case owes a note of progress by then."""
    cadence = policy_of(case).note_cadence
    if cadence is None:
        return
    due = worktime.deadline(now, cadence, calendar_of(case), ()).due_at
    case.note_due_at = due
    if case.state == "verified":  # nothing else runs then
        case.next_due_at = due
    if due is not None:
        _schedule(case, NOTE, due)


def start_holding(case: CaseFile, until: datetime) -> None:
    """The case is on hold: nothing runs but the end of the hold."""
    stop_working(case)
    case.hold_until = until
    case.due_at = case.next_due_at = None
    _schedule(case, HOLD_END, until)


def start_closing(case: CaseFile) -> None:
    """It is verified and waits for its watcher, whose notes stay due."""
    case.verify_due_at = None
    case.next_due_at = case.note_due_at
    _cancel(case, (VERIFY,))


def again(case: CaseFile, kind: str, limit: Limit, now: datetime) -> None:
    """Look at the case again after *limit*: the next step of an escalation."""
    due = worktime.deadline(now, limit, calendar_of(case), ()).due_at
    if due is not None:
        _schedule(case, kind, due)
    if kind == NOTE:
        case.note_due_at = due


def stop_working(case: CaseFile) -> None:
    """Nobody works on it now: no accepting, warning or deadline."""
    case.acknowledge_due_at = None
    _cancel(case, (*WORKING, NOBODY, LOOK))


def stop(case: CaseFile, kinds: Collection[str]) -> None:
    """Cancel the timers of *kinds*."""
    _cancel(case, kinds)


def stop_all(case: CaseFile) -> None:
    """The case has ended: no timer of it is left."""
    timers.cancel(case.street_code, SUBJECT, case.id)
    case.acknowledge_due_at = case.verify_due_at = case.note_due_at = None
    case.hold_until = case.next_due_at = None


def _schedule(case: CaseFile, kind: str, due_at: datetime) -> None:
    _schedule_all(case, {kind: due_at})


def _schedule_all(case: CaseFile, due_at: Mapping[str, datetime]) -> None:
    timers.schedule_all(
        street_code=case.street_code,
        place_code=case.place_code,
        subject_kind=SUBJECT,
        subject_id=case.id,
        due_at=due_at,
    )


def _cancel(case: CaseFile, kinds: Collection[str]) -> None:
    timers.cancel(case.street_code, SUBJECT, case.id, kinds)
