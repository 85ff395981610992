"""Guessing passwords is slowed down by the name that is tried, whether somebody has it or not."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select

from app.core import problems
from app.core.extensions import db
from app.core.problems import Problem
from app.people import passwords
from app.people.models import SignInFailure

KEPT = timedelta(days=1)  # without a further failure
FORGOTTEN_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class Guessed:
    """A name's failures in a row, this one included."""

    failures: int
    locked: bool


def take_turn(name: str, now: datetime) -> Problem | None:
    """Wait for the tries of *name* that are under way, then say whether another one is allowed now.

    Guesses that arrive together are checked one after the other until the transaction ends, so that
    every one counts. Take the turn before any row of the person, or two tries could wait for each other.
    """
    name_hash = _hash(name)
    turn = int.from_bytes(name_hash[:4], "big", signed=True)
    db.session.execute(select(func.pg_advisory_xact_lock(func.hashtext("sign_in"), turn)))
    known = db.session.get(SignInFailure, name_hash, populate_existing=True)
    if known is None or known.next_try_at is None or known.next_try_at <= now:
        return None
    wait_s = max(1, round((known.next_try_at - now).total_seconds() + 0.5))
    kind = problems.ACCOUNT_LOCKED if _is_locked(known.failures) else problems.TOO_MANY_REQUESTS
    return Problem(kind, f"Try again in {wait_s} s.", headers={"Retry-After": str(wait_s)})


def count_failure(name: str, now: datetime) -> Guessed:
    """Count a wrong password for *name*, whose turn the caller has."""
    name_hash = _hash(name)
    known = db.session.get(SignInFailure, name_hash)
    if known is None:
        known = SignInFailure(name_hash=name_hash, failures=0)
        db.session.add(known)
    known.failures = passwords.failures_after(known.failures)
    known.failed_at = now
    known.next_try_at = passwords.next_try_at(known.failures, now)
    return Guessed(known.failures, _is_locked(known.failures))


def forget(name: str) -> None:
    """Start counting anew for *name*: its password was right, or has been replaced."""
    db.session.execute(delete(SignInFailure).where(SignInFailure.name_hash == _hash(name)))


def forget_old(now: datetime) -> int:
    """Delete the failures of names that nobody tried for a day; returns how many. For the worker's tick."""
    old = db.session.scalars(
        select(SignInFailure.name_hash)
        .where(SignInFailure.failed_at < now - KEPT)
        .limit(FORGOTTEN_AT_ONCE)
        .with_for_update(skip_locked=True)
    ).all()
    db.session.execute(delete(SignInFailure).where(SignInFailure.name_hash.in_(old)))
    return len(old)


def _is_locked(failures: int) -> bool:
    return failures >= passwords.LOCK_AFTER_FAILURES


def _hash(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()
