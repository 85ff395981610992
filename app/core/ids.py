"""UUID version 7 (RFC 9562 section 5.7): time-ordered ids made by whoever creates the row."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from uuid import UUID

from app.core import clock


def uuid7(at: datetime | None = None) -> UUID:
    """Make a UUIDv7 for the moment *at* (aware; default now)."""
    milliseconds = int((at or clock.now()).timestamp() * 1000) & ((1 << 48) - 1)
    random = secrets.randbits(74)
    value = milliseconds << 80 | 0x7 << 76 | (random >> 62) << 64 | 0b10 << 62 | random & ((1 << 62) - 1)
    return UUID(int=value)


def moment_of(identifier: UUID) -> datetime | None:
    """The moment written in a UUIDv7, or None for any other version."""
    if identifier.version != 7:
        return None
    return datetime.fromtimestamp((identifier.int >> 80) / 1000, UTC)
