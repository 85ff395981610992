"""Cases as they are shown: cards for lists and phones, and everything about one. A fixed number of queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select
from sqlalchemy.dialects.postgresql import distinct_on

from app.cases import clocks, life
from app.cases.acting import SUBJECT, parts_of
from app.cases.approaching import radius_m
from app.cases.catalogue import queries as catalogue_queries
from app.cases.catalogue.rules import ProblemClass
from app.cases.models import (
    CaseApproach,
    CaseEvent,
    CaseFile,
    CasePerson,
    CaseReport,
    CaseRequest,
)
from app.core import clock, problems
from app.core.extensions import db
from app.core.pipeline import Principal
from app.core.problems import Problem
from app.media.queries import photos_of
from app.notify.queries import reach_of
from app.people.models import User
from app.people.service import shift_covering
from app.places.models import Place

CASE_VERBS = (
    "case.read",
    "case.handle",
    "case.verify",
    "case.dispatch",
    "case.arbitrate",
    "case.raise",
    "case.watch",
)
WORKING = frozenset({"open", "dispatched", "acknowledged", "on_scene", "returned"})
_STEERING = frozenset({"case.dispatch", "case.arbitrate", "case.raise", "case.watch"})
_SAID = ("dispatch", "arbitrate", "verify_fail", "reopen", "return", "raise")
_PARTS_SHOWN = ("owner", "co_handler", "watcher", "arbiter", "verifier")


@dataclass(frozen=True, slots=True)
class Reader:
    """Who looks, and what their posts allow at each place."""

    user_id: UUID
    street_code: str
    verbs_at: Callable[[str], frozenset[str]]

    @classmethod
    def of(cls, principal: Principal) -> Reader:
        """The person behind a request."""

        def verbs_at(place_code: str) -> frozenset[str]:
            return frozenset(verb for verb in CASE_VERBS if place_code in principal.scope(verb))

        return cls(principal.user_id, principal.street_code, verbs_at)


Names = dict[UUID, dict[str, Any]]


def names_of(ids: Collection[UUID | None]) -> Names:
    """People by id, as they are shown."""
    wanted = {one for one in ids if one is not None}
    if not wanted:
        return {}
    rows = db.session.execute(
        select(User.id, User.display_name, User.display_name_en).where(User.id.in_(wanted))
    )
    return {
        r.id: {"id": r.id, "display_name": r.display_name, "display_name_en": r.display_name_en} for r in rows
    }


def people_of(cases: Sequence[CaseFile]) -> dict[UUID, list[CasePerson]]:
    """Everybody with a part in each of *cases*, in order of time."""
    found: dict[UUID, list[CasePerson]] = defaultdict(list)
    if cases:
        rows = db.session.scalars(
            select(CasePerson)
            .where(
                CasePerson.street_code == cases[0].street_code,
                CasePerson.case_id.in_([case.id for case in cases]),
            )
            .order_by(CasePerson.since)
        )
        for row in rows:
            found[row.case_id].append(row)
    return found


def cards(cases: Sequence[CaseFile], reader: Reader) -> list[dict[str, Any]]:
    """Cards of *cases* in their order, with the steps that *reader* may take on each."""
    people = people_of(cases)
    names = names_of([case.owner_id for case in cases] + [case.verifier_id for case in cases])
    codes = {case.place_code for case in cases}
    named = select(Place.code, Place.name, Place.name_en).where(Place.code.in_(codes))  # without outlines
    places = {row.code: row for row in db.session.execute(named)}
    find = catalogue_queries.classes_of(reader.street_code, {case.catalogue_version for case in cases})
    return [
        _card(
            case,
            reader,
            people=people[case.id],
            names=names,
            place=places.get(case.place_code),
            problem=find(case.catalogue_version, case.class_key),
        )
        for case in cases
    ]


def _card(
    case: CaseFile,
    reader: Reader,
    *,
    people: list[CasePerson],
    names: Names,
    place: Row[str, str, str] | None,
    problem: ProblemClass | None,
) -> dict[str, Any]:
    parts = parts_of(case, reader.user_id, reader.verbs_at(case.place_code), people)
    held = {p.part for p in people if p.user_id == reader.user_id and p.until is None}
    mine = next((part for part in _PARTS_SHOWN if part in held), None)
    if mine is None and case.reporter_id == reader.user_id:
        mine = "reporter"
    return {
        **{name: getattr(case, name) for name in _PLAIN},
        "class_name": problem.name if problem else case.class_key,
        "class_name_en": problem.name_en if problem else case.class_key,
        "place_name": place.name if place else case.place_code,
        "place_name_en": place.name_en if place else "",
        "radius_m": radius_m(case, problem),
        "overdue": case.overdue_at is not None and case.state in WORKING,
        "owner": names.get(case.owner_id) if case.owner_id else None,
        "verifier": names.get(case.verifier_id) if case.verifier_id else None,
        "my_part": mine,
        "steps": list(life.open_steps(case.state, parts)),
        "closing_condition": _closing_condition(case, problem),
    }


_PLAIN = (
    "id",
    "number",
    "version",
    "source",
    "class_key",
    "level",
    "mode",
    "urgent",
    "state",
    "text",
    "address",
    "place_code",
    "lat",
    "lon",
    "accuracy_m",
    "hold_until",
    "filed_at",
    "acknowledge_due_at",
    "due_at",
    "verify_due_at",
    "ended_at",
    "reports",
    "returns",
    "fixed_on_spot",
)


def _closing_condition(case: CaseFile, problem: ProblemClass | None) -> str:
    if problem is None:
        return ""
    condition = problem.condition(case.condition)
    return (condition.closing_condition if condition else "") or problem.closing_condition


def field_cards(cases: Sequence[CaseFile], reader: Reader) -> list[dict[str, Any]]:
    """Cards with what a phone needs where there is no network: photos, deadline, the last words."""
    if not cases:
        return []
    ids = [case.id for case in cases]
    photos = photos_of(cases[0].street_code, SUBJECT, ids)
    said = _last_words(cases[0].street_code, ids)
    deadlines = clocks.explained([case for case in cases if case.ended_at is None])
    return [
        card
        | {
            "photos": [_photo(photo) for photo in photos[case.id]],
            "deadline": deadlines.get(case.id),
            "last_note": said.get(case.id, ""),
        }
        for case, card in zip(cases, cards(cases, reader), strict=True)
    ]


def _photo(photo: dict[str, Any]) -> dict[str, Any]:
    return {
        "sha256": photo["sha256"],
        "role": photo["role"],
        "state": photo["state"],
        "problem": photo["problem"],
        "doubts": photo["doubts"],
        "taken_at": photo["captured_at"],
        "event_id": photo["entry_id"],
    }


def _last_words(street_code: str, ids: Collection[UUID]) -> dict[UUID, str]:
    rows = db.session.execute(
        select(CaseEvent.case_id, CaseEvent.text)
        .ext(distinct_on(CaseEvent.case_id))
        .where(
            CaseEvent.street_code == street_code,
            CaseEvent.case_id.in_(ids),
            CaseEvent.step.in_(_SAID),
            CaseEvent.text != "",
        )
        .order_by(CaseEvent.case_id, CaseEvent.ordinal.desc())
    )
    return {row.case_id: row.text for row in rows}


def visible_case(case_id: UUID, reader: Reader) -> CaseFile:
    """The case, where *reader* may see it: by their posts at its place, or because they are named on it.

    Raises:
        Problem: NOT_FOUND otherwise; a case that one may not see is not said to exist.
    """
    case = db.session.get(CaseFile, (reader.street_code, case_id))
    if case is None or not may_see(case, reader):
        raise Problem(problems.NOT_FOUND)
    return case


def may_see(case: CaseFile, reader: Reader) -> bool:
    """True where *reader* may see everything about the case."""
    if "case.read" in reader.verbs_at(case.place_code) or case.reporter_id == reader.user_id:
        return True
    statement = select(CasePerson.user_id).where(
        CasePerson.street_code == case.street_code,
        CasePerson.case_id == case.id,
        CasePerson.user_id == reader.user_id,
    )
    return db.session.scalar(statement.limit(1)) is not None


def detail(case: CaseFile, reader: Reader) -> dict[str, Any]:
    """Everything about one case."""
    key = (case.street_code, case.id)
    events = _rows(CaseEvent, key, CaseEvent.ordinal)
    requests = _rows(CaseRequest, key, CaseRequest.asked_at)
    reports = _rows(CaseReport, key, CaseReport.reported_at)
    people = people_of([case])[case.id]
    approaches = {row.user_id: row for row in _rows(CaseApproach, key, CaseApproach.since)}
    coming = _coming(case, reader)
    answers = answers_for(case, reader)
    reach = reach_of(case.street_code, SUBJECT, case.id) if answers else []
    names = names_of(
        [e.actor_id for e in events]
        + [p.user_id for p in people]
        + [r.asked_by for r in requests]
        + [r.reporter_id for r in reports]
        + [row["user_id"] for row in reach]
    )
    card = field_cards([case], reader)[0]
    if case.ended_at is not None:  # a list does without; who opens the case may ask whether it was in time
        card["deadline"] = clocks.explained([case]).get(case.id)
    return {
        **card,
        **_filed_under(case),
        "people": [
            _person(p, names, approaches.get(p.user_id) if p.user_id in coming else None) for p in people
        ],
        "events": [_event(event, names) for event in events],
        "requests": [_request(request, names) for request in requests],
        "other_reports": [_report(report, names) for report in reports],
        "reach": [row | {"person": _named(names, row["user_id"])} for row in reach],
    }


def _rows(model: type[Any], key: tuple[str, UUID], order: Any) -> list[Any]:
    statement = select(model).where(model.street_code == key[0], model.case_id == key[1])
    return list(db.session.scalars(statement.order_by(order)))


def _filed_under(case: CaseFile) -> dict[str, Any]:
    problem = catalogue_queries.class_of(case.street_code, case.catalogue_version, case.class_key)
    condition = problem.condition(case.condition) if problem else None
    return {
        "source_ref": case.source_ref,
        "department": case.department,
        "department_en": catalogue_queries.departments_of(case.street_code).get(case.department, ""),
        "filing_condition": problem.filing_condition if problem else "",
        "condition_text": condition.text if condition else "",
        "condition_text_en": condition.text_en if condition else "",
        "measured": case.measured,
        "measure_unit": condition.measure_unit if condition else "",
        "catalogue_version": case.catalogue_version,
        "policy_version": case.policy_version,
        "calendar_version": case.calendar_version,
        "acknowledge_limit": {"amount": case.acknowledge_amount, "unit": case.acknowledge_unit},
        "resolve_limit": {"amount": case.resolve_amount, "unit": case.resolve_unit},
        "extension_amount": case.extension_amount,
        "note_due_at": case.note_due_at,
        "parent_id": case.parent_id,
    }


def answers_for(case: CaseFile, reader: Reader) -> bool:
    """True for whoever steers the case, arbitrates it or watches over it: they see who was reached, and who is
    coming; colleagues do not look at each other's ways."""
    verbs = reader.verbs_at(case.place_code)
    return not verbs.isdisjoint(_STEERING) or reader.user_id in {case.watcher_id, case.arbiter_id}


def _coming(case: CaseFile, reader: Reader) -> frozenset[UUID]:
    """Of whom *reader* may see how far they are: the owner on the way, while on duty."""
    owner_id = case.owner_id
    if owner_id is None or case.state not in {"acknowledged", "on_scene"}:
        return frozenset()
    if reader.user_id != owner_id and not answers_for(case, reader):
        return frozenset()
    return frozenset({owner_id}) if shift_covering(owner_id, clock.now()) else frozenset()


def _person(person: CasePerson, names: Names, approach: CaseApproach | None) -> dict[str, Any]:
    coming = approach if person.part == "owner" and person.until is None else None
    return {
        "person": _named(names, person.user_id),
        "part": person.part,
        "why": person.why,
        "since": person.since,
        "accepted_at": person.accepted_at,
        "until": person.until,
        "distance_m": coming.distance_m if coming else None,
        "seen_at": coming.fixed_at if coming else None,
        "arrived_at": coming.arrived_at if coming else None,
    }


def _named(names: Names, user_id: UUID) -> dict[str, Any]:
    return names.get(user_id, {"id": user_id, "display_name": "?", "display_name_en": "?"})


def _event(event: CaseEvent, names: Names) -> dict[str, Any]:
    plain = ("id", "ordinal", "step", "from_state", "to_state", "at", "received_at", "text", "data")
    return {name: getattr(event, name) for name in plain} | {
        "actor": _named(names, event.actor_id) if event.actor_id else None
    }


def _request(request: CaseRequest, names: Names) -> dict[str, Any]:
    plain = ("id", "kind", "reason", "amount", "until", "asked_at", "decision", "note")
    return {name: getattr(request, name) for name in plain} | {"asked_by": _named(names, request.asked_by)}


def _report(report: CaseReport, names: Names) -> dict[str, Any]:
    plain = ("id", "source", "source_ref", "text", "reported_at")
    return {name: getattr(report, name) for name in plain} | {
        "reporter": _named(names, report.reporter_id) if report.reporter_id else None
    }
