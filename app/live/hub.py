"""The live stream: ``granian --interface asgi app.live.hub:app``, one process for all readers.

A separate process without Flask, because a stream that waits in a thread of the API would take that
thread away for as long as somebody watches (docs/adr/0006-live-hub.md).
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from uuid import UUID

import psycopg
from psycopg_pool import AsyncConnectionPool, PoolTimeout
from sqlalchemy.engine import make_url

from app.core import problems
from app.core.keys import derive_key
from app.core.problems import Problem
from app.live import rules
from app.live.access import Ticket, load_views, read_token
from app.live.feed import Audience, Feed
from config import Settings, SettingsError, read_settings

log = logging.getLogger(__name__)

PATH = "/api/v1/live"
PING_S = 15.0
RECHECK_S = 60.0
RECHECK_AT_ONCE = 500

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Reader:
    """One open stream."""

    def __init__(self, ticket: Ticket, audience: Audience) -> None:
        self.ticket = ticket
        self.audience = audience
        self.next_chunk = audience.end
        self.ended = False


class Hub:
    """The ASGI application."""

    def __init__(self, settings: Settings) -> None:
        self._key = derive_key(settings.secret_key, "access-token")
        self._demo = not settings.is_production
        address = make_url(settings.database_url).set(drivername="postgresql")
        self._pool = AsyncConnectionPool(
            address.render_as_string(hide_password=False),
            min_size=1,
            max_size=4,
            open=False,
            check=AsyncConnectionPool.check_connection,
            kwargs={"autocommit": True, "application_name": "ironfeet-live"},
        )
        self._feed = Feed(self._pool)
        self._readers: set[Reader] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._closing = False

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """One ASGI conversation: the process's life, or one request."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            try:
                await self._serve(scope, receive, send)
            except Problem as problem:
                await _answer(send, problem)

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self._end_streams_on_signal()
                await self._pool.open(wait=False)
                self._tasks = [
                    asyncio.create_task(self._feed.run()),
                    asyncio.create_task(self._recheck()),
                ]
                await send({"type": "lifespan.startup.complete"})
            else:
                await self._close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    def _end_streams_on_signal(self) -> None:
        """End the streams when the server is told to end.

        The server first waits for open requests and only then says shutdown, so a stream would keep it
        for ever. Its own handler sits in the event loop and is called as before: the loop hears of
        signals by file descriptor, whatever Python's handler does.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(self._end_streams))

    def _end_streams(self) -> None:
        self._closing = True
        self._feed.wake_all()

    async def _close(self) -> None:
        self._end_streams()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._pool.close()

    async def _serve(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["path"] != PATH:
            raise Problem(problems.NOT_FOUND)
        if scope["method"] != "GET":
            raise Problem(problems.METHOD_NOT_ALLOWED, headers={"Allow": "GET"})
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
        }
        ticket = read_token(headers.get("authorization", ""), self._key)
        view = await self._view(ticket)
        if view.empty:
            raise Problem(problems.FORBIDDEN, f"{rules.FOLLOW} is not yours")
        # From here to the end of _greeting nothing waits: no row can slip in between.
        reader = Reader(ticket, self._feed.join(view))
        greeting = self._greeting(view, headers.get("last-event-id", ""))
        self._readers.add(reader)
        try:
            await self._stream(reader, greeting, receive, send)
        finally:
            self._readers.discard(reader)
            self._feed.leave(reader.audience)

    async def _view(self, ticket: Ticket) -> rules.View:
        try:
            views = await load_views(self._pool, [ticket.session_id], demo=self._demo)
        except (psycopg.Error, PoolTimeout) as error:
            raise Problem(problems.UNAVAILABLE, headers={"Retry-After": "2"}) from error
        if not self._feed.ready:
            raise Problem(problems.UNAVAILABLE, headers={"Retry-After": "2"})
        if ticket.session_id not in views:
            raise Problem(problems.SESSION_ENDED)
        return views[ticket.session_id]

    def _greeting(self, view: rules.View, last_event_id: str) -> bytes:
        """What comes first: what the reader missed, or where they now stand."""
        if not last_event_id:
            return b"retry: 3000\n" + rules.ping(self._feed.position)
        missed = self._feed.missed(view, rules.read_position(last_event_id))
        if missed is None:
            return rules.reset(self._feed.position)
        return missed + rules.ping(self._feed.position)

    async def _stream(self, reader: Reader, greeting: bytes, receive: Receive, send: Send) -> None:
        headers = [
            (b"content-type", b"text/event-stream; charset=utf-8"),
            (b"cache-control", b"no-store"),
            (b"x-accel-buffering", b"no"),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send(_part(greeting))
        gone = asyncio.ensure_future(_disconnect(receive))
        ping_at = time.monotonic() + PING_S
        try:
            while not (gone.done() or reader.ended or self._closing):
                left_s = reader.ticket.expires_at - time.time()
                if left_s <= 0:
                    break
                news = self._news(reader)
                if news or time.monotonic() >= ping_at:
                    await send(_part(news or rules.ping(self._feed.position)))
                    ping_at = time.monotonic() + PING_S
                    continue
                waiting = asyncio.ensure_future(reader.audience.news.wait())
                timeout = max(0.0, min(left_s, ping_at - time.monotonic()))
                await asyncio.wait({gone, waiting}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
                waiting.cancel()
            if not gone.done():
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            gone.cancel()

    def _news(self, reader: Reader) -> bytes:
        news = reader.audience.since(reader.next_chunk)
        reader.next_chunk = reader.audience.end
        return rules.reset(self._feed.position) if news is None else news

    async def _recheck(self) -> None:
        """Once a minute: end the streams of ended sessions, follow changed posts."""
        while True:
            await asyncio.sleep(RECHECK_S)
            readers = list(self._readers)
            for start in range(0, len(readers), RECHECK_AT_ONCE):
                some = readers[start : start + RECHECK_AT_ONCE]
                try:
                    asked = {reader.ticket.session_id for reader in some}
                    views = await load_views(self._pool, asked, demo=self._demo)
                except (psycopg.Error, PoolTimeout):
                    break  # the feed says that the database is away; streams stay open until then
                for reader in some:
                    self._apply(reader, views)

    def _apply(self, reader: Reader, views: dict[UUID, rules.View]) -> None:
        view = views.get(reader.ticket.session_id)
        if reader not in self._readers or (view is not None and view == reader.audience.view):
            return
        if view is None or view.empty:
            reader.ended = True
        else:
            before = reader.audience
            reader.audience = self._feed.join(view)
            reader.next_chunk = -1  # other places than before: load everything anew
            before.wake()
            self._feed.leave(before)
            return
        reader.audience.wake()


async def _disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _part(body: bytes) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": True}


async def _answer(send: Send, problem: Problem) -> None:
    body = json.dumps(problem.document()).encode()
    headers = [
        (b"content-type", problems.CONTENT_TYPE.encode()),
        (b"content-length", str(len(body)).encode()),
    ]
    headers += [(name.lower().encode(), value.encode()) for name, value in problem.headers.items()]
    await send({"type": "http.response.start", "status": problem.kind.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def build() -> Hub:
    """The hub with the settings of the environment; a bad setting ends the process with its sentence."""
    try:
        return Hub(read_settings())
    except SettingsError as error:
        raise SystemExit(f"ironfeet: {error}") from None


app = build()
