"""The steps that people take on a case, and what follows from each.

Every function takes the locked case and the act; legality is :func:`app.cases.acting.take`'s matter.
Sent twice, a step is the same step: callers look for the stored event first.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update

from app.cases import clocks, dispatch, dispatching, escalating, escalation, filing
from app.cases.acting import (
    SUBJECT,
    Act,
    StepRefused,
    appoint,
    former_owners,
    parts_of,
    people_on,
    release,
    take,
    write,
)
from app.cases.models import CaseFile, CasePause, CaseReport, CaseRequest
from app.cases.telling import resolve, tell
from app.core import problems
from app.core.extensions import db
from app.notify import service as notify


def accept(case: CaseFile, act: Act) -> None:
    """The owner takes the case on."""
    if act.actor_id is None:
        raise StepRefused(problems.STEP_NOT_YOURS)
    dispatching.accept(case, act, act.actor_id)


def give_back(case: CaseFile, act: Act) -> None:
    """The owner returns the case; the clock runs on, one arbiter is asked.

    Raises:
        StepRefused: STEP_NOT_NOW where the arbiter has named this owner for good.
    """
    if case.owner_is_final:
        raise StepRefused(problems.STEP_NOT_NOW, "The arbiter's word on this case is final.")
    take(case, "return", act)
    now = act.received_at
    owner = case.owner_id
    case.returns += 1
    release(case, "owner", "returned", now)
    clocks.stop(case, (clocks.ACKNOWLEDGE,))
    case.acknowledge_due_at = None
    choice = dispatch.find_arbiter(dispatching.matter_of(case), former_owners(case), now)
    if choice.user_id is not None:
        appoint(case, choice.user_id, "arbiter", choice.why, now)
    escalating.escalate(case, "returned", now, repeatable=False)
    if choice.user_id is not None:
        tell(case, "case.returned", [choice.user_id], now, by=owner)


def arbitrate(case: CaseFile, act: Act, owner_id: UUID) -> None:
    """The arbiter names the owner; after so many returns that is final."""
    case.owner_is_final = escalation.return_is_final(clocks.policy_of(case), case.returns)
    act.data["final"] = case.owner_is_final
    dispatching.give(case, owner_id, act, why="arbitrated", step="arbitrate")
    tell(case, "case.arbitrated", [owner_id], act.received_at, by=act.actor_id)


def dispatch_to(case: CaseFile, act: Act, owner_id: UUID) -> None:
    """A dispatcher names the owner."""
    dispatching.give(case, owner_id, act, why="named")


def arrive(case: CaseFile, act: Act) -> None:
    """The owner is there. Where the positions have said so already, the word is noted."""
    if case.state == "on_scene" and act.actor_id == case.owner_id:
        write(case, "arrive", act, "on_scene")
        return
    take(case, "arrive", act)
    case.on_scene_at = act.received_at
    tell(case, "case.arrived", resolve(case, ("watcher",), act.received_at), act.received_at, by=act.actor_id)


def resolve_case(case: CaseFile, act: Act) -> None:
    """The owner says that the problem is gone; somebody else is asked to look."""
    take(case, "resolve", act)
    now = act.received_at
    case.resolved_at, case.resolver_id = now, act.actor_id
    clocks.start_verifying(case, now)
    dispatching.ask_to_verify(case, now)


def verify(case: CaseFile, act: Act, *, passed: bool) -> None:
    """Somebody who had no part in the work has looked."""
    take(case, "verify_pass" if passed else "verify_fail", act)
    now = act.received_at
    clocks.start_closing(case)
    people = resolve(case, ("owner", "watcher", "reporter"), now)
    if passed:
        case.verified_at = now
        tell(case, "case.verified", people, now, by=act.actor_id)
        if case.mode != "watch":
            close(case, dispatching.system_act(now))
        return
    case.reworks += 1
    case.resolved_at = None
    tell(case, "case.rework", people, now, by=act.actor_id, urgent=True)
    clocks.start_resolving(case, now)


def close(case: CaseFile, act: Act) -> None:
    """The end: by the watcher where there is one, else by the rules. Every source is answered."""
    _take_watch(case, act)
    take(case, "close", act)
    tell(case, "case.closed", _everybody(case), act.received_at, by=act.actor_id)
    _end(case, act.received_at)


def void(case: CaseFile, act: Act) -> None:
    """The case does not meet its filing condition."""
    take(case, "void", act)
    tell(case, "case.voided", _everybody(case), act.received_at, by=act.actor_id)
    _end(case, act.received_at)


def _everybody(case: CaseFile) -> frozenset[UUID]:
    """All who have a part now, the reporter, and those who reported it, too."""
    reporters = db.session.scalars(
        select(CaseReport.reporter_id).where(
            CaseReport.street_code == case.street_code,
            CaseReport.case_id == case.id,
            CaseReport.reporter_id.is_not(None),
        )
    )
    on_it = [p.user_id for p in people_on(case) if p.until is None]
    return frozenset(one for one in (*on_it, *reporters, case.reporter_id) if one is not None)


def _end(case: CaseFile, now: datetime) -> None:
    _end_pause(case, now)
    clocks.stop_all(case)
    notify.withdraw(case.street_code, SUBJECT, case.id, now)


def note(case: CaseFile, act: Act) -> None:
    """A note of progress; the watcher's sets their clock anew."""
    _take_watch(case, act)
    take(case, "note", act)
    if act.actor_id == case.watcher_id and case.mode == "watch":
        case.fired = {name: times for name, times in case.fired.items() if name != "note_overdue"}
        clocks.start_noting(case, act.received_at)


def _take_watch(case: CaseFile, act: Act) -> None:
    """Nobody was found to watch: who may, and acts as if they did, is the watcher from now on."""
    if case.mode != "watch" or case.watcher_id is not None or act.actor_id is None:
        return
    if "watcher" in parts_of(case, act.actor_id, act.verbs):
        appoint(case, act.actor_id, "watcher", "took_over", act.received_at)


def name_watcher(case: CaseFile, act: Act, user_id: UUID) -> None:
    """A supervisor names who watches from now on; whoever it was before is released.

    Raises:
        StepRefused: PERSON_UNFIT for somebody who answers for the work.
    """
    if user_id in former_owners(case) or "co_handler" in parts_of(case, user_id, ()):
        raise StepRefused(problems.PERSON_UNFIT, "Nobody watches over their own work.")
    act.data["owner_id"] = str(user_id)
    take(case, "name_watcher", act)
    case.mode = "watch"
    appoint(case, user_id, "watcher", "named", act.received_at)
    clocks.start_noting(case, act.received_at)
    tell(case, "case.watching", [user_id], act.received_at, by=act.actor_id)


def ask(case: CaseFile, act: Act, *, until: datetime | None = None, amount: float | None = None) -> None:
    """The owner asks for a hold (*until*) or for more time (*amount* of the limit's unit).

    Raises:
        StepRefused: where the end of the hold has passed already, or a request waits for its decision.
    """
    kind = "extension" if until is None else "hold"
    if until is not None and until <= act.received_at:
        raise StepRefused(problems.STEP_NOT_NOW, "The hold would have ended already.")
    waiting = select(CaseRequest.id).where(
        CaseRequest.street_code == case.street_code,
        CaseRequest.case_id == case.id,
        CaseRequest.decision.is_(None),
    )
    if db.session.scalar(waiting.limit(1)) is not None or act.actor_id is None:
        raise StepRefused(problems.STEP_NOT_NOW, "An earlier request waits for its decision.")
    act.data["kind"] = kind
    take(case, f"ask_{kind}", act)
    db.session.add(
        CaseRequest(
            street_code=case.street_code,
            id=act.id,
            case_id=case.id,
            kind=kind,
            reason=act.text,
            amount=amount,
            until=until,
            asked_by=act.actor_id,
            asked_at=act.received_at,
        )
    )
    now = act.received_at
    tell(case, f"case.{kind}_asked", resolve(case, ("dispatchers",), now), now, by=act.actor_id)


def decide(case: CaseFile, act: Act, request_id: UUID, *, granted: bool) -> None:
    """A dispatcher decides on a request; granting it takes effect at once.

    Raises:
        StepRefused: STEP_NOT_NOW where there is no such request to decide.
    """
    request = db.session.get(CaseRequest, (case.street_code, request_id))
    if request is None or request.case_id != case.id or request.decision is not None:
        raise StepRefused(problems.STEP_NOT_NOW, "There is no such request to decide.")
    act.data.update(kind=request.kind, granted=granted)
    take(case, "decide", act)
    now = act.received_at
    request.decision = "granted" if granted else "denied"
    request.decided_by, request.decided_at, request.note = act.actor_id, now, act.text
    tell(case, f"case.{request.kind}_decided", [request.asked_by], now, by=act.actor_id, granted=granted)
    if not granted:
        return
    if request.kind == "extension":
        extend(case, request.amount or 0.0, now)
    elif request.until is not None and request.until > now:
        hold(case, dispatching.system_act(now), request.until, request.reason, parts=("dispatcher",))


def extend(case: CaseFile, amount: float, now: datetime) -> None:
    """More time: the deadline is counted anew, and may be warned of and missed anew."""
    case.extension_amount += amount
    case.fired = {name: times for name, times in case.fired.items() if name not in {"warned", "overdue"}}
    clocks.start_resolving(case, now)
    if case.due_at is not None and case.due_at > now:
        case.overdue_at = None


def hold(
    case: CaseFile, act: Act, until: datetime, reason: str, *, parts: tuple[str, ...] | None = None
) -> None:
    """Let the clock stand still until *until*, or until somebody goes on before.

    Raises:
        StepRefused: STEP_NOT_NOW where *until* has passed.
    """
    if until <= act.received_at:
        raise StepRefused(problems.STEP_NOT_NOW, "The hold would have ended already.")
    act.data.update(until=until.isoformat())
    take(case, "hold", act, parts)
    db.session.add(
        CasePause(
            street_code=case.street_code,
            case_id=case.id,
            starts_at=act.received_at,
            reason=reason,
        )
    )
    clocks.start_holding(case, until)


def resume(case: CaseFile, act: Act) -> None:
    """The hold is over: its time does not count, all clocks run on.

    It ends when it was to end, even where the worker that notes it was away.
    """
    take(case, "resume", act)
    now = act.received_at
    _end_pause(case, min(now, case.hold_until or now))
    case.hold_until = case.previous_state = None
    clocks.stop(case, (clocks.HOLD_END,))
    clocks.start_resolving(case, now)
    if case.state == "dispatched":
        clocks.start_acknowledging(case, now)


def _end_pause(case: CaseFile, at: datetime) -> None:
    db.session.execute(
        update(CasePause)
        .where(
            CasePause.street_code == case.street_code,
            CasePause.case_id == case.id,
            CasePause.ends_at.is_(None),
        )
        .values(ends_at=at)
        .execution_options(synchronize_session="fetch")
    )


def link(case: CaseFile, act: Act, parent: CaseFile) -> None:
    """This case is the same as *parent*: its report is added there, and answered when that one ends.

    Raises:
        StepRefused: where *parent* is the case itself, has ended, or is a duplicate.
    """
    if parent.id == case.id or parent.ended_at is not None:
        raise StepRefused(problems.STEP_NOT_NOW, "Choose a live case, and not the same one.")
    act.data["parent"] = parent.number
    take(case, "link", act)
    now = act.received_at
    case.parent_id = parent.id
    tell(case, "case.voided", resolve(case, ("owner", "watcher"), now), now, by=act.actor_id)
    _end(case, now)
    joined = Act(
        case.id, case.reporter_id, case.found_at, now, text=case.text, data={"duplicate": case.number}
    )
    write(parent, "join", dispatching.renamed(joined, now), parent.state)
    filing.join(parent, joined, case.source, case.source_ref)


def reopen(case: CaseFile, act: Act) -> None:
    """It was not gone, or it is back: a new clock, the same case."""
    take(case, "reopen", act)
    now = act.received_at
    case.reopenings += 1
    case.clock_from, case.extension_amount = now, 0.0
    case.resolved_at = case.verified_at = case.ended_at = case.overdue_at = None
    case.resolver_id = None
    case.fixed_on_spot = case.owner_is_final = False
    case.previous_state, case.fired = None, {}
    for part in ("owner", "verifier"):
        release(case, part, "reopened", now)
    clocks.start_resolving(case, now)
    escalating.escalate(case, "reopened", now, repeatable=False)
    if case.owner_id is None:  # a policy that raises it has named somebody already
        escalating.start(case, now)
    elif case.mode == "watch":
        escalating.begin_watch(case, now)


def raise_by_supervisor(case: CaseFile, act: Act) -> None:
    """A supervisor asks for more weight; the policy says what that means."""
    take(case, "raise", act)
    escalating.escalate(case, "raised", act.received_at, repeatable=False)


def call_in(case: CaseFile, act: Act, user_id: UUID) -> None:
    """Another force joins the work (联勤联动); the owner stays in the lead.

    Raises:
        StepRefused: PERSON_UNFIT where they are on the case already, or watch over it.
    """
    if user_id in {case.owner_id, case.watcher_id} or "co_handler" in parts_of(case, user_id, ()):
        raise StepRefused(problems.PERSON_UNFIT, "This person is on the case already.")
    act.data["owner_id"] = str(user_id)
    take(case, "call_in", act)
    appoint(case, user_id, "co_handler", "called_in", act.received_at)
    tell(case, "case.co_handler", [user_id], act.received_at, by=act.actor_id)


def co_done(case: CaseFile, act: Act) -> None:
    """A co-handler has done their part."""
    take(case, "co_done", act)
    release(case, "co_handler", "done", act.received_at, user_id=act.actor_id)


def join(case: CaseFile, act: Act, source: str) -> None:
    """Somebody else has found the same."""
    take(case, "join", act)
    filing.join(case, act, source, None)


def too_late(case: CaseFile, step: str, act: Act) -> None:
    """Keep what somebody did who no longer was on the case when it arrived; it changes nothing."""
    act.data["step"] = step
    write(case, "late", act, case.state)


def chosen(case: CaseFile, now: datetime) -> UUID | None:
    """Whom the rules would give the case to now."""
    return dispatching.choose(case, now).user_id
