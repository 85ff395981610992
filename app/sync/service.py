"""The intake of the phone's log: every entry gets a stored result, exactly once, and none is lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, update

from app.core import clock, problems
from app.core.entry import Refused
from app.core.extensions import db
from app.ledger import service as ledger
from app.sync import queries, retention
from app.sync.candidates import (
    CHAIN_PATIENCE,
    PARENT_PATIENCE,
    Candidate,
    Log,
    Outcome,
    Sent,
    examine,
    refused,
)
from app.sync.models import LogEntry
from app.sync.queries import Stored
from app.sync.replay import Outcomes, replay
from app.sync.writing import write_entries

STARTS = ("shift_started", "round_started", "case_reported")  # kinds that other entries wait for
ENDS_SHIFTS = ("shift_started", "shift_ended")  # a person's next shift ends the one before
FAULT_PAUSE = timedelta(minutes=10)  # between two trials of an entry that failed through our own fault


@dataclass(frozen=True, slots=True)
class Result:
    """What is told about one sent entry.

    Attributes:
        repeated: it was stored before; *outcome* is what became of it.
    """

    id: UUID
    outcome: Outcome
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What is told about a request.

    Attributes:
        results: one for each entry sent, in the same order.
        resolved: entries that were held before and are no longer.
    """

    received_at: datetime
    clock_skew_s: float
    results: list[Result]
    resolved: list[Result]


def take_in(user_id: UUID, log_id: UUID, sent_at: datetime, entries: Sequence[Sent]) -> Answer:
    """Store and apply *entries* of a log; whatever was stored before is not applied again.

    Args:
        user_id: who is asking.
        sent_at: the phone's clock at the moment of sending.

    Raises:
        Problem: LOG_UNKNOWN, LOG_NOT_YOURS.
        OperationalError: where the database cannot work now; nothing of the request is kept then.
    """
    now = clock.now()
    skew_s = round((sent_at - now).total_seconds(), 3)
    log = queries.claim_log(log_id, user_id, now, skew_s)
    new: dict[UUID, Candidate] = {}
    copies: list[tuple[UUID, bytes]] = []
    for sent in entries:
        candidate = examine(sent, log, now, skew_s)
        copies.append((sent.id, candidate.hash))
        new.setdefault(sent.id, candidate)
    stored = queries.stored_entries(
        log,
        list(new),
        [c.seq - 1 for c in new.values() if c.seq],
        parents=[parent for c in new.values() if c.kind in STARTS for parent in c.is_parent_of()],
    )
    fresh = [c for c in new.values() if c.id not in stored.by_id]
    for candidate in fresh:
        candidate.used_elsewhere = candidate.id in stored.elsewhere
    outcomes = _decide(log, fresh, stored)
    _store(log, fresh, outcomes, now)
    resolved = _settle_waiting(log, stored.waiting, outcomes, now)
    _forget_off_duty(log, fresh + stored.waiting, outcomes)
    results = _results(log, copies, {c.id: c for c in fresh}, stored, outcomes)
    return Answer(now, skew_s, results, resolved)


def _decide(log: Log, fresh: list[Candidate], stored: Stored) -> Outcomes:
    candidates = fresh + stored.waiting
    if not candidates:
        return {}
    bodies = []
    for candidate in candidates:
        if candidate.fault is None:
            try:
                bodies.append(candidate.body())
            except Refused:
                continue  # its replay says so, in its turn
    loaded = queries.preload(bodies)
    outcomes = replay(log, candidates, stored.chain)
    del loaded  # held until here, or the session would have forgotten the rows
    return outcomes


def _store(log: Log, fresh: list[Candidate], outcomes: Outcomes, now: datetime) -> None:
    """Write the new entries with their results."""
    if not fresh:
        return
    rows = []
    for candidate in fresh:
        outcome = outcomes[candidate.id]
        reading = candidate.reading
        rows.append(
            {
                "street_code": log.street_code,
                "log_id": log.id,
                "id": candidate.id,
                "seq": candidate.seq,
                "kind": candidate.kind,
                "captured_at": reading.captured_at if reading else None,
                "received_at": candidate.received_at,
                "payload": candidate.kept_payload(outcome),
                "hash": candidate.hash,
                "signature": candidate.signature,
                "clock_skew_s": candidate.skew_s,
                **_result_columns(outcome, now),
            }
        )
        _tell(log, candidate, outcome)
    write_entries(rows)


def _result_columns(outcome: Outcome, now: datetime) -> dict[str, Any]:
    return {
        "state": outcome.state,
        "waits_for": outcome.waits_for,
        "problem": outcome.problem,
        "detail": outcome.detail,
        "applied_at": now if outcome.state == "applied" else None,
        "tried_at": now,
    }


def _settle_waiting(log: Log, waiting: list[Candidate], outcomes: Outcomes, now: datetime) -> list[Result]:
    """Write what became of the entries that were held, and return those that are no longer."""
    table = LogEntry.__table__
    rows = []
    resolved = []
    for candidate in waiting:
        outcome = outcomes[candidate.id]
        given = {"key": candidate.id, "text": candidate.kept_payload(outcome)}
        rows.append(given | _result_columns(outcome, now))
        if outcome.state != "held":
            resolved.append(Result(candidate.id, outcome))
            _tell(log, candidate, outcome)
    if rows:
        statement = update(table).where(  # type: ignore[arg-type]
            table.c.street_code == log.street_code,
            table.c.log_id == log.id,
            table.c.id == bindparam("key"),
        )
        db.session.connection().execute(statement.values(payload=bindparam("text")), rows)
    return resolved


def _forget_off_duty(log: Log, candidates: list[Candidate], outcomes: Outcomes) -> None:
    """Where an entry has ended a shift, drop what was stored of the person after that end."""
    shifts = [
        c.body()["shift"] if c.kind == "shift_ended" else c.id
        for c in candidates
        if c.kind in ENDS_SHIFTS and outcomes[c.id].state == "applied"
    ]
    if shifts:
        retention.forget_after_shifts(log.user_id, shifts)


def _tell(log: Log, candidate: Candidate, outcome: Outcome) -> None:
    """Note in the ledger what was refused or is held; what was applied is told by its owner."""
    if outcome.state == "applied":
        return
    ledger.record(
        f"entry.{outcome.state}",
        actor_id=log.user_id,
        street_code=log.street_code,
        place_code=log.street_code,
        subject_kind="log_entry",
        subject_id=candidate.id,
        data={
            "log_id": str(log.id),
            "kind": candidate.kind,
            "problem": outcome.problem,
            "waits_for": outcome.waits_for,
        },
    )


def _results(
    log: Log,
    copies: list[tuple[UUID, bytes]],
    fresh: dict[UUID, Candidate],
    stored: Stored,
    outcomes: Outcomes,
) -> list[Result]:
    """One result for each entry sent, in the order of sending."""
    told = queries.grades(log.street_code, [i for i, row in stored.by_id.items() if row.state == "applied"])
    results = []
    seen: set[UUID] = set()
    for entry_id, digest in copies:
        row = stored.by_id.get(entry_id)
        kept_hash = bytes(row.hash) if row is not None else fresh[entry_id].hash
        if digest != kept_hash:
            _tell_reused(log, entry_id)
            results.append(Result(entry_id, refused(problems.ENTRY_ID_REUSED)))
            continue
        outcome = outcomes.get(entry_id)
        if outcome is None and row is not None:
            grade, reasons = told.get(entry_id, (None, []))
            outcome = Outcome(row.state, grade, tuple(reasons), row.waits_for, row.problem, row.detail)
        if outcome is None:
            raise RuntimeError(f"entry {entry_id} was neither stored nor decided")
        results.append(Result(entry_id, outcome, repeated=row is not None or entry_id in seen))
        seen.add(entry_id)
    return results


def _tell_reused(log: Log, entry_id: UUID) -> None:
    ledger.record(
        "entry.refused",
        actor_id=log.user_id,
        street_code=log.street_code,
        place_code=log.street_code,
        subject_kind="log_entry",
        subject_id=entry_id,
        data={"log_id": str(log.id), "problem": problems.ENTRY_ID_REUSED.slug},
    )


def logs_to_release(now: datetime) -> list[UUID]:
    """Logs with held entries that :func:`release_held` may bring further at *now*."""
    return queries.logs_to_release(
        chain_before=now - CHAIN_PATIENCE,
        parents_before=now - PARENT_PATIENCE,
        tried_before=now - FAULT_PAUSE,
    )


def release_held(log_id: UUID, now: datetime) -> int:
    """Try the held entries of one log again; who has waited too long is decided without a parent.

    A missing predecessor is waited for ten minutes (then the entry is applied with the doubt
    ``broken_chain``), a missing shift or round seven days (then it is refused). A log that a request is
    working on is left for the next time. One transaction a log, so that no two logs are locked at once.

    Returns:
        how many entries are no longer held.
    """
    log = queries.lock_log(log_id)
    if log is None:
        return 0
    stored = queries.stored_entries(log, [], [], all_held=True)
    for candidate in stored.waiting:
        candidate.patience_over = candidate.received_at <= now - CHAIN_PATIENCE
    outcomes = _decide(log, [], stored)
    for candidate in stored.waiting:
        outcome = outcomes[candidate.id]
        if outcome.problem and outcome.state == "held" and candidate.received_at <= now - PARENT_PATIENCE:
            outcomes[candidate.id] = refused(problems.catalogue()[outcome.problem])
    settled = _settle_waiting(log, stored.waiting, outcomes, now)
    _forget_off_duty(log, stored.waiting, outcomes)
    return len(settled)
