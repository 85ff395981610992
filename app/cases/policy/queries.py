"""Reading what policies there are, and what one of them would do with a case."""

from __future__ import annotations

from dataclasses import fields
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from app.cases.catalogue.queries import find_class
from app.cases.catalogue.rules import limit_for
from app.cases.policy.timeline import Assumptions, CaseLimits, Moment, timeline
from app.cases.policy.timeline_words import words
from app.cases.policy.versions import load_policy, sound
from app.cases.reference_models import CasePolicy
from app.core import problems
from app.core.extensions import db
from app.core.problems import Problem
from app.people.models import User
from app.timers import calendars, explain, worktime
from app.timers.worktime import Calendar, Limit


def versions_of(street_code: str) -> list[dict[str, Any]]:
    """The versions of a street's policy, the one in force first, without their rules."""
    rows = db.session.execute(
        select(
            CasePolicy.version,
            CasePolicy.name,
            CasePolicy.document["name_en"].astext.label("name_en"),
            CasePolicy.created_at,
            User.display_name.label("created_by"),
            User.display_name_en.label("created_by_en"),
        )
        .outerjoin(User, User.id == CasePolicy.created_by)
        .where(CasePolicy.street_code == street_code)
        .order_by(CasePolicy.version.desc())
    )
    found = [dict(row._mapping) for row in rows]
    return [row | {"in_force": index == 0} for index, row in enumerate(found)]


def version_of(street_code: str, version: int) -> dict[str, Any]:
    """One version with its document.

    Raises:
        Problem: NOT_FOUND.
    """
    for row in versions_of(street_code):
        if row["version"] == version:
            return row | {"document": db.session.get_one(CasePolicy, (street_code, version)).document}
    raise Problem(problems.NOT_FOUND)


def limits_of(street_code: str, class_key: str) -> CaseLimits:
    """What a class of the catalogue in force gives a new case.

    Raises:
        Problem: NOT_FOUND.
    """
    found = find_class(street_code, class_key)
    if found is None:
        raise Problem(problems.NOT_FOUND, f"The catalogue in force has no class {class_key}.")
    limits = limit_for(found[1])
    return CaseLimits(
        acknowledge=limits.acknowledge,
        resolve=limits.resolve,
        mode=found[1].mode,
        urgent=limits.urgent,
    )


def calendar_of(street_code: str) -> Calendar:
    """The calendar in force.

    Raises:
        Problem: CALENDAR_MISSING.
    """
    try:
        return calendars.load_calendar(street_code)
    except calendars.CalendarMissing as missing:
        raise Problem(problems.CALENDAR_MISSING, str(missing)) from missing


def dry_run(street_code: str, asked: dict[str, Any]) -> dict[str, Any]:
    """The timeline that a policy would give a case, as ``policy_schemas.DryRunBody`` asks for it.

    Raises:
        Problem: POLICY_FAULTY, POLICY_MISSING, CALENDAR_MISSING, NOT_FOUND (the class).
    """
    sent, given = asked["document"], asked["limits"]
    policy = load_policy(street_code, asked["version"]) if sent is None else sound(sent)
    limits = limits_of(street_code, asked["class_key"]) if given is None else _limits(given)
    calendar = calendar_of(street_code)
    moments = timeline(policy, limits, calendar, asked["starts_at"], _assumptions(asked["assumptions"]))
    zh, en = words(moments, "zh"), words(moments, "en")
    shown = [dict(_shown(m), zh=z, en=e) for m, z, e in zip(moments, zh, en, strict=True)]
    resolve = explain.document(worktime.deadline(asked["starts_at"], limits.resolve, calendar))
    return {"calendar_version": calendar.version, "deadline": resolve, "moments": shown}


def _shown(moment: Moment) -> dict[str, Any]:
    return {field.name: getattr(moment, field.name) for field in fields(moment)}


def _limits(given: dict[str, Any]) -> CaseLimits:
    return CaseLimits(
        acknowledge=Limit(**given["acknowledge"]),
        resolve=Limit(**given["resolve"]),
        mode=given["mode"],
        urgent=given["urgent"],
    )


def _assumptions(given: dict[str, Any]) -> Assumptions:
    """Spans are sent in minutes."""
    spans = {
        name: None if minutes is None else timedelta(minutes=minutes)
        for name, minutes in given.items()
        if name.endswith("_after")
    }
    return Assumptions(on_duty=given["on_duty"], notes_written=given["notes_written"], **spans)
