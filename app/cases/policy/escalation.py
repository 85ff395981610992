"""What happens next with a case that is not moving: one pure function over the policy and the standing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from app.cases.life import ENDED, STATES
from app.cases.policy.document import RUNNING_ON, Policy, Rule
from app.cases.words import MODES
from app.timers.worktime import Limit, Unit

_LIVE = frozenset(STATES) - ENDED
_IN_WORK = frozenset({"open", "dispatched", "acknowledged", "on_scene", "returned"})

# What is resolved or on hold is not taken out of anybody's hands.
_REPLACEABLE = _IN_WORK - {"returned"}

# The states of a case in which a trigger still means something; in others it is stale and is dropped.
APPLIES: Final[dict[str, frozenset[str]]] = {
    "not_acknowledged": frozenset({"dispatched"}),
    "warned": _IN_WORK,
    "overdue": _IN_WORK,
    "returned": frozenset({"returned"}),
    "reopened": _LIVE,
    "raised": _LIVE,
    "many_reports": _LIVE,
    "verify_overdue": frozenset({"resolved"}),
    "note_overdue": _LIVE,  # on hold, too: somebody has to see to it that the hold makes sense
    "hold_ended": frozenset({"on_hold"}),
    "nobody_found": _REPLACEABLE,
}
# Told where a policy says nothing: a case filed under an older version must not fall silent.
_IF_NOTHING_IS_SAID: Final = ("dispatchers", "leaders")
_ASK_AGAIN: Final = Limit(1.0, "work_days")


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a case stands when a trigger comes.

    Attributes:
        urgent: its limit runs on the clock.
        fired: how often each trigger has come in the present mode.
        reports: how many people or sources reported it.
        owner_is_final: the arbiter has named the owner for good.
        has_watcher: somebody watches over it.
    """

    mode: str
    state: str
    urgent: bool = False
    fired: Mapping[str, int] = field(default_factory=dict)
    returns: int = 0
    reopenings: int = 0
    reports: int = 1
    owner_is_final: bool = False
    has_watcher: bool = False


_URGED = frozenset({"not_acknowledged", "warned", "overdue", "nobody_found"})
_ON_THE_CLOCK: dict[Unit, Unit] = {"work_hours": "urgent_hours", "work_days": "urgent_days"}


@dataclass(frozen=True, slots=True)
class Step:
    """What is to be done now.

    Attributes:
        tell: who is told: parts in the case and posts at its place; ``owner`` is the one after this step.
        urgent: told at night, too.
        replace: who becomes the owner; None: the owner stays.
        raise_to: the harder mode that the case goes to; None: it stays.
        again_after: when the same clock rings again; None: see :func:`again`.
        last_resort: the chain has ended; this step is repeated until somebody acts.
        rule_index: of the rule in the policy; None where the policy has none.
        nth: which occurrence of the trigger in this mode it was.
    """

    tell: tuple[str, ...]
    urgent: bool
    replace: str | None
    raise_to: str | None
    again_after: Limit | None
    last_resort: bool
    rule_index: int | None
    nth: int


def applies(trigger: str, state: str) -> bool:
    """False where *trigger* is stale: it came too late to mean anything for a case in *state*."""
    return state in APPLIES[trigger]


def next_step(policy: Policy, standing: Standing, trigger: str) -> Step:
    """What *policy* wants done when *trigger* comes for a case as it stands."""
    nth = standing.fired.get(trigger, 0) + 1
    for index, rule in policy.chain(standing.mode, trigger):
        if rule.answers(nth):
            return _step(policy, standing, rule, index, nth)
    return Step(
        tell=_IF_NOTHING_IS_SAID,
        urgent=standing.urgent,
        replace=None,
        raise_to=None,
        again_after=_ASK_AGAIN if trigger in RUNNING_ON else None,
        last_resort=trigger in RUNNING_ON,
        rule_index=None,
        nth=nth,
    )


def _step(policy: Policy, standing: Standing, rule: Rule, index: int, nth: int) -> Step:
    tell, replace = rule.tell, rule.new_owner
    if replace and (standing.owner_is_final or standing.state == "returned"):
        # The arbiter's word stands, or is awaited: nobody is replaced behind it, and the arbiter hears of it.
        tell, replace = (*tell, "arbiter"), None
    elif standing.state not in _REPLACEABLE:
        replace = None
    watched = standing.has_watcher or rule.raise_to == "watch"
    if not watched:
        tell = tuple("leaders" if who == "watcher" else who for who in tell)
    own = {"verify_overdue": policy.verify_limit, "note_overdue": policy.note_cadence}
    return Step(
        tell=tuple(dict.fromkeys(tell)),
        urgent=standing.urgent if rule.urgent is None else rule.urgent,
        replace=replace,
        raise_to=rule.raise_to,
        again_after=_pace(rule.again_after or own.get(rule.trigger), standing, rule.trigger),
        last_resort=rule.last_resort,
        rule_index=index,
        nth=nth,
    )


def _pace(limit: Limit | None, standing: Standing, trigger: str) -> Limit | None:
    """Who is reminded to do something urgent is so at night and on holidays, too, as its own limits run on
    the clock. To check it, or to write about it, is the same work as with any other case."""
    if limit is None or not standing.urgent or trigger not in _URGED:
        return limit
    return Limit(limit.amount, _ON_THE_CLOCK.get(limit.unit, limit.unit))


def again(step: Step, trigger: str, acknowledge: Limit) -> Limit | None:
    """After which time the same clock rings again unless somebody acts; None: not by itself.

    Args:
        acknowledge: the case's own limit to acknowledge, which a new owner gets anew.
    """
    return step.again_after or (acknowledge if trigger == "not_acknowledged" else None)


def mode_after(mode: str, step: Step) -> str:
    """The mode of the case after *step*; a case is never lowered."""
    raised = step.raise_to
    return raised if raised is not None and MODES.index(raised) > MODES.index(mode) else mode


def new_fired(fired: Mapping[str, int], trigger: str, step: Step) -> dict[str, int]:
    """The counters after *step*; they start anew when the case is raised, because its chains do."""
    if step.raise_to is not None:
        return {}
    return dict(fired) | {trigger: fired.get(trigger, 0) + 1}


def many_reports(policy: Policy, before: int, after: int) -> bool:
    """True where the number of reports has just reached the policy's number, or a multiple of it."""
    return after // policy.many_reports > before // policy.many_reports


def return_is_final(policy: Policy, returns: int) -> bool:
    """True where, after so many returns, the owner whom the arbiter names cannot return the case again."""
    return returns >= policy.returns_final_after
