"""UUID version 7 (RFC 9562 section 5.7): time-ordered ids made by whoever creates the row."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from uuid import UUID

from app.core import clock

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def uuid7(at: datetime | None = None) -> UUID:
    """Make a UUIDv7 for the moment *at* (aware; default now).

    The twelve bits after the milliseconds are their fraction (RFC 9562 section 6.2, method 3), so that ids
    which one process makes one after the other sort in the order of their making.
    """
    moment = at or clock.now()
    microseconds = (moment - _EPOCH) // timedelta(microseconds=1)
    milliseconds, rest = divmod(microseconds, 1000)
    fraction = rest * 4096 // 1000
    value = (milliseconds & ((1 << 48) - 1)) << 80 | 0x7 << 76 | fraction << 64
    return UUID(int=value | 0b10 << 62 | secrets.randbits(62))
