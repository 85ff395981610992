"""What the console asks for: the same steps as a phone's, each with an id of its own, and the intake of
outside sources."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from psycopg.errors import DeadlockDetected, UniqueViolation
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError, OperationalError

from app.cases import filing, steps, watching
from app.cases.acting import Act, StepRefused, lock_case, stored_event
from app.cases.acting import take as take_step
from app.cases.filing import Found
from app.cases.models import CaseFile
from app.cases.showing import Reader, may_see, visible_case
from app.core import geo, problems
from app.core.extensions import db
from app.core.problems import Problem
from app.people import queries as people
from app.people import rights
from app.people.models import User

Take = Callable[[CaseFile, Act], None]


def take(
    reader: Reader, case_id: UUID, body: dict[str, Any], do: Take, *, name: str, now: datetime
) -> CaseFile:
    """Take one step for the console; the same request again changes nothing.

    Args:
        name: of the step, so that one id is one step.

    Raises:
        Problem: NOT_FOUND, STEP_NOT_NOW, STEP_NOT_YOURS, PERSON_UNFIT, ID_REUSED.
    """
    visible_case(case_id, reader)
    if name == "link":  # two cases, always in the same order, so that no two wait for each other
        for one in sorted((case_id, body["parent_id"])):
            lock_case(reader.street_code, one)
    case = lock_case(reader.street_code, case_id)
    if case is None:
        raise Problem(problems.NOT_FOUND)
    act = Act(
        id=body["id"],
        actor_id=reader.user_id,
        at=now,
        received_at=now,
        text=body.get("text", ""),
        verbs=reader.verbs_at(case.place_code),
        content={"step": name, "case": str(case_id)} | {k: v for k, v in body.items() if k != "id"},
    )
    if stored_event(reader.street_code, act) is None:
        try:
            do(case, act)
            db.session.flush()
        except StepRefused as refusal:
            raise Problem(refusal.kind, refusal.detail) from refusal
        except IntegrityError as error:  # another case's step has taken the id at this very moment
            _refuse_taken(error)
            raise
    return case


def dispatch(body: dict[str, Any], now: datetime) -> Take:
    """To somebody named, or to whom the rules choose."""

    def do(case: CaseFile, act: Act) -> None:
        if body["owner_id"] is None:
            return steps.dispatch_by_rules(case, act)
        _fit(case, body["owner_id"], now)
        return steps.dispatch_to(case, act, body["owner_id"])

    return do


def arbitrate(body: dict[str, Any], now: datetime) -> Take:
    """The arbiter names the owner."""

    def do(case: CaseFile, act: Act) -> None:
        _fit(case, body["owner_id"], now)
        steps.arbitrate(case, act, body["owner_id"])

    return do


def call_in(body: dict[str, Any], now: datetime) -> Take:
    """Another force joins the work."""

    def do(case: CaseFile, act: Act) -> None:
        _fit(case, body["user_id"], now)
        steps.call_in(case, act, body["user_id"])

    return do


def name_watcher(body: dict[str, Any], now: datetime) -> Take:
    """Somebody who may watch, watches from now on."""

    def do(case: CaseFile, act: Act) -> None:
        if "case.watch" not in people.verbs_at(body["user_id"], case.place_code, now):
            raise StepRefused(problems.PERSON_UNFIT, "This person may not watch over cases here.")
        watching.name_watcher(case, act, body["user_id"])

    return do


def link(reader: Reader, body: dict[str, Any]) -> Take:
    """The case is the same as another one, which is locked, too, and which they must see."""

    def do(case: CaseFile, act: Act) -> None:
        parent = lock_case(case.street_code, body["parent_id"])
        if parent is None or not may_see(parent, reader):
            raise StepRefused(problems.NO_SUCH_CASE)
        steps.link(case, act, parent)

    return do


def _fit(case: CaseFile, user_id: UUID, now: datetime) -> None:
    """Refuse people who cannot handle a case of the street at present."""
    street_code, active = db.session.execute(
        select(User.street_code, User.active).where(User.id == user_id)
    ).one_or_none() or ("", False)
    today = people.shanghai_day(now)
    if street_code != case.street_code or not active:
        raise StepRefused(problems.PERSON_UNFIT, "This person does not work here.")
    if "case.handle" not in rights.verbs_of(people.held_posts(user_id), today):
        raise StepRefused(problems.PERSON_UNFIT, "This person has no post that handles cases.")


def take_in(reader: Reader, body: dict[str, Any], scope: frozenset[str], now: datetime) -> CaseFile:
    """File what an outside source reports; a source's own number makes one case, whatever id it came with.

    What comes again under the number of a live case stands in its timeline, and counts once.

    Raises:
        Problem: FORBIDDEN (outside one's places), CLASS_UNKNOWN, ID_REUSED.
    """
    try:
        with db.session.begin_nested():
            return _take_in(reader, body, scope, now)
    except (IntegrityError, OperationalError) as error:
        if not isinstance(error.orig, UniqueViolation | DeadlockDetected):
            raise
    # Somebody filed the same at this very moment, and has committed by now: it is known. Otherwise the id was
    # taken by something else, a step of another case.
    try:
        with db.session.begin_nested():
            return _take_in(reader, body, scope, now)
    except IntegrityError as error:
        _refuse_taken(error)
        raise


def _refuse_taken(error: IntegrityError) -> None:
    """Say so where the database knows the id already; what else it refuses is our fault."""
    if isinstance(error.orig, UniqueViolation):
        raise Problem(problems.ID_REUSED) from error


def _take_in(reader: Reader, body: dict[str, Any], scope: frozenset[str], now: datetime) -> CaseFile:
    lat, lon = geo.to_wgs84(body["lat"], body["lon"], cast("geo.Datum", body["datum"]))
    spot = filing.spot_of(reader.street_code, lat, lon, body["accuracy_m"])
    if spot.place_code not in scope:
        raise Problem(problems.FORBIDDEN, "This place is not yours.")
    known = _known(reader, body)
    if known is not None and known.place_code not in scope:
        raise Problem(problems.FORBIDDEN, "The case of this number lies at a place that is not yours.")
    if known is not None and known.id != body["id"]:
        return _again(known, reader, body, now)
    found = Found(
        id=body["id"],
        street_code=reader.street_code,
        source=body["source"],
        source_ref=body["source_ref"],
        class_key=body["class_key"],
        catalogue_version=None,
        condition=body["condition"],
        measured=body["measured"],
        text=body["text"],
        address=body["address"],
        spot=spot,
        found_at=min(body["found_at"], now),
        received_at=now,
        reporter_id=None,
        fixed_on_spot=False,
        photos=(),
        content={k: v for k, v in body.items() if k != "id"},
    )
    with db.session.no_autoflush:  # written at the end, in the order in which reports of phones are
        return filing.file_case(found)


def _known(reader: Reader, body: dict[str, Any]) -> CaseFile | None:
    """The case of the source's number, locked."""
    statement = select(CaseFile.id).where(
        CaseFile.street_code == reader.street_code,
        CaseFile.source == body["source"],
        CaseFile.source_ref == body["source_ref"],
    )
    case_id = db.session.scalar(statement)
    return lock_case(reader.street_code, case_id) if case_id else None


def _again(known: CaseFile, reader: Reader, body: dict[str, Any], now: datetime) -> CaseFile:
    act = Act(
        id=body["id"],
        actor_id=reader.user_id,
        at=min(body["found_at"], now),
        received_at=now,
        text=body["text"],
        data={"source": body["source"]},
        verbs=frozenset({"case.read"}),
        content={k: v for k, v in body.items() if k != "id"},
    )
    if stored_event(known.street_code, act) is None:
        if known.ended_at is not None:
            steps.too_late(known, "join", act)
        else:
            take_step(known, "join", act)  # the source's own number: the same report once more
    return known
