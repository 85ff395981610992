"""A push service for a real Firefox: Mozilla's websocket protocol on one side, RFC 8030 on the other.

The same server has a page that subscribes and a service worker that reports what it was pushed, so that
the browser needs no driver: it is started with the page's address and does everything by itself.
"""

from __future__ import annotations

import asyncio
import base64
import json
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from aiohttp import WSMsgType, web

PAGE = """<!doctype html><meta charset="utf-8"><title>Push</title><script>
const report = (what) => fetch("/report", { method: "POST", body: JSON.stringify(what) })
// A call during the browser's start is lost now and then: it neither succeeds nor fails.
const inTime = (promise) => Promise.race([promise, new Promise((_, no) => setTimeout(no, 3000, "late"))])
async function subscribe() {
  const key = await (await fetch("/key")).text()
  const worker = await navigator.serviceWorker.register("/worker.js")
  await navigator.serviceWorker.ready
  for (;;) {
    try {
      const wish = { userVisibleOnly: true, applicationServerKey: key }
      return await inTime(worker.pushManager.subscribe(wish))
    } catch (error) {
      if (error !== "late") throw error
    }
  }
}
subscribe().then((found) => report({ subscribed: found }), (error) => report({ failed: String(error) }))
</script>"""

WORKER = """
self.addEventListener("install", () => self.skipWaiting())
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()))
self.addEventListener("push", (event) => event.waitUntil((async () => {
  const said = event.data.json()
  await self.registration.showNotification(said.title, { body: said.body, tag: said.tag })
  const shown = (await self.registration.getNotifications()).map((one) => [one.title, one.body])
  await fetch("/report", { method: "POST", body: JSON.stringify({ pushed: said, shown }) })
})()))
"""


@dataclass
class PushService:
    """The running service: what pages reported, and the requests that senders made."""

    key: str
    port: int = 0
    reports: queue.Queue[dict[str, Any]] = field(default_factory=queue.Queue)
    posted: list[dict[str, str]] = field(default_factory=list)
    _browsers: dict[str, web.WebSocketResponse] = field(default_factory=dict)
    _acknowledged: set[str] = field(default_factory=set)

    @property
    def address(self) -> str:
        """Where the page is."""
        return f"http://127.0.0.1:{self.port}/"

    def application(self) -> web.Application:
        """All of it as one aiohttp application."""
        app = web.Application()
        app.router.add_get("/", self._page_or_socket)
        app.router.add_get("/worker.js", self._worker)
        app.router.add_get("/key", self._key)
        app.router.add_post("/report", self._report)
        app.router.add_post("/push/{channel}", self._push)
        return app

    async def _worker(self, _request: web.Request) -> web.Response:
        return web.Response(text=WORKER, content_type="text/javascript")

    async def _key(self, _request: web.Request) -> web.Response:
        return web.Response(text=self.key)

    async def _page_or_socket(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() != "websocket":
            return web.Response(text=PAGE, content_type="text/html")
        socket = web.WebSocketResponse(protocols=("push-notification",))
        await socket.prepare(request)
        async for message in socket:
            if message.type == WSMsgType.TEXT:
                await self._talk(socket, json.loads(message.data))
        return socket

    async def _talk(self, socket: web.WebSocketResponse, said: dict[str, Any]) -> None:
        """One message of the browser."""
        kind = said.get("messageType")
        if kind == "hello":
            answer = {"uaid": said.get("uaid") or uuid4().hex, "use_webpush": True, "broadcasts": {}}
            await socket.send_json({"messageType": "hello", "status": 200} | answer)
        elif kind == "register":
            channel = said["channelID"]
            self._browsers[channel] = socket
            answer = {"channelID": channel, "pushEndpoint": f"{self.address}push/{channel}"}
            await socket.send_json({"messageType": "register", "status": 200} | answer)
        elif kind == "unregister":
            self._browsers.pop(said["channelID"], None)
            await socket.send_json(said | {"status": 200})
        elif kind == "ack":
            self._acknowledged |= {update["version"] for update in said["updates"]}
        elif not said:
            await socket.send_json({})

    async def _report(self, request: web.Request) -> web.Response:
        self.reports.put(await request.json())
        return web.Response(status=204)

    async def _push(self, request: web.Request) -> web.Response:
        """What a sender asks for: 410 where the browser is not known, as the real ones answer."""
        socket = self._browsers.get(request.match_info["channel"])
        if socket is None or socket.closed:
            return web.Response(status=410)
        self.posted.append({name.lower(): value for name, value in request.headers.items()})
        body = base64.urlsafe_b64encode(await request.read()).decode().rstrip("=")
        await socket.send_json(
            {
                "messageType": "notification",
                "channelID": request.match_info["channel"],
                "version": uuid4().hex,
                "data": body,
                "headers": {"encoding": request.headers["Content-Encoding"]},
            }
        )
        return web.Response(status=201)


@contextmanager
def running(key: str) -> Iterator[PushService]:
    """A service whose page subscribes with *key* (base64url), for as long as the block lasts."""
    service, loop = PushService(key), asyncio.new_event_loop()
    started = threading.Event()

    async def serve() -> web.AppRunner:
        runner = web.AppRunner(service.application(), shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        service.port = runner.addresses[0][1]
        started.set()
        return runner

    def run() -> None:
        runner = loop.run_until_complete(serve())
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    started.wait(10)
    try:
        yield service
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
