"""The clock of the server, injectable so that no test waits and no rule reads the time itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")

_frozen: ContextVar[datetime | None] = ContextVar("frozen_clock", default=None)


def now() -> datetime:
    """The present moment, aware, UTC."""
    return _frozen.get() or datetime.now(UTC)


@contextmanager
def frozen(at: datetime) -> Iterator[None]:
    """Stop the clock at *at* (aware) inside the block; for tests and dry runs."""
    if at.tzinfo is None:
        raise ValueError("a clock needs an aware time")
    token = _frozen.set(at)
    try:
        yield
    finally:
        _frozen.reset(token)
