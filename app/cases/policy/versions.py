"""The escalation policies of the streets: kept in versions, read once, replaced by newer ones only."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import select, text

from app.cases.policy.document import Fault, Policy, PolicyFault, document, read_policy
from app.cases.policy.faults import faults
from app.cases.reference_models import CasePolicy
from app.core import problems
from app.core.extensions import db
from app.core.idempotency import fingerprint
from app.core.once import keep, once
from app.core.problems import Problem
from app.ledger import service as ledger

MAX_FAULTS = 100  # told at once


def load_policy(street_code: str, version: int | None = None) -> Policy:
    """The policy of a street, the newest or a given version.

    One short query, for a given version one a session; what was read is kept in the process, because a
    version never changes.

    Raises:
        Problem: POLICY_MISSING where there is none.
    """
    return _read(*_found(street_code, version))


def current_version(street_code: str) -> int:
    """The version in force for new cases.

    Raises:
        Problem: POLICY_MISSING where the street has none.
    """
    return int(_found(street_code, None)[1])


def check(content: Any) -> tuple[Policy | None, tuple[Fault, ...]]:
    """The policy that a JSON value describes, None where it cannot be read, and all that is wrong with it."""
    try:
        policy = read_policy(content)
    except PolicyFault as unreadable:
        return None, unreadable.faults[:MAX_FAULTS]
    return policy, faults(policy)[:MAX_FAULTS]


def sound(content: Any) -> Policy:
    """The policy that a JSON value describes.

    Raises:
        Problem: POLICY_FAULTY, with the faults as a member.
    """
    policy, wrong = check(content)
    if policy is None or wrong:
        told = [{"path": f.path, "code": f.code, "zh": f.zh, "en": f.en} for f in wrong]
        raise Problem(problems.POLICY_FAULTY, faults=told)
    return policy


def save_policy(street_code: str, content: Any, by: UUID | None, now: datetime) -> int:
    """Put a policy in force for cases filed from now on; returns its version.

    The content of the version in force, sent again, makes no new one; that of an older version does, so
    that one can go back.

    Args:
        by: None: the command line.

    Raises:
        Problem: POLICY_FAULTY, with the faults as a member.
    """
    policy = sound(content)
    written = document(policy)
    lock = text("select pg_advisory_xact_lock(hashtext('case_policy'), hashtext(:street))")
    db.session.execute(lock, {"street": street_code})  # two at once must not take the same number
    newest = _head(street_code, None)
    mark = fingerprint(written)
    if newest is not None and newest[1] == mark:
        return newest[0]
    version = newest[0] + 1 if newest is not None else 1
    db.session.add(
        CasePolicy(
            street_code=street_code,
            version=version,
            name=policy.name,
            document=written,
            created_at=now,
            created_by=by,
            fingerprint=mark,
        )
    )
    ledger.record(
        "policy.saved",
        actor_id=by,
        actor_kind="cli" if by is None else "user",
        street_code=street_code,
        place_code=street_code,
        subject_kind="policy",
        subject_id=str(version),
        data={"version": version, "rules": len(policy.rules), "fingerprint": mark.hex()},
    )
    db.session.flush()
    return version


def remember(street_code: str, version: int, fingerprint: bytes) -> None:
    """Spare the session the question what that version is."""
    keep(("policy", street_code, version), (version, fingerprint))


def _head(street_code: str, version: int | None) -> tuple[int, bytes] | None:
    """Number and fingerprint of a version, of the newest where None."""
    wanted = select(CasePolicy.version, CasePolicy.fingerprint).where(CasePolicy.street_code == street_code)
    if version is not None:
        wanted = wanted.where(CasePolicy.version == version)
    row = db.session.execute(wanted.order_by(CasePolicy.version.desc()).limit(1)).one_or_none()
    return (row.version, bytes(row.fingerprint)) if row else None


def _found(street_code: str, version: int | None) -> tuple[str, int, bytes]:
    if version is None:
        found = _head(street_code, None)
        if found is not None:
            remember(street_code, *found)
    else:
        found = once(("policy", street_code, version), lambda: _head(street_code, version))
    if found is None:
        which = "any policy" if version is None else f"version {version} of the policy"
        raise Problem(problems.POLICY_MISSING, f"{street_code} does not have {which}: flask policy import")
    return street_code, *found


@lru_cache(maxsize=256)
def _read(street_code: str, version: int, _fingerprint: bytes) -> Policy:
    """Read a version whole; the fingerprint tells apart the databases that a process may see."""
    row = db.session.get_one(CasePolicy, (street_code, version))
    return read_policy(row.document)
