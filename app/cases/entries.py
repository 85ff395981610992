"""What a phone's log says about cases: each entry becomes a case or a step of one.

Handlers lock the case, add to the session and do not commit. A phone may be hours late, and a person may
have two: a step that was theirs when they took it, and no longer fits when it arrives, changes nothing and
is kept in the timeline.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, cast

from app.cases import filing, life, steps, watching
from app.cases.acting import Act, StepRefused, lock_case, people_on
from app.cases.approaching import circle_of
from app.cases.dispatching import renamed
from app.cases.filing import Found, Spot
from app.cases.models import CaseFile
from app.core import geo, problems
from app.core.entry import Applied, Entry, Held, Memory, Refused
from app.core.extensions import db
from app.core.problems import Problem
from app.evidence import service as evidence
from app.evidence.rules import Expected, Grade
from app.media.service import Claim
from app.people import queries as people
from app.people.models import Shift
from app.people.service import during, shift_covering

ANY_TIME = timedelta(days=3650)  # a case has no window in which one has to be there
# What the street has not set up is no fault of the entry: it is kept and tried again.
_OURS = frozenset({problems.POLICY_MISSING, problems.CALENDAR_MISSING})
PIN_ACCURACY_M = 20.0  # of a finger on a map


def report(entry: Entry, body: dict[str, Any], _memory: Memory) -> Applied:
    """Something was found: a case with the entry's id.

    Raises:
        Refused: CLASS_UNKNOWN, ID_REUSED.
    """
    with _refusals():
        filing.file_case(
            Found(
                id=entry.id,
                street_code=entry.street_code,
                source="patrol",
                source_ref=None,
                class_key=body["class_key"],
                catalogue_version=body["catalogue"],
                condition=body["condition"],
                measured=body["measured"],
                text=body["text"],
                address=body["address"],
                spot=_spot(entry, body),
                found_at=min(entry.at, entry.received_at),
                received_at=entry.received_at,
                reporter_id=entry.user_id,
                fixed_on_spot=body["fixed_on_spot"],
                photos=_claims(entry, body["photos"]),
                content={"kind": entry.kind, "by": str(entry.user_id), **body},
            )
        )
    return Applied()


def _spot(entry: Entry, body: dict[str, Any]) -> Spot:
    """Where it was found: the phone's position, a finger on the map, the sharpest position of a photo, or
    the place of duty, which is as vague as it is large. Never nowhere: a report is not lost for that."""
    if body["pin"] is not None:
        pin = body["pin"]
        lat, lon = geo.to_wgs84(pin["lat"], pin["lon"], cast("geo.Datum", pin["datum"]))
        return filing.spot_of(entry.street_code, lat, lon, PIN_ACCURACY_M)
    fixes = [body["fix"], *(photo["fix"] for photo in body["photos"])]
    known = [fix for fix in fixes if fix is not None]
    if known:
        fix = body["fix"] or min(known, key=lambda f: float(f["acc"]))
        lat, lon = geo.to_wgs84(fix["lat"], fix["lon"], cast("geo.Datum", fix["datum"]))
        return filing.spot_of(entry.street_code, lat, lon, fix["acc"])
    shift = shift_covering(entry.user_id, entry.at)
    spot = filing.spot_in(shift.place_code if shift else entry.street_code)
    if spot is None:
        raise Refused(problems.ENTRY_INVALID, "The street has no outline and the report no position.")
    return spot


def _claims(entry: Entry, photos: Sequence[dict[str, Any]]) -> list[Claim]:
    found = []
    for ordinal, photo in enumerate(photos, 1):
        fix = photo["fix"]
        where = geo.to_wgs84(fix["lat"], fix["lon"], cast("geo.Datum", fix["datum"])) if fix else (None, None)
        found.append(
            Claim(
                photo["sha256"],
                photo["role"],
                ordinal,
                entry.corrected(photo["at"]),
                where[0],
                where[1],
                fix["acc"] if fix else None,
            )
        )
    return found


@contextmanager
def _refusals() -> Iterator[None]:
    """What the package refuses, as the answer to an entry."""
    try:
        yield
    except StepRefused as refusal:
        raise Refused(refusal.kind, refusal.detail) from refusal
    except Problem as problem:
        if problem.kind in _OURS:
            raise
        raise Refused(problem.kind, problem.detail) from problem


def _case(entry: Entry, body: dict[str, Any]) -> CaseFile:
    """The case that the entry is about, locked.

    Raises:
        Held: its report has not arrived.
    """
    case = lock_case(entry.street_code, body["case"])
    if case is None:
        raise Held(body["case"], problems.NO_SUCH_CASE)
    return case


def _act(entry: Entry, case: CaseFile, body: dict[str, Any], **data: Any) -> Act:
    return Act(
        id=entry.id,
        actor_id=entry.user_id,
        at=min(entry.at, entry.received_at),
        received_at=entry.received_at,
        text=body.get("text", ""),
        data=data,
        photos=_claims(entry, body.get("photos", ())),
        verbs=people.verbs_at(entry.user_id, case.place_code, entry.received_at),
        content={"kind": entry.kind, **body},
    )


def _judge(entry: Entry, case: CaseFile, body: dict[str, Any], memory: Memory) -> Grade:
    """How well the proof of being at the case holds; the position itself is not kept with the case."""
    circle = circle_of(case)
    shift = db.session.get(Shift, body["shift"]) if body["shift"] else None
    mine = shift is not None and shift.user_id == entry.user_id
    return evidence.judge(
        entry,
        body["fix"],
        Expected(circle.lat, circle.lon, circle.radius_m, entry.at - ANY_TIME, entry.at + ANY_TIME),
        tag_state="none",
        on_duty=mine and shift is not None and during(shift, entry.at),
        memory=memory,
    )


def _proved(entry: Entry, case: CaseFile, body: dict[str, Any], memory: Memory) -> tuple[Act, Applied]:
    grade = _judge(entry, case, body, memory)
    away = None if grade.distance_m is None else round(grade.distance_m, 1)
    act = _act(entry, case, body, grade=grade.grade, reasons=list(grade.reasons), distance_m=away)
    return act, Applied(grade.grade, grade.reasons)


def _step(case: CaseFile, step: str, act: Act, take: Callable[[], None]) -> None:
    """Take a step of the owner or of another named person, or keep it as one that came too late. Accepting,
    and going on after a hold that the phone did not know of, are implied by what only somebody who did so
    can do.

    Raises:
        StepRefused: where it is not, and was not when they took it, theirs.
    """
    if case.owner_id == act.actor_id and step in {"arrive", "resolve"}:
        if case.state == "on_hold":
            steps.resume(case, renamed(act, act.received_at))
        if case.state == "dispatched":
            steps.accept(case, renamed(act, act.received_at))
    try:
        take()
    except StepRefused:
        if step == "accept" and case.owner_id == act.actor_id and case.acknowledged_at is not None:
            return  # the other phone said so before
        if case.owner_id == act.actor_id and case.state in life.STEPS[step].from_states:
            raise  # it fits, and is refused for a reason of its own
        if not _was_theirs(case, step, act):
            raise
        steps.too_late(case, step, act)


def _was_theirs(case: CaseFile, step: str, act: Act) -> bool:
    """True where they had a part that takes *step* at the time when they took it."""
    return any(
        p.part in life.STEPS[step].by and p.user_id == act.actor_id and (p.until is None or act.at <= p.until)
        for p in people_on(case)
    )


def accept(entry: Entry, body: dict[str, Any], _memory: Memory) -> Applied:
    """The owner takes the case on.

    Raises:
        Held: the case has not arrived.
        Refused: STEP_NOT_NOW, STEP_NOT_YOURS.
    """
    case = _case(entry, body)
    act = _act(entry, case, body)
    with _refusals():
        _step(case, "accept", act, lambda: steps.accept(case, act))
    return Applied()


def give_back(entry: Entry, body: dict[str, Any], _memory: Memory) -> Applied:
    """The owner returns the case; raises as :func:`accept`."""
    case = _case(entry, body)
    act = _act(entry, case, body, reason=body["reason"])
    with _refusals():
        _step(case, "return", act, lambda: steps.give_back(case, act))
    return Applied()


def arrive(entry: Entry, body: dict[str, Any], memory: Memory) -> Applied:
    """The owner says to be there, with a proof; raises as :func:`accept`."""
    case = _case(entry, body)
    act, applied = _proved(entry, case, body, memory)
    with _refusals():
        _step(case, "arrive", act, lambda: steps.arrive(case, act))
    return applied


def resolve(entry: Entry, body: dict[str, Any], memory: Memory) -> Applied:
    """The problem is gone, as the photos show; raises as :func:`accept`."""
    case = _case(entry, body)
    act, applied = _proved(entry, case, body, memory)
    with _refusals():
        _step(case, "resolve", act, lambda: steps.resolve_case(case, act))
    return applied


def verify(entry: Entry, body: dict[str, Any], memory: Memory) -> Applied:
    """Somebody else has looked; raises as :func:`accept`."""
    case = _case(entry, body)
    act, applied = _proved(entry, case, body, memory)
    with _refusals():
        steps.verify(case, act, passed=body["passed"])
    return applied


def note(entry: Entry, body: dict[str, Any], _memory: Memory) -> Applied:
    """A note of progress; raises as :func:`accept`."""
    case = _case(entry, body)
    act = _act(entry, case, body)
    with _refusals():
        _step(case, "note", act, lambda: watching.note(case, act))
    return Applied()


def ask_hold(entry: Entry, body: dict[str, Any], _memory: Memory) -> Applied:
    """The owner asks for a hold; raises as :func:`accept`."""
    case = _case(entry, body)
    act = _act(entry, case, body)
    with _refusals():
        _step(case, "ask_hold", act, lambda: steps.ask(case, act, until=body["until"]))
    return Applied()


def ask_extension(entry: Entry, body: dict[str, Any], _memory: Memory) -> Applied:
    """The owner asks for more time; raises as :func:`accept`."""
    case = _case(entry, body)
    act = _act(entry, case, body)
    with _refusals():
        _step(case, "ask_extension", act, lambda: steps.ask(case, act, amount=body["amount"]))
    return Applied()


def resume(entry: Entry, body: dict[str, Any], _memory: Memory) -> Applied:
    """The owner goes on before the hold ends; raises as :func:`accept`."""
    case = _case(entry, body)
    act = _act(entry, case, body)
    with _refusals():
        _step(case, "resume", act, lambda: steps.resume(case, act))
    return Applied()


def co_done(entry: Entry, body: dict[str, Any], _memory: Memory) -> Applied:
    """A co-handler has done their part; raises as :func:`accept`."""
    case = _case(entry, body)
    act = _act(entry, case, body)
    with _refusals():
        _step(case, "co_done", act, lambda: steps.co_done(case, act))
    return Applied()


def join(entry: Entry, body: dict[str, Any], _memory: Memory) -> Applied:
    """Another person has found the same; where the case has ended meanwhile, that is refused and the
    person reports it as a new one. Raises as :func:`accept`."""
    case = _case(entry, body)
    with _refusals():
        steps.join(case, _act(entry, case, body), "patrol", entry.user_id)
    return Applied()
