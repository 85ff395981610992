"""One entry of a phone's log as the floors above the intake's ground see it, and how they answer it.

The intake (``app.sync``) reads, checks and stores entries; the packages that own the matter apply
them. This is the shape that is handed over.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app.core.problems import ProblemType


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of an entry before its content is applied.

    Attributes:
        captured_at: the phone's own clock at capture.
        skew_s: phone's clock minus server's clock in seconds, measured when the batch was sent.
        signature_ok: the signature fits the registered key of the log.
        key_ok: the log's key is registered and not revoked.
        chain_ok: the predecessor is stored and its hash is the one named.
    """

    id: UUID
    log_id: UUID
    device_id: UUID
    user_id: UUID
    street_code: str
    seq: int
    kind: str
    captured_at: datetime
    received_at: datetime
    skew_s: float
    signature_ok: bool
    key_ok: bool
    chain_ok: bool

    @property
    def at(self) -> datetime:
        """When it was captured, with the skew of the phone's clock taken away."""
        return self.captured_at - timedelta(seconds=self.skew_s)

    def corrected(self, phone_time: datetime) -> datetime:
        """Any other time of the same phone's clock, with the skew taken away."""
        return phone_time - timedelta(seconds=self.skew_s)


@dataclass(frozen=True, slots=True)
class Applied:
    """The entry is in effect.

    Attributes:
        grade, reasons: where it carried a proof.
        keep_payload: False where the payload holds positions that may not be stored (taken off duty).
    """

    grade: str | None = None
    reasons: tuple[str, ...] = ()
    keep_payload: bool = True


class Held(Exception):
    """The entry names a parent that has not arrived: a shift or a round."""

    def __init__(self, waits_for: UUID, missing: ProblemType) -> None:
        super().__init__(str(waits_for))
        self.waits_for = waits_for
        self.missing = missing  # the problem to refuse it with if the parent never comes


class Refused(Exception):
    """The entry cannot be applied, ever; it is stored as refused with this problem."""

    def __init__(self, kind: ProblemType, detail: str = "") -> None:
        super().__init__(detail or kind.title)
        self.kind = kind
        self.detail = detail


@dataclass(slots=True)
class Memory:
    """What one request has read so far, so that a batch of 500 entries does not read it 500 times.

    Each package keeps its own things under its own name; the object lives as long as the request.
    """

    kept: dict[str, Any] = field(default_factory=dict)
