"""What the clock does to a case: the policy decides, this carries it out, in one transaction."""

from __future__ import annotations

from datetime import datetime

from app.cases import clocks
from app.cases.acting import write
from app.cases.dispatching import give_by_rules, system_act, watch_by_rules
from app.cases.models import CaseFile
from app.cases.policy import escalation
from app.cases.policy import versions as policies
from app.cases.policy.escalation import Standing, Step
from app.cases.telling import resolve, tell

# What a trigger is called where people are told.
_MESSAGE = {
    "not_acknowledged": "case.not_acknowledged",
    "warned": "case.warned",
    "overdue": "case.overdue",
    "returned": "case.returned",
    "reopened": "case.reopened",
    "raised": "case.raised",
    "many_reports": "case.many_reports",
    "verify_overdue": "case.verify_overdue",
    "note_overdue": "case.note_overdue",
    "hold_ended": "case.hold_ended",
    "nobody_found": "case.nobody_on_duty",
}
# The timer that asks again for a trigger.
_TIMER = {
    "not_acknowledged": clocks.ACKNOWLEDGE,
    "warned": clocks.WARN,
    "overdue": clocks.DUE,
    "verify_overdue": clocks.VERIFY,
    "note_overdue": clocks.NOTE,
    "nobody_found": clocks.NOBODY,
}
_REPLACEABLE = frozenset({"open", "dispatched", "acknowledged", "on_scene"})


def escalate(case: CaseFile, trigger: str, now: datetime, *, repeatable: bool = True) -> Step:
    """Do what the case's policy says about *trigger*: tell, replace the owner, raise the mode, ask again.

    Args:
        repeatable: False where the next occurrence comes by itself (a return, a report), not by a timer.
    """
    policy = policies.load_policy(case.street_code, case.policy_version)
    step = escalation.next_step(policy, _standing(case), trigger)
    case.fired = escalation.new_fired(case.fired, trigger, step)
    facts = {
        "trigger": trigger,
        "nth": step.nth,
        "tell": list(step.tell),
        "replace": step.replace,
        "raise_to": step.raise_to,
        "mode": case.mode,
    }
    act = system_act(now, **facts)
    write(case, "escalate", act, case.state)
    owner = case.owner_id
    found = _replace_and_raise(case, step, now)
    if step.replace is not None and case.owner_id == owner:
        act.data["replaced"] = False  # so that the timeline does not tell of a change that did not come
    tell(case, _message(trigger, step), resolve(case, step.tell, now), now, urgent=step.urgent)
    # A new owner has a clock of their own; everybody else's rings again.
    limit = escalation.again(step, trigger, clocks.acknowledge_limit(case))
    renewed = trigger in {"not_acknowledged", "nobody_found"} and case.owner_id != owner
    if limit is not None and repeatable and trigger in _TIMER and not renewed:
        clocks.again(case, _TIMER[trigger], limit, now)
    if not found:
        _call_for_help(case, trigger, step, now)
    return step


def _call_for_help(case: CaseFile, trigger: str, step: Step, now: datetime) -> None:
    """Nobody was found: go along the policy's chain for that until its end, and keep looking."""
    if trigger != "nobody_found":
        nobody_there(case, now)
    elif not step.last_resort:
        escalate(case, "nobody_found", now)


def _message(trigger: str, step: Step) -> str:
    """A watcher who owes a note is reminded before others hear of it."""
    return "case.note_due" if trigger == "note_overdue" and step.nth == 1 else _MESSAGE[trigger]


def _standing(case: CaseFile) -> Standing:
    return Standing(
        mode=case.mode,
        state=case.state,
        fired=dict(case.fired),
        returns=case.returns,
        reopenings=case.reopenings,
        reports=case.reports,
        owner_is_final=case.owner_is_final,
        has_watcher=case.watcher_id is not None,
        urgent=case.urgent,
    )


def _replace_and_raise(case: CaseFile, step: Step, now: datetime) -> bool:
    """Raise the mode and name who answers now; False where somebody was sought and nobody found."""
    if (mode := escalation.mode_after(case.mode, step)) != case.mode:
        raise_mode(case, mode, now)
    return step.replace is None or _name_owner(case, step.replace, now)


def raise_mode(case: CaseFile, mode: str, now: datetime) -> None:
    """From 点 to 定, from 定 to 盯; a watched case gets a watcher."""
    case.mode = mode
    if mode == "watch":
        begin_watch(case, now)


def begin_watch(case: CaseFile, now: datetime) -> None:
    """Name a watcher where there is none. Their clock runs even where nobody is found: others hear of it."""
    if case.watcher_id is not None or not watch_by_rules(case, now):
        clocks.start_noting(case, now)


def _name_owner(case: CaseFile, replace: str, now: datetime) -> bool:
    """Another owner, as far as the case's state allows one now.

    Where everybody has been tried, the owner it has keeps it; only a case without an owner has nobody.
    """
    if case.state not in _REPLACEABLE or case.owner_is_final:
        return True
    return give_by_rules(case, now, replace=replace) or case.owner_id is not None


def start(case: CaseFile, now: datetime) -> None:
    """A case was filed or reopened: give it to somebody, name a watcher, or call for help."""
    found = give_by_rules(case, now)
    if case.mode == "watch":
        begin_watch(case, now)
    if not found:
        nobody_there(case, now)


def nobody_there(case: CaseFile, now: datetime) -> None:
    """Nobody answers for the case: people are told as the policy says, and it is looked again and again."""
    clocks.again(case, clocks.LOOK, clocks.acknowledge_limit(case), now)
    escalate(case, "nobody_found", now)
