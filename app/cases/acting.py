"""One step on a case: who may, what it changes, what is written down. Everything that happens to a case
passes through here, whether a phone, the console or the clock does it.

A step adds to the session; it neither flushes nor commits. The case's row is locked from reading to the
commit, so that steps on one case take turns.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, update

from app.cases import life
from app.cases.models import CaseEvent, CaseFile, CasePerson
from app.core import problems
from app.core.extensions import db
from app.core.idempotency import fingerprint
from app.core.problems import Problem, ProblemType
from app.ledger import service as ledger
from app.media import service as media
from app.notify import service as notify

SUBJECT = "case"  # what photos, timers, messages and ledger rows call it

# A step in the past tense, as the ledger tells it.
TOLD = {
    "file": "case.filed",
    "dispatch": "case.dispatched",
    "accept": "case.accepted",
    "return": "case.returned",
    "arbitrate": "case.arbitrated",
    "arrive": "case.arrived",
    "resolve": "case.resolved",
    "verify_pass": "case.verified",
    "verify_fail": "case.sent_back",
    "close": "case.closed",
    "hold": "case.held",
    "resume": "case.resumed",
    "void": "case.voided",
    "link": "case.linked",
    "reopen": "case.reopened",
    "raise": "case.raised",
    "note": "case.noted",
    "ask_hold": "case.hold_asked",
    "ask_extension": "case.extension_asked",
    "decide": "case.request_decided",
    "call_in": "case.called_in",
    "name_watcher": "case.watcher_named",
    "co_done": "case.co_done",
    "join": "case.joined",
    "escalate": "case.escalated",
    "late": "case.step_late",
}


class StepRefused(Exception):
    """The step is not legal; the phone's entry or the console's request is refused with this problem."""

    def __init__(self, kind: ProblemType, detail: str = "") -> None:
        super().__init__(detail or kind.title)
        self.kind = kind
        self.detail = detail or kind.title


@dataclass(frozen=True, slots=True)
class Act:
    """A step as it came.

    Attributes:
        id: of the log entry, the request, or made by the server.
        actor_id: None for the rules themselves.
        at: when it was done, the skew of the phone's clock taken away.
        verbs: what the actor's posts allow at the case's place.
        content: what the step was made of, so that an id used again for something else is noticed.
    """

    id: UUID
    actor_id: UUID | None
    at: datetime
    received_at: datetime
    text: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    photos: Sequence[media.Claim] = ()
    verbs: frozenset[str] = frozenset()
    content: dict[str, Any] = field(default_factory=dict)

    @property
    def fingerprint(self) -> bytes:
        """Of everything that makes this step this step."""
        return fingerprint({"by": self.actor_id, "text": self.text, **self.content})


def lock_case(street_code: str, case_id: UUID) -> CaseFile | None:
    """The case, read anew and locked until the end of the transaction."""
    return db.session.get(CaseFile, (street_code, case_id), with_for_update=True, populate_existing=True)


def stored_event(street_code: str, act: Act) -> CaseEvent | None:
    """The event that this very act has become before.

    Raises:
        Problem: ID_REUSED where the id was used for something else.
    """
    statement = select(CaseEvent).where(CaseEvent.street_code == street_code, CaseEvent.id == act.id)
    event = db.session.scalar(statement)
    if event is not None and bytes(event.fingerprint) != act.fingerprint:
        raise Problem(problems.ID_REUSED)
    return event


def parts_of(
    case: CaseFile,
    user_id: UUID | None,
    verbs: Collection[str],
    people: Collection[CasePerson] | None = None,
) -> frozenset[str]:
    """What a person is to the case: by name, and by what their posts allow at its place.

    Args:
        people: everybody with a part, where the caller has read them already.
    """
    if user_id is None:
        return frozenset({"system"})
    named = {
        part
        for part, holder in (
            ("owner", case.owner_id),
            ("watcher", case.watcher_id),
            ("arbiter", case.arbiter_id),
        )
        if holder == user_id
    }
    people = people_on(case) if people is None else people
    helped = frozenset(p.user_id for p in people if took_part(p))
    if any(p.user_id == user_id and p.part == "co_handler" and p.until is None for p in people):
        named.add("co_handler")
    gave_back = {p.user_id for p in people if p.part == "owner" and p.end_reason == "returned"}
    if case.arbiter_id is None and "case.arbitrate" in verbs and user_id not in gave_back:
        named.add("arbiter")
    if case.watcher_id is None and "case.watch" in verbs and user_id not in helped:
        named.add("watcher")
    if "case.dispatch" in verbs:
        named.add("dispatcher")
    if "case.raise" in verbs:
        named.add("supervisor")
    if "case.verify" in verbs and user_id not in helped and _may_check(case, user_id):
        named.add("verifier")
    if "case.read" in verbs:
        named.add("reporter")
    return frozenset(named)


def _may_check(case: CaseFile, user_id: UUID) -> bool:
    """False for whoever did the work, for the watcher, whose word counts only after somebody else's, and for
    whoever found it while another person is asked."""
    if user_id in {case.resolver_id, case.owner_id, case.watcher_id}:
        return False
    return user_id != case.reporter_id or case.verifier_id in {None, user_id}


def took_part(person: CasePerson) -> bool:
    """True where somebody answers for the case, answered for it, or did a part of it: the work is theirs, so
    verifying it is not. An owner who never accepted, and is none any more, did nothing."""
    if person.part == "co_handler":
        return True
    return person.part == "owner" and (person.accepted_at is not None or person.until is None)


def workers_on(case: CaseFile) -> frozenset[UUID]:
    """Everybody who was to do the work or did a part of it: owners, asked or accepted, and co-handlers."""
    return frozenset(p.user_id for p in people_on(case) if p.part in {"owner", "co_handler"})


def is_new(case: CaseFile) -> bool:
    """True where nothing of the case is written yet: then the tables need not be asked about it."""
    return case in db.session.new


def people_on(case: CaseFile) -> list[CasePerson]:
    """Everybody with a part in the case, then and now, those not written yet included."""
    written: list[CasePerson] = []
    if not is_new(case):
        statement = select(CasePerson).where(
            CasePerson.street_code == case.street_code, CasePerson.case_id == case.id
        )
        written = list(db.session.scalars(statement))
    waiting = [row for row in db.session.new if isinstance(row, CasePerson) and row.case_id == case.id]
    return [*written, *waiting]


def take(case: CaseFile, step: str, act: Act, parts: Collection[str] | None = None) -> CaseEvent:
    """Take a legal step: move the state, write the event and the ledger row, attach the photos.

    Args:
        parts: what the actor is to the case, where the caller knows it already.

    Raises:
        StepRefused: STEP_NOT_NOW or STEP_NOT_YOURS.
    """
    if parts is None:
        parts = parts_of(case, act.actor_id, act.verbs)
    verdict = life.decide(case.state, case.previous_state, step, parts)
    if verdict.to_state is None:
        if verdict.refusal == "part":
            raise StepRefused(problems.STEP_NOT_YOURS)
        raise StepRefused(problems.STEP_NOT_NOW, f"{step} does not fit a case that is {case.state}.")
    return write(case, step, act, verdict.to_state)


def write(case: CaseFile, step: str, act: Act, to_state: str) -> CaseEvent:
    """Write down what has been decided already."""
    event = CaseEvent(
        street_code=case.street_code,
        case_id=case.id,
        ordinal=case.version + 1,
        id=act.id,
        step=step,
        from_state=None if step == "file" else case.state,
        to_state=to_state,
        actor_id=act.actor_id,
        at=act.at,
        received_at=act.received_at,
        text=act.text,
        data=act.data,
        fingerprint=act.fingerprint,
    )
    db.session.add(event)
    if to_state != case.state and step == "hold":
        case.previous_state = case.state
    case.version += 1
    case.state = to_state
    if to_state in life.ENDED:
        case.ended_at = act.received_at
    if act.photos and act.actor_id is not None:
        media.use_photos(
            street_code=case.street_code,
            place_code=case.place_code,
            subject_kind=SUBJECT,
            subject_id=case.id,
            entry_id=act.id,
            used_by=act.actor_id,
            claims=act.photos,
            now=act.received_at,
        )
    if act.actor_id is not None and step != "file":
        # whoever acts on a case has seen what they were told about it
        notify.acknowledge(case.street_code, act.actor_id, SUBJECT, case.id, act.received_at)
    _tell(case, event)
    return event


_FACTS = ("owner_id", "reason", "trigger", "raise_to", "replace", "why", "facts", "grade", "granted", "kind")


def _tell(case: CaseFile, event: CaseEvent) -> None:
    """The ledger row: what happened, without words or positions, which the timeline keeps."""
    facts = {name: event.data[name] for name in _FACTS if name in event.data}
    ledger.record(
        TOLD[event.step],
        actor_id=event.actor_id,
        actor_kind="user" if event.actor_id else "worker",
        street_code=case.street_code,
        place_code=case.place_code,
        subject_kind=SUBJECT,
        subject_id=case.id,
        data={"number": case.number, "state": event.to_state, "version": event.ordinal} | facts,
    )


def appoint(case: CaseFile, user_id: UUID, part: str, why: str, at: datetime) -> None:
    """Give *user_id* a part in the case; whoever held it alone before loses it."""
    if part != "co_handler":
        release(case, part, "replaced", at)
        setattr(case, f"{part}_id", user_id)
    db.session.add(
        CasePerson(
            street_code=case.street_code,
            case_id=case.id,
            user_id=user_id,
            part=part,
            why=why,
            since=at,
        )
    )


def release(case: CaseFile, part: str, reason: str, at: datetime, *, user_id: UUID | None = None) -> None:
    """End the present holders of *part*, or one of them."""
    for row in db.session.new:
        if isinstance(row, CasePerson) and row.case_id == case.id and _holds(row, part, user_id):
            row.until, row.end_reason = at, reason
    if not is_new(case):
        _release_written(case, part, reason, at, user_id)
    if part != "co_handler":
        setattr(case, f"{part}_id", None)


def _release_written(case: CaseFile, part: str, reason: str, at: datetime, user_id: UUID | None) -> None:
    changed = update(CasePerson).where(
        CasePerson.street_code == case.street_code,
        CasePerson.case_id == case.id,
        CasePerson.part == part,
        CasePerson.until.is_(None),
    )
    if user_id is not None:
        changed = changed.where(CasePerson.user_id == user_id)
    db.session.execute(changed.values(until=at, end_reason=reason))


def _holds(row: CasePerson, part: str, user_id: UUID | None) -> bool:
    return row.part == part and row.until is None and user_id in {None, row.user_id}


def accept_as(case: CaseFile, user_id: UUID, at: datetime) -> None:
    """Note when the present owner took the case on, by their own clock: positions count from then."""
    db.session.execute(
        update(CasePerson)
        .where(
            CasePerson.street_code == case.street_code,
            CasePerson.case_id == case.id,
            CasePerson.user_id == user_id,
            CasePerson.part == "owner",
            CasePerson.until.is_(None),
        )
        .values(accepted_at=at)
    )


def former_owners(case: CaseFile) -> frozenset[UUID]:
    """Everybody who has owned the case, the present owner included."""
    return frozenset(p.user_id for p in people_on(case) if p.part == "owner")


def accepted_since(case: CaseFile, user_id: UUID) -> datetime | None:
    """When the present owner *user_id* took the case on; None where they have not."""
    return next(
        (
            p.accepted_at
            for p in people_on(case)
            if p.user_id == user_id and p.part == "owner" and p.until is None
        ),
        None,
    )
