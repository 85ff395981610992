"""Runs the whole of Ironfeet for a test, as ``make run`` does after its set-up, on a folder of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
READY_WITHIN_S = 90.0


@dataclass(frozen=True, slots=True)
class Stack:
    """A running stack: where it answers, where its data and logs lie, and its first process."""

    base_url: str
    port: int
    var: Path
    process: subprocess.Popen[str]

    def stop(self) -> int:
        """End it as a person would with Ctrl-C; returns its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        code = self.process.wait(30)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


def free_port() -> int:
    """A port that nobody uses just now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def launch(var: Path, port: int, **environ: str) -> subprocess.Popen[str]:
    """Start ``scripts.run serve`` with few processes; its output, errors too, is one text stream."""
    return subprocess.Popen(
        [sys.executable, "-m", "scripts.run", "serve"],
        cwd=ROOT,
        env=_clean_environ()
        | {"IRONFEET_VAR": str(var), "PORT": str(port), "PLAY_DEMO": "no", "WEB_WORKERS": "2"}
        | environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        bufsize=1,
    )


def _clean_environ() -> dict[str, str]:
    """Our environment without settings that would reach the stack by accident."""
    ours = ("DATABASE_URL", "OWNER_DATABASE_URL", "SECRET_KEY", "IRONFEET_MODE", "HOST", "WEB_WORKERS")
    return {name: value for name, value in os.environ.items() if name not in ours}


@contextmanager
def running_stack(var: Path, **environ: str) -> Iterator[Stack]:
    """A stack with the demo street, on a free port, ended when the block ends."""
    port = free_port()
    process = launch(var, port, **environ)
    stack = Stack(f"http://127.0.0.1:{port}", port, var, process)
    try:
        wait_until_running(process)
        yield stack
    finally:
        stack.stop()


def wait_until_running(process: subprocess.Popen[str]) -> str:
    """Read the output until it says that all is up, and return it; fails with it where it ends before."""
    assert process.stdout is not None
    said = []
    deadline = time.monotonic() + READY_WITHIN_S
    for line in process.stdout:
        said.append(line)
        if "Ctrl-C ends everything" in line:
            return "".join(said)
        if time.monotonic() > deadline:
            break
    process.kill()
    raise AssertionError("the stack did not come up:\n" + "".join(said))
