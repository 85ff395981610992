"""UUID version 7 (RFC 9562 section 5.7): time-ordered ids made by whoever creates the row."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from datetime import UTC, datetime, timedelta
from uuid import UUID

from app.core import clock

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STEP = 1 << 32  # so far apart are ids of one moment, at most
_REMEMBERED = 64  # moments: a transaction has its own, and others go on meanwhile


class _Ids:
    """Makes ids that sort in the order of their making."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: OrderedDict[int, int] = OrderedDict()

    def make(self, moment: datetime) -> UUID:
        """The next id for *moment*."""
        microseconds = (moment - _EPOCH) // timedelta(microseconds=1)
        milliseconds, rest = divmod(microseconds, 1000)
        stamp = (milliseconds & ((1 << 48) - 1)) << 12 | rest * 4096 // 1000
        with self._lock:
            last = self._last.pop(stamp, None)
            # the first is below the highest, so that there is room for what follows in the same moment
            tail = secrets.randbits(61) if last is None else last + 1 + secrets.randbelow(_STEP)
            self._last[stamp] = tail
            if len(self._last) > _REMEMBERED:
                self._last.popitem(last=False)
        return UUID(int=(stamp >> 12) << 80 | 0x7 << 76 | (stamp & 0xFFF) << 64 | 0b10 << 62 | tail)


_ids = _Ids()


def uuid7(at: datetime | None = None) -> UUID:
    """Make a UUIDv7 for the moment *at* (aware; default now).

    The twelve bits after the milliseconds are their fraction (RFC 9562 section 6.2, method 3), and what
    one process makes for the same moment counts up (method 2): such ids sort in the order of their making.
    """
    return _ids.make(at or clock.now())
