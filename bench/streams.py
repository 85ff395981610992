"""Idle readers of the live stream: real connections through the front, held open by a process of its own.

python -m bench.streams HOST PORT COUNT TOKEN …     ends when its input ends
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from bench.stack import BenchError
from scripts.provision import ROOT

OPENING_AT_ONCE = 50


@contextmanager
def idle_streams(base_url: str, tokens: list[str], count: int) -> Iterator[None]:
    """Hold *count* streams open, shared out among *tokens*.

    Raises:
        BenchError: where they do not all open, or do not all stay open.
    """
    address = urlsplit(base_url)
    command = [sys.executable, "-m", "bench.streams", str(address.hostname), str(address.port), str(count)]
    reader = subprocess.Popen(
        [*command, *tokens], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert reader.stdin is not None and reader.stdout is not None  # noqa: S101 - for the type checker
    try:
        said = reader.stdout.readline().strip()
        if said != f"open {count}":
            raise BenchError(f"{count} streams did not open: {said or 'nothing was said'}")
        yield
        reader.stdin.close()
        said = reader.stdout.readline().strip()
        if said != f"still open {count}":
            raise BenchError(f"of {count} idle streams not all stayed open: {said}")
    finally:
        reader.kill()
        reader.wait()


class _Readers:
    def __init__(self) -> None:
        self.open = 0
        self._few = asyncio.Semaphore(OPENING_AT_ONCE)

    async def follow(self, host: str, port: int, token: str, ready: asyncio.Event, wanted: int) -> None:
        """Open one stream and read it until it ends."""
        async with self._few:
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(
                f"GET /api/v1/live HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
            )
            status = (await reader.readline()).decode()
            if " 200 " not in status:
                print(f"refused: {status.strip()}", flush=True)
                return
            await reader.readuntil(b"\r\n\r\n")
            await reader.readline()  # the greeting's first chunk: the stream really streams
        self.open += 1
        if self.open == wanted:
            ready.set()
        try:
            while await reader.read(65536):
                pass
        finally:
            self.open -= 1


async def _hold(host: str, port: int, count: int, tokens: list[str]) -> None:
    readers, ready = _Readers(), asyncio.Event()
    tasks = [
        asyncio.create_task(readers.follow(host, port, tokens[n % len(tokens)], ready, count))
        for n in range(count)
    ]
    await asyncio.wait_for(ready.wait(), timeout=60)
    print(f"open {readers.open}", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    print(f"still open {readers.open}", flush=True)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


if __name__ == "__main__":
    asyncio.run(_hold(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]))
