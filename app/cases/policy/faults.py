"""What is wrong with a policy that can be read: holes, loops, silence, rules that nothing reaches. Pure.

Whoever sets the policy is told where and what, one sentence for each fault, so that no case can fall
silent, go round in a circle, or ring for ever.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from app.cases.policy.document import RUNNING_ON, TRIGGERS, Fault, Policy, Rule, make_fault
from app.cases.words import MODES
from app.timers.worktime import Limit

_Chain = list[tuple[int, Rule]]
# A last resort that rings more often than once a day (in its unit) would soon be heard by nobody; one that rings
# more rarely than this is silence.
MOST_DAYS_SILENT: Final = 60
_A_DAY: Final = {"urgent_hours": 24.0, "urgent_days": 1.0, "work_hours": 7.0, "work_days": 1.0}
# These clocks have a limit of their own: of the class, or of the policy.
_OWN_LIMIT: Final = frozenset({"not_acknowledged", "verify_overdue", "note_overdue"})

# Whom a returned case goes to is the arbiter's word; the other two are not the owner's to answer.
_OWNER_STAYS: Final = frozenset({"returned", "verify_overdue", "note_overdue"})


def can_occur(mode: str, trigger: str) -> bool:
    """Only a watcher owes notes; every other trigger can come in every mode."""
    return trigger != "note_overdue" or mode == "watch"


def faults(policy: Policy) -> tuple[Fault, ...]:
    """Everything that makes *policy* unusable; empty where it may be put in force."""
    found: list[Fault] = []
    if policy.note_cadence is None:
        found.append(make_fault("note_cadence", "no_note_cadence"))
    for index, rule in enumerate(policy.rules):
        found += _rule_faults(f"rules[{index}]", rule)
    for mode in MODES:
        for trigger in TRIGGERS:
            chain = policy.chain(mode, trigger)
            if can_occur(mode, trigger):
                found += _chain_faults(mode, trigger, chain)
            else:
                found += [
                    make_fault(f"rules[{i}]", "never_occurs", mode=mode, trigger=trigger) for i, _ in chain
                ]
    return (*found, *_circles(policy))


def _rule_faults(path: str, rule: Rule) -> Iterator[Fault]:
    """What can be seen in the rule alone."""
    if not rule.tell:
        yield make_fault(f"{path}.tell", "nobody_told")
    if rule.raise_to is not None:
        if MODES.index(rule.raise_to) <= MODES.index(rule.mode):
            yield make_fault(f"{path}.raise_to", "not_upward", mode=rule.mode, to=rule.raise_to)
        if rule.last_resort:
            yield make_fault(f"{path}.last_resort", "raises_and_ends")
        if rule.max_times != 1:
            yield make_fault(f"{path}.max_times", "raises_once")
    if rule.replace is not None and rule.trigger in _OWNER_STAYS:
        yield make_fault(f"{path}.replace", "owner_stays", trigger=rule.trigger)
    if rule.trigger not in RUNNING_ON:
        if rule.again_after is not None:
            yield make_fault(f"{path}.again_after", "does_not_repeat", trigger=rule.trigger)
        if rule.last_resort:
            yield make_fault(f"{path}.last_resort", "does_not_repeat", trigger=rule.trigger)
    else:
        yield from _clock_faults(path, rule)


def _clock_faults(path: str, rule: Rule) -> Iterator[Fault]:
    """What can be seen in a rule of a clock that runs on."""
    if rule.last_resort:
        if rule.max_times is not None:
            yield make_fault(f"{path}.max_times", "last_resort_ends")
        if rule.again_after is None or _days(rule.again_after) < 1:
            yield make_fault(f"{path}.again_after", "too_often")
        elif _days(rule.again_after) > MOST_DAYS_SILENT:
            yield make_fault(f"{path}.again_after", "too_rare", days=MOST_DAYS_SILENT)
        if rule.replace is not None:
            yield make_fault(f"{path}.replace", "replaced_for_ever", who=rule.replace)
    elif rule.max_times is None:
        yield make_fault(f"{path}.max_times", "loop", mode=rule.mode, trigger=rule.trigger)
    elif rule.again_after is None and not _rings_again(rule):
        yield make_fault(f"{path}.again_after", "falls_silent", mode=rule.mode, trigger=rule.trigger)
    if rule.max_times != 1 and rule.replace not in (None, "next_handler"):
        yield make_fault(f"{path}.replace", "same_person_again", who=rule.replace)


def _rings_again(rule: Rule) -> bool:
    """True where something comes after the rule though it names no time.

    Where nobody was found, a replacement is looked for at once, so the next occurrence follows by itself.
    """
    return rule.trigger in _OWN_LIMIT or (rule.trigger == "nobody_found" and rule.replace is not None)


def _days(limit: Limit) -> float:
    """How many days of its unit the limit is."""
    return limit.amount / _A_DAY[limit.unit]


def _chain_faults(mode: str, trigger: str, chain: _Chain) -> Iterator[Fault]:
    """Occurrences that no rule answers, and rules that no occurrence reaches."""
    named = {"mode": mode, "trigger": trigger}
    awaited = 1
    for index, rule in chain:
        if rule.nth > awaited:
            yield make_fault("rules", "hole", nth=awaited, **named)
        elif rule.nth < awaited:
            yield make_fault(f"rules[{index}]", "unreachable", nth=rule.nth, **named)
        awaited = rule.nth + (rule.max_times or 1)
    for (_, before), (index, rule) in pairwise(chain):
        if before.max_times is None or before.raise_to is not None:
            yield make_fault(f"rules[{index}]", "unreachable", nth=rule.nth, **named)
    if not chain or (chain[-1][1].max_times is not None and chain[-1][1].raise_to is None):
        yield make_fault("rules", "hole", nth=awaited, **named)


def _circles(policy: Policy) -> Iterator[Fault]:
    """Chains, followed through every mode they raise to, in which somebody gets the case a second time.

    Whoever has let it lie once will not take it up because it comes back; ``next_handler`` is always
    somebody who was not asked yet.
    """
    seen: set[str] = set()
    for start in MODES:
        had: set[str] = set()
        mode: str | None = start
        while mode is not None:
            chain = policy.chain(mode, "not_acknowledged")
            here, mode = mode, None
            for index, rule in chain:
                who = rule.new_owner
                if who in had and who != "next_handler":
                    seen.add(f"rules[{index}].replace {who}")
                had |= {who} if who else set()
                if rule.raise_to is not None and MODES.index(rule.raise_to) > MODES.index(here):
                    mode = rule.raise_to
    for where in sorted(seen):
        path, word = where.split()
        yield make_fault(path, "same_person_again", who=word)
