"""The stack as ``make run`` starts it, in a temporary folder, and beside it the server of the baseline."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import create_engine, text

from scripts.cluster import short_folder
from scripts.front import Front
from scripts.probe import accepts
from scripts.processes import Child, dying_with_parent, end_all
from scripts.provision import DIST, ROOT
from scripts.servers import web_command

START_WITHIN_S = 90.0
BARE_PATH = "/api/bench/bare-insert"  # of the baseline's server
BARE_PHOTO_PATH = "/api/v1/photos/bare/"  # the same, below the front's rule for photos
_BARE_TABLE = """
    create table bench_row (id uuid primary key, at timestamptz not null, body text not null);
    grant select, insert on bench_row to ironfeet_app
"""


class BenchError(RuntimeError):
    """The bench cannot go on, or what it measured is not what it meant to; one sentence."""


@dataclass(frozen=True, slots=True)
class Served:
    """Addresses of both servers, and the settings they share."""

    sync_url: str
    baseline_url: str
    environ: dict[str, str]


@contextmanager
def served() -> Iterator[Served]:
    """Start everything, hand out the addresses, end everything.

    Raises:
        BenchError: where it does not start.
    """
    with tempfile.TemporaryDirectory(prefix="ironfeet-bench-") as folder:
        var = Path(folder)
        # The demo day would be played in the background, in the middle of the measurement.
        (var / "postgres").mkdir()
        (var / "postgres" / "demo-played.stamp").touch()
        environ = {k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "SECRET_KEY"}}
        environ |= {"IRONFEET_VAR": folder, "PORT": str(free_port()), "IRONFEET_MODE": "development"}
        log = var / "stack.log"
        with log.open("w") as output:
            stack = subprocess.Popen(
                dying_with_parent([sys.executable, "-m", "scripts.run", "serve"], "INT"),
                cwd=ROOT,
                env=environ,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        beside: list[Child] = []
        try:
            _wait_until_running(stack, log)
            settings = dict(os.environ) | _settings(var / "env")
            yield Served(
                sync_url=f"http://127.0.0.1:{environ['PORT']}",
                baseline_url=_start_baseline(var, settings, beside),
                environ=settings,
            )
        finally:
            end_all(beside, within_s=8.0)
            stack.send_signal(signal.SIGINT)
            stack.wait(timeout=30)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _wait_until_running(stack: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_WITHIN_S
    while "Ironfeet is running" not in log.read_text():
        if stack.poll() is not None or time.monotonic() > deadline:
            raise BenchError(f"the stack did not start (make setup?): {log.read_text()[-500:]}")
        time.sleep(0.1)


def _settings(file: Path) -> dict[str, str]:
    """The settings that the stack left for its administrator."""
    pairs = (word.split("=", 1) for line in file.read_text().splitlines() for word in shlex.split(line)[1:])
    return dict(pairs)


def _start_baseline(var: Path, settings: dict[str, str], beside: list[Child]) -> str:
    """The bare INSERT behind the same kind of web server and front; returns its address."""
    owner = create_engine(settings["OWNER_DATABASE_URL"])
    with owner.begin() as connection:
        connection.execute(text(_BARE_TABLE))
    owner.dispose()
    folder = short_folder(var / "run-baseline")
    web, port = folder / "web.sock", free_port()
    logs = var / "log"
    beside.append(
        Child("baseline", web_command(web, "bench.baseline:app", settings), logs / "base.log", settings, ROOT)
    )
    deadline = time.monotonic() + START_WITHIN_S
    while not accepts(web):
        if beside[-1].exit_code is not None or time.monotonic() > deadline:
            raise BenchError(f"the baseline's server did not start: {beside[-1].last_words()}")
        time.sleep(0.05)
    front = Front(
        work=var / "nginx-baseline",
        hosts=("127.0.0.1",),
        port=port,
        web=web,
        live=web,
        log=logs / "nginx-base.log",
        pages=DIST,
    )
    beside.append(Child("nginx", front.command(), logs / "nginx-base.log", settings, ROOT))
    return f"http://127.0.0.1:{port}"
