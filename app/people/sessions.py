"""Signing in, staying signed in, signing out.

Refusals that must leave a trace (a counted failure, an ended family) are *returned* as a Problem: a
raised one would roll the trace back.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, select, true, update

from app.core import clock, current, problems
from app.core.extensions import db
from app.core.ids import uuid7
from app.core.problems import Problem
from app.ledger.service import record
from app.people import guessing, passwords, refresh_rules
from app.people.models import RefreshToken, SignInSession, User
from app.people.refresh_rules import Family, Token, Verdict

KEPT = timedelta(days=90)  # after the end, so that a dead token is still known for what it is
FORGOTTEN_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session with the refresh token to hand out; the token itself is stored nowhere."""

    user_id: UUID
    street_code: str
    session_id: UUID
    refresh_token: str
    expires_at: datetime


def sign_in(username: str, password: str, user_agent: str) -> SignedIn | Problem:
    """Open a session, or say why not; a failure is counted, for names that nobody has, too."""
    now = clock.now()
    wanted = username.strip().lower()
    refusal = guessing.take_turn(wanted, now)
    if refusal is not None:
        return refusal
    user = db.session.scalar(
        select(User).where(User.username == wanted, User.active, _admitted()).with_for_update(key_share=True)
    )
    if user is None:
        passwords.fits(passwords.nobodys_hash(), password)
        guessing.count_failure(wanted, now)
        return Problem(problems.WRONG_CREDENTIALS)
    if not _fits(user, password, now):
        return Problem(problems.WRONG_CREDENTIALS)
    if passwords.is_outdated(user.password_hash):
        user.password_hash = passwords.hash_password(password)
    session = SignInSession(
        id=uuid7(now),
        user_id=user.id,
        started_at=now,
        last_used_at=now,
        expires_at=refresh_rules.expires_at(now, now),
        user_agent=user_agent[:300],
    )
    db.session.add(session)
    db.session.flush()
    _tell("user.signed_in", user, session.id, {})
    return _hand_out(session, user, None, now)


def _admitted() -> ColumnElement[bool]:
    """Everybody in development; in production all but the demo accounts, whose password is public."""
    return ~User.demo if current.settings().is_production else true()


def _fits(user: User, password: str, now: datetime) -> bool:
    """Whether *password* is right; a failure is counted and recorded. The caller has the name's turn."""
    if passwords.fits(user.password_hash, password):
        guessing.forget(user.username)
        return True
    guessed = guessing.count_failure(user.username, now)
    record(
        "sign_in.failed",
        actor_id=None,
        street_code=user.street_code,
        place_code=user.street_code,
        subject_kind="user",
        subject_id=user.id,
        data={"failures": guessed.failures, "locked": guessed.locked},
    )
    return False


def refresh(token: str) -> SignedIn | Problem:
    """Exchange a refresh token for a successor, or say why not; a dead token ends its family."""
    now = clock.now()
    found = db.session.execute(
        select(SignInSession, RefreshToken, User)
        .join(RefreshToken, RefreshToken.session_id == SignInSession.id)
        .join(User, User.id == SignInSession.user_id)
        .where(RefreshToken.token_hash == _hash(token), User.active, _admitted())
        .with_for_update(of=SignInSession)
    ).one_or_none()
    if found is None:
        return Problem(problems.SESSION_ENDED)
    session, row, user = found
    db.session.refresh(row)  # another refresh may have killed it while this one waited for the lock
    family = Family(ended=session.ended_at is not None, expires_at=session.expires_at)
    verdict = refresh_rules.judge(_link(row), family, now)
    if verdict is Verdict.REUSED:
        _end(session, user, "token_reused", now)
    if verdict is not Verdict.ROTATE:
        return Problem(problems.SESSION_ENDED)
    _kill_older(row, now)
    row.used_at = row.used_at or now
    session.last_used_at = now
    session.expires_at = refresh_rules.expires_at(session.started_at, now)
    return _hand_out(session, user, row.token_hash, now)


def _kill_older(row: RefreshToken, now: datetime) -> None:
    """Revoke what dies because *row* is used."""
    living = db.session.scalars(
        select(RefreshToken).where(
            RefreshToken.session_id == row.session_id, RefreshToken.revoked_at.is_(None)
        )
    ).all()
    dying = refresh_rules.dies_with(_link(row), [_link(other) for other in living])
    for other in living:
        if other.token_hash in dying:
            other.revoked_at = now


def _link(row: RefreshToken) -> Token:
    return Token(row.token_hash, row.predecessor_hash, dead=row.revoked_at is not None)


def _hand_out(session: SignInSession, user: User, predecessor: bytes | None, now: datetime) -> SignedIn:
    token = secrets.token_urlsafe(32)
    db.session.add(
        RefreshToken(
            token_hash=_hash(token), session_id=session.id, issued_at=now, predecessor_hash=predecessor
        )
    )
    return SignedIn(user.id, user.street_code, session.id, token, session.expires_at)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


def session_of(token: str) -> UUID | None:
    """The session that a refresh token, living or dead, belongs to."""
    return db.session.scalar(select(RefreshToken.session_id).where(RefreshToken.token_hash == _hash(token)))


def sign_out(session_id: UUID) -> None:
    """End one session; its access tokens stop working at once."""
    session = db.session.get_one(SignInSession, session_id, with_for_update=True)
    _end(session, db.session.get_one(User, session.user_id), "signed_out", clock.now())


def sign_out_everywhere(user_id: UUID, *, reason: str = "everywhere", spare: UUID | None = None) -> None:
    """End all sessions of a person, except the one to *spare*."""
    now = clock.now()
    user = db.session.get_one(User, user_id)
    living = select(SignInSession).where(SignInSession.user_id == user_id, SignInSession.ended_at.is_(None))
    for session in db.session.scalars(living.with_for_update()):
        if session.id != spare and session.expires_at > now:
            _end(session, user, reason, now)


def _end(session: SignInSession, user: User, reason: str, now: datetime) -> None:
    if session.ended_at is not None:
        return
    session.ended_at, session.end_reason = now, reason
    db.session.execute(
        update(RefreshToken)
        .where(RefreshToken.session_id == session.id, RefreshToken.revoked_at.is_(None))
        .values(revoked_at=now)
    )
    _tell("session.ended", user, session.id, {"reason": reason})


def change_password(user_id: UUID, session_id: UUID, current_password: str, new: str) -> Problem | None:
    """Set a new password and end all other sessions; None where done, otherwise why not.

    A wrong *current_password* counts as a failed sign-in, so that a found phone is no guessing machine.

    Raises:
        Problem: WEAK_PASSWORD with the rule that *new* breaks.
    """
    now = clock.now()
    user = db.session.get_one(User, user_id)
    weakness = passwords.weakness(new, user.username)
    if weakness:
        raise Problem(problems.WEAK_PASSWORD, weakness)
    refusal = guessing.take_turn(user.username, now)
    if refusal is not None:
        return refusal
    db.session.refresh(user, with_for_update={"key_share": True})
    if not _fits(user, current_password, now):
        return Problem(problems.WRONG_CREDENTIALS)
    user.password_hash = passwords.hash_password(new)
    user.password_changed_at = now
    sign_out_everywhere(user_id, reason="password_changed", spare=session_id)
    record(
        "user.password_changed",
        actor_id=user.id,
        street_code=user.street_code,
        place_code=user.street_code,
        subject_kind="user",
        subject_id=user.id,
    )
    return None


def reset_password(username: str, password: str) -> bool:
    """Set a password that the administrator hands over; locks and sessions end. False: no such person.

    A demo account becomes a real one: its password is no longer the public one.
    """
    guessing.take_turn(username, clock.now())  # not before a try that is under way; a lock is lifted below
    user = db.session.scalar(select(User).where(User.username == username).with_for_update(key_share=True))
    if user is None:
        return False
    user.password_hash = passwords.hash_password(password)
    user.password_changed_at = clock.now()
    user.demo = False
    guessing.forget(user.username)
    sign_out_everywhere(user.id, reason="password_changed")
    record(
        "user.password_changed",
        actor_id=None,
        actor_kind="cli",
        street_code=user.street_code,
        place_code=user.street_code,
        subject_kind="user",
        subject_id=user.id,
    )
    return True


def forget_old_sessions(now: datetime) -> int:
    """Delete sessions that ended 90 days ago, with their tokens; returns how many. For the worker's tick."""
    ended_at = func.coalesce(SignInSession.ended_at, SignInSession.expires_at)
    old = db.session.scalars(
        select(SignInSession.id)
        .where(ended_at < now - KEPT)
        .limit(FORGOTTEN_AT_ONCE)
        .with_for_update(skip_locked=True)
    ).all()
    db.session.execute(delete(RefreshToken).where(RefreshToken.session_id.in_(old)))
    db.session.execute(delete(SignInSession).where(SignInSession.id.in_(old)))
    return len(old)


def _tell(action: str, user: User, session_id: UUID, data: dict[str, str]) -> None:
    record(
        action,
        actor_id=user.id,
        street_code=user.street_code,
        place_code=user.street_code,
        subject_kind="session",
        subject_id=session_id,
        data=data,
    )
