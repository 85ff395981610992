"""The parts of docs/escalation.md that the code writes: the arithmetic, the timeline, the rules in force."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import cast

from app.cases.catalogue.file import read_catalogue
from app.cases.catalogue.rules import limit_for
from app.cases.policy.document import TRIGGERS, Rule, read_policy
from app.cases.policy.faults import can_occur
from app.cases.policy.messages import MESSAGES, say
from app.cases.policy.timeline import Assumptions, CaseLimits, timeline
from app.cases.policy.timeline_words import every, words
from app.timers import calendar_rules, explain, worktime
from app.timers.explain import Lang
from app.timers.worktime import SHANGHAI, Limit, Unit
from tests.policies import demo_document

DATA = Path(__file__).parents[1] / "data"
RUBBISH = "M-06010"  # 暴露垃圾: common, 4 working hours
FRIDAY = datetime(2026, 11, 27, 16, 0, tzinfo=SHANGHAI)
POLICY = read_policy(demo_document())
CALENDAR = calendar_rules.merge(
    None, calendar_rules.read_days((DATA / "workdays_cn.json").read_text(encoding="utf-8"))
)
_BETWEEN = {"zh": "；", "en": "; "}


def limits() -> CaseLimits:
    """What the class in the example gives a new case."""
    classes = read_catalogue((DATA / "categories.csv").read_bytes(), None, None).classes
    problem = next(one for one in classes if one.key == RUBBISH)
    found = limit_for(problem)
    return CaseLimits(
        acknowledge=Limit(found.acknowledge_amount, cast(Unit, found.acknowledge_unit)),
        resolve=Limit(found.resolve_amount, cast(Unit, found.resolve_unit)),
        mode=problem.mode,
        urgent=found.urgent,
    )


def arithmetic(lang: Lang) -> str:
    """How the deadline of the example is counted."""
    due = worktime.deadline(FRIDAY, limits().resolve, CALENDAR)
    return "\n".join(explain.words(explain.document(due), lang))


def nobody_reacts(lang: Lang) -> str:
    """The dry run of the example."""
    return "\n".join(words(timeline(POLICY, limits(), CALENDAR, FRIDAY, Assumptions()), lang))


def rules(mode: str, lang: Lang) -> str:
    """The rules of a mode as the rows of a table."""
    say_ = MESSAGES[lang]
    rows = []
    for trigger in TRIGGERS:
        chain = POLICY.chain(mode, trigger)
        if can_occur(mode, trigger):
            told = "<br>".join(_told(rule, lang, alone=len(chain) == 1) for _, rule in chain)
            rows.append(f"| {say_[f'trigger.{trigger}']} | {told} |")
    return "\n".join(rows)


def _told(rule: Rule, lang: Lang, *, alone: bool) -> str:
    say_ = MESSAGES[lang]
    parts = []
    if rule.raise_to is not None:
        parts.append(say(lang, "timeline.raised", mode=say_[f"mode.{rule.raise_to}"]))
    if rule.new_owner is not None and rule.trigger != "returned":  # there the arbiter names them
        parts.append(say(lang, "timeline.replaced", who=say_[f"replacement.{rule.new_owner}"]))
    who = say_["and"].join(say_[f"recipient.{one}"] for one in rule.tell)
    parts.append(say(lang, "timeline.told_urgently" if rule.urgent else "timeline.told", who=who))
    if rule.last_resort and rule.again_after is not None:
        parts.append(say(lang, "timeline.last_resort", every=every(rule.again_after, lang)))
    return ("" if alone else f"{_numbers(rule)} ") + _BETWEEN[lang].join(parts)


def _numbers(rule: Rule) -> str:
    if rule.max_times is None:
        return f"{rule.nth}…"
    last = rule.nth + rule.max_times - 1
    return f"{rule.nth}." if last == rule.nth else f"{rule.nth}–{last}."


def figures(lang: Lang) -> dict[str, str]:
    """The policy's numbers as the document writes them."""
    note = POLICY.note_cadence
    return {
        "warn": f"{POLICY.warn_at:.0%}",
        "verify": _amount(POLICY.verify_limit, lang),
        "note": _amount(note, lang) if note else "",
        "returns": str(POLICY.returns_final_after),
        "many": str(POLICY.many_reports),
    }


def _amount(limit: Limit, lang: Lang) -> str:
    unit = MESSAGES[lang][f"unit.{limit.unit}.{'one' if limit.amount == 1 else 'many'}"]
    return f"{limit.amount:g} {'个' if lang == 'zh' else ''}{unit}"
