"""What must hold of every case, whatever was done to it in whatever order."""

from __future__ import annotations

from itertools import pairwise
from typing import Any
from uuid import UUID

from app.cases import audit, life
from app.core import clock
from tests.integration.case_street import CaseStreet

# States in which exactly one person answers for the case; in the others nobody does.
OWNED = {"dispatched", "acknowledged", "on_scene", "on_hold", "resolved", "verified"}
UNOWNED = {"open", "returned"}
_STAYS = {"escalate", "late"}  # events that are no steps of the table


def unsound(street: CaseStreet, case_id: UUID | str | None = None) -> list[str]:
    """Everything that is wrong with a case, or with all of them; empty where all is well."""
    found = [f.detail for f in _unwatched(street) if case_id is None or f.subject_id == str(case_id)]
    one = "" if case_id is None else f" where id = '{UUID(str(case_id))}'"
    for case in street.sql(f"select * from case_file{one}"):
        key = {"id": case.id}
        events = street.sql("select * from case_event where case_id = :id order by ordinal", **key)
        people = street.sql("select * from case_person where case_id = :id and until is null", **key)
        pending = street.timers(case.id)
        wrong = [*_timeline(case, events), *_people(case, people)]
        if case.ended_at is not None and pending:
            wrong.append(f"ended, but {pending} are pending")
        if (case.ended_at is not None) != (case.state in life.ENDED):
            wrong.append("its end and its state contradict each other")
        steps = " ".join(e.step for e in events)
        found += [f"{case.number} ({case.state}, {case.mode}; {steps}): {one}" for one in wrong]
    return found


def _unwatched(street: CaseStreet) -> list[Any]:
    with street.app.app_context():
        return audit.unwatched(clock.now())


def _timeline(case: Any, events: list[Any]) -> list[str]:
    wrong = []
    if [e.ordinal for e in events] != list(range(1, case.version + 1)):
        wrong.append("its versions have gaps")
    if events[0].step != "file" or events[-1].to_state != case.state:
        wrong.append("its timeline does not lead to its state")
    for before, event in pairwise(events):
        if event.from_state != before.to_state or not _legal(event):
            wrong.append(f"{event.step} from {before.to_state} to {event.to_state} is not legal")
    return wrong


def _legal(event: Any) -> bool:
    if event.step in _STAYS:
        return bool(event.from_state == event.to_state)
    row = life.STEPS[event.step]
    if event.step == "arrive" and event.from_state == event.to_state == "on_scene":
        return True  # the position had said so before
    if event.step == "join" and event.data.get("implied"):
        return bool(event.from_state == event.to_state)  # a duplicate was linked to it
    leads = {"same": {event.from_state}, "previous": OWNED}.get(row.to, {row.to})
    return event.from_state in row.from_states and event.to_state in leads


def _people(case: Any, people: list[Any]) -> list[str]:
    wrong = []
    for part in ("owner", "watcher", "arbiter", "verifier"):
        holders = [p.user_id for p in people if p.part == part]
        if holders != [one for one in [getattr(case, f"{part}_id")] if one is not None]:
            wrong.append(f"{part}: {holders}, but the case says {getattr(case, f'{part}_id')}")
    helpers = [p.user_id for p in people if p.part == "co_handler"]
    if len(set(helpers)) != len(helpers):
        wrong.append("somebody helps twice")
    if case.state in OWNED and case.owner_id is None:
        wrong.append("nobody answers for it")
    if case.state in UNOWNED and case.owner_id is not None:
        wrong.append("somebody answers for it although nobody should")
    if case.owner_id is not None and case.owner_id in {case.watcher_id, *helpers}:
        wrong.append("the owner watches over themselves, or helps themselves")
    if case.state == "resolved" and case.verifier_id in {case.resolver_id, case.owner_id} - {None}:
        wrong.append("whoever resolved it is asked to verify it")
    return wrong
