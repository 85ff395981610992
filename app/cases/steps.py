"""The steps that people take on a case, and what follows from each.

Every function takes the locked case and the act; legality is :func:`app.cases.acting.take`'s matter.
Sent twice, a step is the same step: callers look for the stored event first.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select, update

from app.cases import clocks, dispatching, escalating, filing, watching
from app.cases.acting import (
    SUBJECT,
    Act,
    StepRefused,
    accept_as,
    appoint,
    former_owners,
    parts_of,
    people_on,
    release,
    take,
    write,
)
from app.cases.models import CaseFile, CasePause, CaseReport, CaseRequest
from app.cases.policy import escalation
from app.cases.responsibility import dispatch
from app.cases.telling import resolve, tell
from app.core import problems
from app.core.extensions import db
from app.core.ids import uuid7
from app.notify import service as notify

LONGEST_HOLD = timedelta(days=366)  # a case that rests for longer is forgotten


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
    clocks.stop_acknowledging(case)
    choice = dispatch.find_arbiter(dispatching.matter_of(case), former_owners(case), now)
    if choice.user_id is not None:
        appoint(case, choice.user_id, "arbiter", choice.why, now)
    step = escalating.escalate(case, "returned", now, repeatable=False)
    if choice.user_id is not None and "arbiter" not in step.tell:
        tell(case, "case.returned", [choice.user_id], now, by=owner)


def arbitrate(case: CaseFile, act: Act, owner_id: UUID) -> None:
    """The arbiter names the owner; after so many returns that is final."""
    final = escalation.return_is_final(clocks.policy_of(case), case.returns)
    act.data["final"] = final
    dispatching.give(case, owner_id, act, why="arbitrated", step="arbitrate")
    case.owner_is_final = final
    tell(case, "case.arbitrated", [owner_id], act.received_at, by=act.actor_id)


def dispatch_to(case: CaseFile, act: Act, owner_id: UUID) -> None:
    """A dispatcher names the owner."""
    dispatching.give(case, owner_id, act, why="named")


def dispatch_by_rules(case: CaseFile, act: Act) -> None:
    """A dispatcher lets the rules name the owner; why it is that one stands in the timeline.

    Raises:
        StepRefused: PERSON_UNFIT where the rules find nobody.
    """
    choice = dispatching.choose(case, act.received_at)
    if choice.user_id is None:
        raise StepRefused(problems.PERSON_UNFIT, "The rules find nobody; name somebody.")
    act.data.update(why=choice.why, facts=list(choice.facts))
    dispatching.give(case, choice.user_id, act, why=choice.why)


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
    release(case, "verifier", "done", now)
    if not passed:
        _do_again(case, act, people)
        return
    case.verified_at = now
    if case.mode == "watch":
        tell(case, "case.verified", people, now, by=act.actor_id)
    else:
        close(case, dispatching.system_act(now))


def _do_again(case: CaseFile, act: Act, people: frozenset[UUID]) -> None:
    """It is not gone: the same owner, on the same clock, has to go there once more."""
    now = act.received_at
    case.reworks += 1
    case.resolved_at = case.on_scene_at = None
    if case.owner_id is not None:
        accept_as(case, case.owner_id, now)  # positions of the first visit do not count for the next
    tell(case, "case.rework", people, now, by=act.actor_id, urgent=True)
    clocks.start_resolving(case, now)


def close(case: CaseFile, act: Act) -> None:
    """The end: by the watcher where there is one, else by the rules. Every source is answered."""
    watching.take_watch(case, act)
    take(case, "close", act)
    _end(case, "case.closed", _everybody(case), act)


def void(case: CaseFile, act: Act) -> None:
    """The case does not meet its filing condition."""
    take(case, "void", act)
    _end(case, "case.voided", _everybody(case), act)


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


def _end(case: CaseFile, kind: str, people: frozenset[UUID], act: Act) -> None:
    """No clock runs any more; older news are over, and then *people* hear how it ended, though not at night."""
    now = act.received_at
    _end_pause(case, now)
    clocks.stop_all(case)
    notify.withdraw(case.street_code, SUBJECT, case.id, now)
    tell(case, kind, people, now, by=act.actor_id, urgent=False)


def ask(case: CaseFile, act: Act, *, until: datetime | None = None, amount: float | None = None) -> None:
    """The owner asks for a hold (*until*) or for more time (*amount* of the limit's unit).

    Raises:
        StepRefused: where the end of the hold has passed already or is too far, or a request waits.
    """
    kind = "extension" if until is None else "hold"
    if until is not None:
        _check_hold(until, act.received_at)
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
    if granted and request.kind == "extension":
        extend(
            case, request.amount or 0.0, now
        )  # before it is told, because what is told is the new deadline
    tell(case, f"case.{request.kind}_decided", [request.asked_by], now, by=act.actor_id, granted=granted)
    if not granted or request.kind == "extension":
        return
    if request.until is not None and request.until > now:
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
        StepRefused: STEP_NOT_NOW where *until* has passed, or is further away than ``LONGEST_HOLD``.
    """
    _check_hold(until, act.received_at)
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


def _check_hold(until: datetime, now: datetime) -> None:
    if until <= now:
        raise StepRefused(problems.STEP_NOT_NOW, "The hold would have ended already.")
    if until > now + LONGEST_HOLD:
        raise StepRefused(problems.STEP_NOT_NOW, f"A case rests for at most {LONGEST_HOLD.days} days.")


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
    if case.owner_id is None:  # nobody was there before it rested: it is looked again
        clocks.again(case, clocks.LOOK, clocks.acknowledge_limit(case), now)


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
    _end(case, "case.voided", resolve(case, ("owner", "watcher", "co_handlers"), now), act)
    said = {"duplicate": case.number}
    write(parent, "join", Act(uuid7(now), act.actor_id, now, now, text=act.text, data=said), parent.state)
    report = CaseReport(
        id=case.id,
        source=case.source,
        source_ref=case.source_ref,
        reporter_id=case.reporter_id,
        text=case.text,
        reported_at=case.filed_at,
    )
    filing.add_report(parent, report, now, carried=filing.carry_reports(case, parent))


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


def join(case: CaseFile, act: Act, source: str, reporter_id: UUID | None) -> None:
    """Somebody else has found the same. Whoever has reported it before adds words and photos, but counts once.

    Args:
        reporter_id: who is answered when the case ends; None where an outside source is.
    """
    take(case, "join", act)
    if reporter_id is not None and filing.has_reported(case, reporter_id):
        return
    report = CaseReport(
        id=act.id, source=source, reporter_id=reporter_id, text=act.text, reported_at=act.received_at
    )
    filing.add_report(case, report, act.received_at)


def too_late(case: CaseFile, step: str, act: Act) -> None:
    """Keep what somebody did who no longer was on the case when it arrived; it changes nothing."""
    act.data["step"] = step
    write(case, "late", act, case.state)
