"""Entries on their way to a result: as they were sent, as they wait, and what became of them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app.core import problems
from app.core.entry import Refused
from app.core.problems import ProblemType
from app.sync import kinds, rules
from app.sync.rules import Reading

CHAIN_PATIENCE = timedelta(minutes=10)
PARENT_PATIENCE = timedelta(days=7)
WAITS_FOR_SEQ = "seq:"  # waits_for of an entry whose predecessor is missing: seq:41
WAITS_FOR_SERVER = "server"  # waits_for of an entry that failed through no fault of its own


@dataclass(frozen=True, slots=True)
class Log:
    """The log that a request is about, as far as its entries are judged by it; its row is locked."""

    id: UUID
    street_code: str
    user_id: UUID
    device_id: UUID
    public_key: bytes
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Sent:
    """An entry as it came: only the id is known to be what it should be."""

    id: UUID
    payload: Any
    signature: Any


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an entry.

    Attributes:
        state: applied, held or refused.
        waits_for: of a held one: ``seq:n``, the id of a shift or round, or ``server``.
        problem: of a refused one, or what a held one will be refused with in the end.
        keep_payload: False where an applied one carries positions that were not taken on duty.
    """

    state: str
    grade: str | None = None
    reasons: tuple[str, ...] = ()
    waits_for: str | None = None
    problem: str | None = None
    detail: str | None = None
    keep_payload: bool = True

    @property
    def waits_for_chain(self) -> bool:
        """True while the predecessor has not arrived, or waits itself."""
        return self.waits_for is not None and self.waits_for.startswith(WAITS_FOR_SEQ)


def refused(kind: ProblemType, detail: str = "") -> Outcome:
    """The outcome of an entry that can never be applied."""
    return Outcome("refused", problem=kind.slug, detail=detail or kind.title)


def held_for_chain(seq: int) -> Outcome:
    """The outcome of an entry whose predecessor *seq* is missing."""
    return Outcome("held", waits_for=f"{WAITS_FOR_SEQ}{seq}")


def held_for_parent(parent: UUID | str, missing: ProblemType) -> Outcome:
    """The outcome of an entry that names a shift or round that has not arrived."""
    return Outcome("held", waits_for=str(parent), problem=missing.slug)


@dataclass(slots=True)
class Candidate:
    """An entry that needs a result: new in this request, or held before.

    Attributes:
        payload: None where the database could not hold it.
        reading: None where it could not be read, is not of this log, or (held before) is not read yet.
        fault: why it is refused whatever else comes.
        waited_for: of one held before, what it waited for.
        patience_over: it has waited long enough for its predecessor.
        used_elsewhere: another log of the person holds an entry with this id.
    """

    id: UUID
    payload: str | None
    hash: bytes
    signature: bytes
    received_at: datetime
    skew_s: float
    seq: int | None = None
    reading: Reading | None = None
    fault: Outcome | None = None
    waited_for: str | None = None
    patience_over: bool = False
    used_elsewhere: bool = False
    _body: dict[str, Any] | None = field(default=None)

    @property
    def kind(self) -> str | None:
        """The kind, where the payload could be read."""
        return self.reading.kind if self.reading else None

    def read(self) -> Reading:
        """The payload's content; an entry that was held is read when its turn comes.

        Raises:
            Refused: where there is nothing to read any more.
        """
        if self.reading is None:
            if self.payload is None:
                raise Refused(problems.ENTRY_MALFORMED, "The payload is not stored.")
            try:
                self.reading = rules.read_payload(self.payload)
            except rules.Unreadable as error:  # stored by an older server that was less strict
                raise Refused(problems.ENTRY_MALFORMED, str(error)) from error
        return self.reading

    def body(self) -> dict[str, Any]:
        """The validated body.

        Raises:
            Refused: unknown kind or invalid body, or an id that another log of the person has used.
        """
        if self.used_elsewhere:
            raise Refused(problems.ENTRY_ID_REUSED)
        if self._body is None:
            reading = self.read()
            self._body = kinds.read_body(reading.kind, reading.body)
        return self._body

    def kept_payload(self, outcome: Outcome) -> str | None:
        """The text that may be stored with *outcome*.

        Positions that were refused are not stored. So of a refused entry the text stays only where it was
        understood and its kind has no room for a position.
        """
        if outcome.state == "refused" and (self._body is None or self.kind in kinds.CARRY_POSITIONS):
            return None
        return self.payload if outcome.keep_payload else None

    def is_parent_of(self) -> list[str]:
        """What others may name in ``waits_for`` until this one has arrived: a shift is known by the id of
        the entry that started it, a round by its own."""
        if self.reading is None:
            return [str(self.id)]
        started = self.reading.body.get("round") if self.kind == "round_started" else None
        return [str(self.id), started] if rules.is_uuid(started) else [str(self.id)]

    def link_hashes(self, links: list[Link]) -> bool:
        """True where the entry names the hash of one of *links*, the entries stored before it."""
        reading = self.read()
        return rules.chain_fits(reading.seq, reading.prev, frozenset(link.hash for link in links))


@dataclass(frozen=True, slots=True)
class Link:
    """An entry of the chain as its successor needs to know it."""

    hash: bytes
    waits: bool  # for the chain: its successors wait too


def examine(sent: Sent, log: Log, received_at: datetime, skew_s: float) -> Candidate:
    """Read *sent*, without looking at any other entry. Never raises: a fault is kept with it."""
    payload = sent.payload if isinstance(sent.payload, str) else json.dumps(sent.payload)
    storable = rules.storable_bytes(payload) is not None
    signature = sent.signature if isinstance(sent.signature, str) else ""
    candidate = Candidate(
        id=sent.id,
        payload=payload if storable else None,
        hash=rules.hash_payload(payload),
        # a malformed one cannot fit; what is kept of it is for people who look into it later
        signature=rules.decode_signature(signature) or signature.encode("utf-8", "replace")[:128],
        received_at=received_at,
        skew_s=skew_s,
    )
    if not isinstance(sent.payload, str) or not isinstance(sent.signature, str):
        candidate.fault = refused(problems.ENTRY_MALFORMED, "payload and signature are texts.")
        return candidate
    try:
        reading = rules.read_payload(payload)
    except rules.Unreadable as error:
        candidate.fault = refused(problems.ENTRY_MALFORMED, str(error))
        return candidate
    if reading.id != sent.id or sent.id.version != 7:
        candidate.fault = refused(
            problems.ENTRY_MALFORMED, "The id inside differs from the one outside, or is not a UUIDv7."
        )
    elif reading.log_id != log.id or reading.user_id != log.user_id:
        candidate.fault = refused(problems.ENTRY_NOT_YOURS)
    else:
        candidate.reading, candidate.seq = reading, reading.seq
    return candidate
