"""The commands of the Python servers behind the front."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from scripts.provision import VENV


def web_command(path: Path, application: str, environ: Mapping[str, str]) -> list[str]:
    """The API's server for *application*, listening on the unix socket *path*.

    Two processes a core rather than many threads: threads of one process wait for each other's turn at
    every answer of the database, and a check-in asks it nine times. The second thread is there so that
    one slow request (a sheet of tags) does not stand in the way of the next.
    """
    workers = environ.get("WEB_WORKERS") or str(min(2 * (os.cpu_count() or 1), 8))
    threads = ["--workers", workers, "--blocking-threads", "2", "--backlog", "2048"]
    return [*_granian(path), "--interface", "wsgi", *threads, application]


def live_command(path: Path) -> list[str]:
    """The live stream's server, listening on the unix socket *path*."""
    return [*_granian(path), "--interface", "asgi", "--backlog", "4096", "app.live.hub:app"]


def _granian(path: Path) -> list[str]:
    command = [str(VENV / "bin/python"), "-m", "granian", "--uds", str(path)]
    return [*command, "--no-ws", "--log-level", "warning", "--workers-kill-timeout", "3"]
