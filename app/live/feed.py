"""The end of the ledger in memory, read twice a second for all readers together."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import dataclass, field

import psycopg
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from app.live.rules import Event, Position, View, event_of

log = logging.getLogger(__name__)

EVERY_S = 0.5
AT_ONCE = 2_000  # rows a query
KEPT = 10_000  # events that a reader may resume over
CHUNKS = 240  # polls with news that a slow reader may lag behind: two minutes and more
RETRIES_S = (0.5, 1.0, 2.0, 5.0)

_COLUMNS = "tx, id, at, street_code, action, subject_kind, subject_id, place_code, data"
_HORIZON = "pg_snapshot_xmin(pg_current_snapshot())::text::bigint"

# Rows of the last hours only: that spares the other partitions, and a restored database's old rows,
# whose transactions the new cluster has yet to reach, are not news.
_NEWER = f"""
select {_COLUMNS} from ledger_row
where (tx, id) > (%s, %s) and tx < {_HORIZON} and at > now() - interval '2 hours'
order by tx, id limit {AT_ONCE}
"""  # noqa: S608 - constants
_RECENT = f"""
select {_COLUMNS} from ledger_row
where tx < {_HORIZON} and at > now() - interval '1 hour'
order by tx desc, id desc limit {KEPT + 1}
"""  # noqa: S608
_BEFORE = f"""
select tx, id from ledger_row
where tx < {_HORIZON} and at <= now() - interval '1 hour'
order by tx desc, id desc limit 1
"""  # noqa: S608


@dataclass(eq=False, slots=True)
class Audience:
    """All readers with the same view; what is new for them, poll by poll."""

    view: View
    readers: int = 0
    first: int = 0  # number of the oldest chunk kept
    chunks: deque[bytes] = field(default_factory=deque)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def end(self) -> int:
        """Number of the next chunk."""
        return self.first + len(self.chunks)

    def since(self, number: int) -> bytes | None:
        """Everything from chunk *number* on, or None where the reader has fallen too far behind."""
        if number < self.first:
            return None
        return b"".join(self.chunks[i] for i in range(number - self.first, len(self.chunks)))

    def push(self, events: list[Event]) -> None:
        """Take the rows that this audience sees, and wake it where there are any."""
        seen = [event.text for event in events if self.view.shows(event)]
        if not seen:
            return
        self.chunks.append(b"".join(seen))
        if len(self.chunks) > CHUNKS:
            self.chunks.popleft()
            self.first += 1
        self.wake()

    def wake(self) -> None:
        """Let every reader look once."""
        self.news.set()
        self.news = asyncio.Event()


class Feed:
    """Follows the ledger and hands it to the audiences."""

    def __init__(self, pool: AsyncConnectionPool) -> None:
        self._pool = pool
        self._recent: deque[Event] = deque()
        self._audiences: dict[View, Audience] = {}
        self._floor: Position | None = None  # every later row is in memory; None: not read yet
        self.position: Position = (0, 0)

    @property
    def ready(self) -> bool:
        """False until the ledger's end has been read once."""
        return self._floor is not None

    def join(self, view: View) -> Audience:
        """Become one of the readers with *view*."""
        audience = self._audiences.setdefault(view, Audience(view))
        audience.readers += 1
        return audience

    def leave(self, audience: Audience) -> None:
        """Stop being one; an audience without readers is forgotten."""
        audience.readers -= 1
        if audience.readers == 0:
            del self._audiences[audience.view]

    def missed(self, view: View, since: Position | None) -> bytes | None:
        """What *view* shows of the rows after *since*; None where they are no longer known."""
        if since is None or self._floor is None or not self._floor <= since <= self.position:
            return None
        return b"".join(e.text for e in self._recent if e.position > since and view.shows(e))

    def wake_all(self) -> None:
        """Let every reader look once."""
        for audience in self._audiences.values():
            audience.wake()

    async def run(self) -> None:
        """Read for ever; a database that is away is asked again, more and more slowly."""
        failures = 0
        while True:
            try:
                full = await self._read()
            except (psycopg.Error, PoolTimeout) as error:
                if failures == 0:
                    log.warning("the ledger cannot be read: %s", type(error).__name__)
                await asyncio.sleep(RETRIES_S[min(failures, len(RETRIES_S) - 1)])
                failures += 1
                continue
            if failures:
                log.warning("the ledger can be read again")
                failures = 0
            await asyncio.sleep(0 if full else EVERY_S)

    async def _read(self) -> bool:
        """Read once; True where there is more to read at once."""
        async with self._pool.connection(timeout=2) as connection:
            cursor = connection.cursor(row_factory=dict_row)
            if self._floor is None:
                await self._begin(cursor)
                return False
            await cursor.execute(_NEWER, self.position)
            rows = await cursor.fetchall()
        self._take(rows)
        return len(rows) == AT_ONCE

    async def _begin(self, cursor: psycopg.AsyncCursor[dict[str, object]]) -> None:
        """Read what readers may resume over, so that a restart of this process loses nothing."""
        await cursor.execute(_RECENT)
        rows = await cursor.fetchall()
        floor = rows.pop() if len(rows) > KEPT else None
        if floor is None:
            await cursor.execute(_BEFORE)
            floor = await cursor.fetchone()
        rows.reverse()
        first: Position = _position(floor) if floor else (0, 0)
        self.position = first
        self._take(rows)
        self._floor = first

    def _take(self, rows: list[dict[str, object]]) -> None:
        if not rows:
            return
        events = [event for row in rows if (event := event_of(row)) is not None]
        self._recent.extend(events)
        while len(self._recent) > KEPT:
            self._floor = self._recent.popleft().position
        self.position = _position(rows[-1])
        for audience in list(self._audiences.values()):
            audience.push(events)


def _position(row: dict[str, object]) -> Position:
    return int(str(row["tx"])), int(str(row["id"]))
