"""``make run`` comes up as a whole, tells in one sentence why it cannot, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts.provision import DIST
from tests.stack import free_port, launch, wait_until_running

built = pytest.mark.skipif(not (DIST / "field" / "index.html").exists(), reason="the pages are not built")


def refusal(process) -> str:
    """What a start that fails says; it must be one sentence and a non-zero exit."""
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 1, said
    lines = said.strip().splitlines()
    assert len(lines) == 1, said
    assert lines[0].startswith("ironfeet: ")
    return lines[0]


def processes_of(folder: Path) -> list[str]:
    """Command lines of all processes that have to do with *folder*."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            words = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
        except OSError:
            continue
        if os.fsencode(folder) in words:
            found.append(words.replace(b"\0", b" ")[:200].decode(errors="replace"))
    return found


def wait_until_nothing_is_left(folder: Path, port: int) -> None:
    deadline = time.monotonic() + 20
    while left := processes_of(folder):
        assert time.monotonic() < deadline, left
        time.sleep(0.1)
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def test_a_busy_port_is_one_sentence(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"Port {port} is used by another program" in refusal(launch(tmp_path, port))
    assert processes_of(tmp_path) == []


@pytest.mark.parametrize("port", ["0", "65536", "http", "-1"])
def test_a_port_that_is_none_is_one_sentence(tmp_path, port):
    assert "PORT is" in refusal(launch(tmp_path, port))


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("postgresql://nobody@127.0.0.1:1/none", "cannot be reached"),
        ("mysql//what", "is not a database address"),
        ("postgresql://x@/y?host=/nowhere", "cannot be reached"),
    ],
)
def test_a_bad_outside_database_is_one_sentence(tmp_path, address, reason):
    said = refusal(launch(tmp_path, free_port(), DATABASE_URL=address))
    assert "DATABASE_URL" in said
    assert reason in said


def test_a_broken_database_is_one_sentence(tmp_path):
    data = tmp_path / "postgres" / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("4\n")
    assert "made by PostgreSQL 4, which is not installed" in refusal(launch(tmp_path, free_port()))


def test_production_does_not_start_without_a_secret(tmp_path):
    said = refusal(launch(tmp_path, free_port(), IRONFEET_MODE="production"))
    assert "SECRET_KEY is missing" in said
    assert processes_of(tmp_path) == []


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Launches stacks; one that a failed test leaves behind is ended."""
    launched: list[subprocess.Popen[str]] = []

    def begin(*arguments: Any, **environ: str) -> subprocess.Popen[str]:
        launched.append(launch(*arguments, **environ))
        return launched[-1]

    yield begin
    for process in launched:
        if process.poll() is None:
            process.kill()
            process.communicate()


@built
def test_a_whole_life(tmp_path, start):
    """Start, a second one is refused, killed hard, nothing left; starts again, Ctrl-C, nothing left."""
    port = free_port()
    first = start(tmp_path, port)
    assert "Loading the demo street" in wait_until_running(first)
    assert "already running from this folder" in refusal(launch(tmp_path, free_port()))
    # A stream that hangs on must not keep anything alive.
    with socket.create_connection(("127.0.0.1", port)) as hanging:
        hanging.sendall(b"GET /api/v1/live HTTP/1.1\r\nHost: x\r\n")
        first.send_signal(signal.SIGKILL)
        first.wait()
        first.stdout.close()
        wait_until_nothing_is_left(tmp_path, port)
    again = start(tmp_path, port)
    assert "Loading the demo street" not in wait_until_running(again)
    again.send_signal(signal.SIGINT)
    said, _ = again.communicate(timeout=30)
    assert again.returncode == 0, said
    wait_until_nothing_is_left(tmp_path, port)


@built
def test_a_child_that_dies_ends_everything_in_production_too(tmp_path, start):
    port = free_port()
    process = start(tmp_path, port, IRONFEET_MODE="production", SECRET_KEY="0123456789abcdef" * 3)
    wait_until_running(process)
    nginx = int((tmp_path / "nginx" / "nginx.pid").read_text())
    os.kill(nginx, signal.SIGKILL)
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "ironfeet: nginx ended by itself" in said
    wait_until_nothing_is_left(tmp_path, port)
