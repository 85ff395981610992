"""Acts on people: duty, and the logs of their phones."""

from __future__ import annotations

import base64
import binascii
from datetime import date, datetime, timedelta
from typing import Any, cast
from uuid import UUID

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from app.core import clock, problems
from app.core.entry import Applied, Entry, Held, Memory, Refused
from app.core.extensions import db
from app.core.problems import Problem
from app.ledger.service import record
from app.people import queries, rights, shift_rules
from app.people.models import PhoneLog, Shift, User
from app.people.shift_rules import End, EndKind, Span
from app.places.models import Place

FORGOTTEN_BATCH = 500
LOGS_A_DAY = 20  # a browser that forgets everything needs a new log; nobody needs more than these


def start_shift(entry: Entry, body: dict[str, Any], _memory: Memory) -> Applied:
    """Put the person of *entry* on duty; another open shift of theirs ends where this one starts.

    Raises:
        Refused: FORBIDDEN without a field post in force on that day, or not at the place named;
            ENTRY_ID_REUSED where another entry has started a shift with this id.
    """
    if db.session.get(Shift, entry.id) is not None:
        raise Refused(problems.ENTRY_ID_REUSED)
    # One start at a time per person, or two phones would each miss the other's shift.
    db.session.execute(select(User.id).where(User.id == entry.user_id).with_for_update(key_share=True))
    started_at = shift_rules.start_of(entry.at, entry.received_at)
    place_code = _duty_place(entry.user_id, body["place"], started_at.astimezone(clock.SHANGHAI).date())
    others = db.session.scalars(
        select(Shift)
        .where(Shift.user_id == entry.user_id, Shift.started_at > started_at - shift_rules.MAX_LENGTH)
        .order_by(Shift.started_at)
        .with_for_update(),
        execution_options={"populate_existing": True},  # the batch may have read them before the lock
    ).all()
    shift = Shift(
        id=entry.id,
        street_code=entry.street_code,
        user_id=entry.user_id,
        device_id=entry.device_id,
        place_code=place_code,
        started_at=started_at,
    )
    db.session.add(shift)
    _tell("shift.started", shift, actor_id=entry.user_id, data={"started_at": started_at.isoformat()})
    for other in others:
        _end(other, shift_rules.end_superseded(_span(other), started_at), actor_id=entry.user_id)
    later = [other.started_at for other in others if other.started_at > started_at]
    _end(shift, shift_rules.end_of_late_start(_span(shift), later), actor_id=entry.user_id)
    return Applied(keep_payload=taken_on_duty(entry, body["fix"], shift))


def _duty_place(user_id: UUID, wanted: str | None, on: date) -> str:
    """The place of duty: that of the field post which reaches *wanted*, or of the first field post."""
    posts = [
        post
        for post in queries.held_posts(user_id)
        if post.role in rights.FIELD_ROLES and rights.in_force(post, on)
    ]
    posts.sort(key=lambda post: (rights.FIELD_ROLES.index(post.role), post.place_code))
    if wanted is not None:
        path = db.session.scalar(select(Place.path).where(Place.code == wanted)) or []
        posts = [post for post in posts if post.place_code in path]
    if not posts:
        raise Refused(problems.FORBIDDEN, "Duty needs a field post in force at this place on this day.")
    return posts[0].place_code


def end_shift(entry: Entry, body: dict[str, Any], _memory: Memory) -> Applied:
    """Take the person off duty; an end later than the one known changes nothing.

    Raises:
        Held: the shift has not arrived.
        Refused: ENTRY_NOT_YOURS where the shift is somebody else's.
    """
    shift = own_shift(entry, body["shift"], lock=True)
    end = shift_rules.end_said(_span(shift), entry.at, automatic=body["automatic"])
    _end(shift, end, actor_id=entry.user_id)
    return Applied()


def own_shift(entry: Entry, shift_id: UUID, *, lock: bool = False) -> Shift:
    """The shift that *entry* names.

    Args:
        lock: read it anew and keep others from changing it until the transaction ends.

    Raises:
        Held: the shift has not arrived.
        Refused: ENTRY_NOT_YOURS where the shift is somebody else's.
    """
    shift = db.session.get(Shift, shift_id, with_for_update=lock or None, populate_existing=lock)
    if shift is None:
        raise Held(shift_id, problems.NO_SUCH_SHIFT)
    if shift.user_id != entry.user_id:
        raise Refused(problems.ENTRY_NOT_YOURS, "The shift belongs to another person.")
    return shift


def shift_bounds(shift: Shift) -> tuple[datetime, datetime]:
    """The first and last moment that count as on duty, the slack included."""
    return shift_rules.bounds(_span(shift))


def during(shift: Shift, at: datetime) -> bool:
    """True where *at* lies inside the shift, which never lasts longer than 12 hours."""
    opens, closes = shift_bounds(shift)
    return opens <= at <= closes


def taken_on_duty(entry: Entry, fix: dict[str, Any] | None, shift: Shift) -> bool:
    """False where *entry* carries a position that was not taken during *shift*; such are not stored."""
    return fix is None or during(shift, entry.corrected(fix["at"]))


def end_forgotten_shifts(now: datetime) -> int:
    """End the shifts that nobody ended within 12 hours; returns how many. For the worker's tick.

    Any number of workers may run it at once: a shift that one of them holds is passed over.
    """
    overdue = db.session.scalars(
        select(Shift)
        .where(Shift.ended_at.is_(None), Shift.started_at <= now - shift_rules.MAX_LENGTH)
        .order_by(Shift.started_at)
        .limit(FORGOTTEN_BATCH)
        .with_for_update(skip_locked=True)
    ).all()
    for shift in overdue:
        _end(shift, shift_rules.end_forgotten(_span(shift), now), actor_id=None)
    return len(overdue)


def shift_covering(user_id: UUID, at: datetime) -> Shift | None:
    """The shift of a person that *at* lies in, the latest started where there are two."""
    return db.session.scalar(
        select(Shift)
        .where(
            Shift.user_id == user_id,
            Shift.started_at <= at,
            Shift.started_at >= at - shift_rules.MAX_LENGTH,
            Shift.ended_at.is_(None) | (Shift.ended_at >= at),
        )
        .order_by(Shift.started_at.desc())
        .limit(1)
    )


def _span(shift: Shift) -> Span:
    return Span(shift.started_at, shift.ended_at, cast("EndKind | None", shift.end_kind))


def _end(shift: Shift, end: End | None, *, actor_id: UUID | None) -> None:
    """Set *end* on *shift*, if there is one to set; *actor_id* None is the worker."""
    if end is None:
        return
    shift.ended_at, shift.end_kind = end.at, end.kind
    data = {"ended_at": end.at.isoformat(), "end_kind": end.kind}
    _tell("shift.ended", shift, actor_id=actor_id, data=data)


def _tell(action: str, shift: Shift, *, actor_id: UUID | None, data: dict[str, str]) -> None:
    record(
        action,
        actor_id=actor_id,
        actor_kind="user" if actor_id else "worker",
        street_code=shift.street_code,
        place_code=shift.place_code,
        subject_kind="shift",
        subject_id=shift.id,
        data={"user_id": str(shift.user_id), **data},
    )


def register_log(
    log_id: UUID, *, user_id: UUID, street_code: str, device_id: UUID, public_key: str, label: str
) -> PhoneLog:
    """Keep the public key that a log's entries will be signed with; the same again changes nothing.

    Args:
        public_key: DER SubjectPublicKeyInfo of a P-256 key in standard base64.

    Raises:
        Problem: INVALID (not such a key), LOG_NOT_YOURS, ID_REUSED (another key or device, or the key of
            another person's log), TOO_MANY_REQUESTS.
    """
    key = _read_public_key(public_key)
    now = clock.now()
    if db.session.get(PhoneLog, log_id) is None:
        _admit_log(user_id, key, now)
    made = db.session.scalar(
        insert(PhoneLog)
        .values(
            id=log_id,
            street_code=street_code,
            user_id=user_id,
            device_id=device_id,
            public_key=key,
            label=label,
            registered_at=now,
        )
        .on_conflict_do_nothing(index_elements=["id"])
        .returning(PhoneLog.id)
    )
    log = db.session.get_one(PhoneLog, log_id)
    if log.user_id != user_id:
        raise Problem(problems.LOG_NOT_YOURS)
    if (log.public_key, log.device_id) != (key, device_id):
        raise Problem(problems.ID_REUSED, "This log is registered with another key or device.")
    if made is not None:
        record(
            "log.registered",
            actor_id=user_id,
            street_code=street_code,
            place_code=street_code,
            subject_kind="log",
            subject_id=log_id,
            data={"device_id": str(device_id)},
        )
    return log


def _admit_log(user_id: UUID, key: bytes, now: datetime) -> None:
    """Raise a Problem where a further log may not have *key*, or the person has had enough of them."""
    # One at a time for a key and for a person, or two together would each miss the other.
    turn = select(func.pg_advisory_xact_lock(func.hashtext("log.key"), func.hashtext(key.hex())))
    db.session.execute(turn)
    db.session.execute(select(User.id).where(User.id == user_id).with_for_update(key_share=True))
    others = select(PhoneLog.id).where(PhoneLog.public_key == key, PhoneLog.user_id != user_id)
    if db.session.scalar(others.limit(1)) is not None:
        raise Problem(problems.ID_REUSED, "This key belongs to the log of another person.")
    latest = db.session.scalars(
        select(PhoneLog.registered_at)
        .where(PhoneLog.user_id == user_id, PhoneLog.registered_at > now - timedelta(days=1))
        .order_by(PhoneLog.registered_at.desc())
        .limit(LOGS_A_DAY)
    ).all()
    if len(latest) == LOGS_A_DAY:
        wait_s = max(1, int((latest[-1] + timedelta(days=1) - now).total_seconds()) + 1)
        detail = f"{LOGS_A_DAY} logs were registered within a day."
        raise Problem(problems.TOO_MANY_REQUESTS, detail, headers={"Retry-After": str(wait_s)})


def _read_public_key(text: str) -> bytes:
    """The key in its one DER form (uncompressed point), whatever form it came in."""
    try:
        key = load_der_public_key(base64.b64decode(text, validate=True))
    except (ValueError, binascii.Error, UnsupportedAlgorithm) as error:
        raise _no_key() from error
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        raise _no_key()
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _no_key() -> Problem:
    words = ["Not the base64 SubjectPublicKeyInfo of a P-256 key."]
    return Problem(problems.INVALID, errors={"json": {"public_key": words}})
