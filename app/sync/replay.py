"""Applies the entries of one log in order, each as if in a savepoint of its own.

First all of them in one savepoint, which is fast; where any of them is refused, held or fails, that
savepoint is rolled back and they are applied again one by one, each in its own. Both ways lead to the
same results (docs/adr/0005-intake-savepoints.md).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from uuid import UUID

from psycopg.errors import UniqueViolation
from sqlalchemy import Select, select
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    SQLAlchemyError,
)

from app.cases.models import CaseFile
from app.core import problems
from app.core.entry import Applied, Entry, Held, Memory, Refused
from app.core.extensions import db
from app.evidence.models import Proof, TrackGap
from app.ledger import service as ledger
from app.patrols.models import CheckIn, StopSkip
from app.people.models import PhoneLog, Shift
from app.sync import kinds, rules
from app.sync.candidates import (
    WAITS_FOR_SEQ,
    WAITS_FOR_SERVER,
    Candidate,
    Link,
    Log,
    Outcome,
    held_for_chain,
    held_for_parent,
    refused,
)
from app.sync.models import LogEntry
from app.sync.writing import write_added

log = logging.getLogger(__name__)

Outcomes = dict[UUID, Outcome]
Chain = dict[int, list[Link]]


class _NeedsCare(Exception):
    """Something in the batch was not plainly applied: go one by one."""


def replay(phone_log: Log, candidates: list[Candidate], chain: Chain) -> Outcomes:
    """Decide on every one of *candidates* and apply those whose turn has come.

    A deadlock is tried once more; whatever else the database cannot do now is raised, so that nothing
    of the request stays.

    Args:
        chain: the stored entries before the candidates, by seq.
    """
    try:
        return _replay_fast_or_careful(phone_log, candidates, chain)
    except OperationalError as error:
        if error.connection_invalidated:
            raise
        log.warning("entries of log %s are applied again: %s", phone_log.id, type(error.orig).__name__)
    return _replay_fast_or_careful(phone_log, candidates, chain)


def _replay_fast_or_careful(phone_log: Log, candidates: list[Candidate], chain: Chain) -> Outcomes:
    try:
        with db.session.begin_nested(), db.session.no_autoflush:
            return _in_order(candidates, chain, _Fast(phone_log))
    except _NeedsCare:
        pass
    except OperationalError:
        raise
    except DBAPIError as error:
        log.info("a batch of log %s goes one by one: %s", phone_log.id, type(error.orig).__name__)
    with db.session.begin_nested():
        return _in_order(candidates, chain, _Careful(phone_log))


def _in_order(candidates: list[Candidate], stored: Chain, apply: _Fast | _Careful) -> Outcomes:
    """Apply by seq, so that the order of arrival makes no difference."""
    chain = {seq: list(links) for seq, links in stored.items()}
    outcomes: Outcomes = {}
    for candidate in sorted(candidates, key=lambda c: c.seq or 0):
        if candidate.fault is not None:
            outcomes[candidate.id] = candidate.fault
            continue
        seq = candidate.seq or 0
        before = chain.get(seq - 1, [])
        if seq > 1 and all(link.waits for link in before) and not candidate.patience_over:
            outcome = held_for_chain(seq - 1)
        else:
            outcome = apply.one(candidate, before, outcomes)
        outcomes[candidate.id] = outcome
        chain.setdefault(seq, []).append(Link(candidate.hash, outcome.waits_for_chain))
    _wake_children(candidates, chain, outcomes, apply)
    apply.finish()
    return outcomes


def _wake_children(
    candidates: list[Candidate], chain: Chain, outcomes: Outcomes, apply: _Fast | _Careful
) -> None:
    """Try again those whose parent arrived after them, until no more parents arrive."""
    waiting = sorted((c for c in candidates if outcomes[c.id].state == "held"), key=lambda c: c.seq or 0)
    news = [c for c in candidates if outcomes[c.id].state != "held"]
    while ready := [c for c in waiting if outcomes[c.id].waits_for in _arrivals(news)]:
        for candidate in ready:
            before = chain.get((candidate.seq or 0) - 1, [])
            outcomes[candidate.id] = apply.one(candidate, before, outcomes)
        news = [c for c in ready if outcomes[c.id].state != "held"]


def _arrivals(decided: list[Candidate]) -> set[str]:
    """What others may have waited for: shifts, and rounds that were planned only."""
    return {parent for candidate in decided for parent in candidate.is_parent_of()}


class _Fast:
    """All in one savepoint: anything but a plain success ends the attempt."""

    def __init__(self, phone_log: Log) -> None:
        self.phone_log = phone_log
        self.memory = Memory()

    def one(self, candidate: Candidate, before: Iterable[Link], _decided: Outcomes) -> Outcome:
        """Apply one entry.

        Raises:
            _NeedsCare: where it was not applied.
        """
        try:
            outcome = _apply(self.phone_log, candidate, list(before), self.memory)
            if kinds.KINDS[candidate.read().kind].others_look:
                write_added()
        except DBAPIError:
            raise
        except Exception as reason:
            raise _NeedsCare from reason
        return outcome

    def finish(self) -> None:
        """Write what is left in one go."""
        write_added()


# Rows that have the entry's own id. Whether an entry of another log took it first is not asked beforehand:
# the database says so, and only then it costs anything.
_KEYS_OF_ENTRIES = frozenset(
    f"pk_{m.__tablename__}" for m in (CheckIn, Proof, Shift, StopSkip, TrackGap, CaseFile)
) | {"uq_case_event_street_code_id"}


def _id_is_taken(reason: IntegrityError) -> bool:
    return isinstance(reason.orig, UniqueViolation) and reason.orig.diag.constraint_name in _KEYS_OF_ENTRIES


def _database_is_away(reason: Exception) -> bool:
    """True where nothing can be written now: the connection is lost, or a lock could not be had."""
    if isinstance(reason, DBAPIError):
        return reason.connection_invalidated or isinstance(reason, OperationalError | InterfaceError)
    return isinstance(reason, SQLAlchemyError)  # a session that lost its transaction


class _Careful:
    """Each entry in its own savepoint: what happens to one leaves the others as they are."""

    def __init__(self, phone_log: Log) -> None:
        self.phone_log = phone_log
        self.memory = Memory()

    def one(self, candidate: Candidate, before: Iterable[Link], decided: Outcomes) -> Outcome:
        """Apply one entry, or say why not.

        Raises:
            DBAPIError: where the database cannot work at present.
        """
        try:
            with db.session.begin_nested(), db.session.no_autoflush:
                outcome = _apply(self.phone_log, candidate, list(before), self.memory)
                db.session.flush()
            return outcome
        except Exception as reason:
            self.memory = Memory()  # what it remembers may have been rolled back
            return self._not_applied(candidate, reason, decided)

    def finish(self) -> None:
        """Everything is written already."""

    def _not_applied(self, candidate: Candidate, reason: Exception, decided: Outcomes) -> Outcome:
        if isinstance(reason, Refused):
            obstacle = self._obstacle(decided) if candidate.kind == "round_finished" else None
            if obstacle is not None:
                return held_for_parent(obstacle, reason.kind)
            return refused(reason.kind, reason.detail)
        if isinstance(reason, Held):
            if self._was_refused(reason.waits_for, decided):
                return refused(reason.missing)
            return held_for_parent(reason.waits_for, reason.missing)
        if isinstance(reason, IntegrityError) and _id_is_taken(reason):
            return refused(problems.ENTRY_ID_REUSED)
        if isinstance(reason, IntegrityError | DataError):
            log.error("entry %s cannot be stored", candidate.id, exc_info=reason)
            return refused(problems.ENTRY_INVALID, "The content contradicts what is stored.")
        if _database_is_away(reason):
            raise reason
        # Our own fault must neither lose the entry nor stop the person's whole log: the worker tries
        # again, and by then somebody has read this.
        log.error("entry %s failed and is kept for later", candidate.id, exc_info=reason)
        return held_for_parent(WAITS_FOR_SERVER, problems.SERVER_ERROR)

    def _obstacle(self, decided: Outcomes) -> str | None:
        """What other entries of the person wait for: a round cannot be judged to be incomplete while some
        of its visits are held."""
        for outcome in decided.values():
            if outcome.state == "held" and not outcome.waits_for_chain:
                return outcome.waits_for
        statement = select(LogEntry.waits_for).where(
            LogEntry.log_id.in_(self._own_logs()),
            LogEntry.state == "held",
            LogEntry.waits_for.not_like(f"{WAITS_FOR_SEQ}%"),
            LogEntry.kind != "round_finished",
            LogEntry.id.not_in(decided),
        )
        return db.session.scalar(statement.limit(1))

    def _own_logs(self) -> Select[UUID]:
        return select(PhoneLog.id).where(PhoneLog.user_id == self.phone_log.user_id)

    def _was_refused(self, parent: UUID, decided: Outcomes) -> bool:
        """True where the person's own entry that would have been the parent is refused for good."""
        if parent in decided:
            return decided[parent].state == "refused"
        statement = select(LogEntry.id).where(
            LogEntry.street_code == self.phone_log.street_code,
            LogEntry.log_id.in_(self._own_logs()),
            LogEntry.id == parent,
            LogEntry.state == "refused",
        )
        return db.session.scalar(statement) is not None


def _apply(phone_log: Log, candidate: Candidate, before: list[Link], memory: Memory) -> Outcome:
    """Hand the entry to the package that owns its kind."""
    reading, body = candidate.read(), candidate.body()
    revoked_at = phone_log.revoked_at
    entry = Entry(
        id=candidate.id,
        log_id=phone_log.id,
        device_id=reading.device_id,
        user_id=phone_log.user_id,
        street_code=phone_log.street_code,
        seq=reading.seq,
        kind=reading.kind,
        captured_at=reading.captured_at,
        received_at=candidate.received_at,
        skew_s=candidate.skew_s,
        signature_ok=rules.signature_fits(phone_log.public_key, candidate.payload or "", candidate.signature),
        key_ok=reading.device_id == phone_log.device_id
        and (revoked_at is None or revoked_at > candidate.received_at),
        chain_ok=candidate.link_hashes(before),
    )
    applied: Applied = kinds.KINDS[reading.kind].apply(entry, body, memory)
    if applied.grade is None:  # a proof carries its own doubts
        _tell_doubts(entry)
    return Outcome("applied", applied.grade, applied.reasons, keep_payload=applied.keep_payload)


def _tell_doubts(entry: Entry) -> None:
    """Leave a mark of an entry that took effect although it is not beyond doubt where it came from."""
    doubts = [
        reason
        for reason, fine in (
            ("unknown_device", entry.key_ok),
            ("bad_signature", entry.signature_ok),
            ("broken_chain", entry.chain_ok),
        )
        if not fine
    ]
    if doubts:
        ledger.record(
            "entry.doubted",
            actor_id=entry.user_id,
            street_code=entry.street_code,
            place_code=entry.street_code,
            subject_kind="log_entry",
            subject_id=entry.id,
            data={"kind": entry.kind, "reasons": doubts},
        )
