"""The dry run in words: sentences that a supervisor can read aloud. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from app.cases.policy.messages import MESSAGES, say
from app.cases.policy.timeline import Moment
from app.timers.worktime import BEYOND_CALENDAR, SHANGHAI, Limit


def words(moments: Sequence[Moment], lang: str) -> list[str]:
    """One line for each of *moments*, in Chinese (``zh``) or English (``en``), times in Shanghai."""
    return [say(lang, "timeline.line", at=day_and_time(m.at, lang), what=_what(m, lang)) for m in moments]


def day_and_time(at: datetime, lang: str) -> str:
    """A moment with its weekday, because deadlines turn on weekends."""
    local = at.astimezone(SHANGHAI)
    return f"{local:%Y-%m-%d} {MESSAGES[lang][f'weekday.{local.isoweekday()}']} {local:%H:%M}"


def every(limit: Limit, lang: str) -> str:
    """How often, in words: ``每 4 个工作时``, ``every working day``, ``every 30 minutes``."""
    if limit.unit == "urgent_hours" and limit.amount < 1:
        return say(lang, "every.minutes", amount=f"{limit.amount * 60:g}")
    number = "one" if limit.amount == 1 else "many"
    unit = MESSAGES[lang][f"unit.{limit.unit}.{number}"]
    return say(lang, f"every.{number}", amount=f"{limit.amount:g}", unit=unit)


def _what(moment: Moment, lang: str) -> str:
    due = day_and_time(moment.due_at, lang) if moment.due_at else ""
    if moment.kind != "trigger" or moment.step is None:
        mode = MESSAGES[lang][f"mode.{moment.mode}"]
        said = [say(lang, f"timeline.{moment.kind}.{moment.what}", due=due, mode=mode)]
    else:
        said = [_joined(_parts(moment, due, lang), lang)]
    if BEYOND_CALENDAR in moment.warnings:
        said.append(say(lang, "timeline.beyond_calendar"))
    return MESSAGES[lang]["timeline.between_sentences"].join(said)


def _parts(moment: Moment, due: str, lang: str) -> Iterable[str]:
    """What happened and everything that the policy wants done about it."""
    step = moment.step
    if step is None:
        return
    trigger = MESSAGES[lang][f"trigger.{moment.what}"]
    yield say(lang, "timeline.trigger", trigger=trigger, nth=step.nth)
    if step.raise_to is not None:
        yield say(lang, "timeline.raised", mode=MESSAGES[lang][f"mode.{step.raise_to}"])
    if moment.owner_stays:
        yield MESSAGES[lang]["timeline.owner_stays"]
    elif step.replace is not None:
        yield say(lang, "timeline.replaced", who=MESSAGES[lang][f"replacement.{step.replace}"])
    told = MESSAGES[lang]["and"].join(MESSAGES[lang][f"recipient.{who}"] for who in step.tell)
    yield say(lang, "timeline.told_urgently" if step.urgent else "timeline.told", who=told)
    if step.last_resort and step.again_after is not None:
        yield say(lang, "timeline.last_resort", every=every(step.again_after, lang))
    elif due:
        yield say(lang, "timeline.again", due=due)


def _joined(parts: Iterable[str], lang: str) -> str:
    first, *others = parts
    first = first[0].upper() + first[1:]
    return first + MESSAGES[lang]["timeline.between"].join(others) + MESSAGES[lang]["timeline.full_stop"]
