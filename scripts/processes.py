"""Child processes that never outlive us, with their logs in files and their errors on the console."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

_WORTH_SHOWING = re.compile(
    r"\b(ERROR|CRITICAL|FATAL|PANIC)\b|\[(error|crit|alert|emerg)\]|^\w+(\.\w+)*(Error|Exception): "
)
_SHOWN_WIDTH = 240
_SHOWN_LINES = 3  # of each child at a time
_LOG_LIMIT_BYTES = 10_000_000


def dying_with_parent(command: Sequence[str], signal_name: str = "TERM") -> list[str]:
    """*command*, sent a signal by the kernel when this process dies, however it dies.

    The kernel watches the *thread* that starts the child: start from the main thread.
    """
    return ["setpriv", "--pdeathsig", signal_name, *command]


def open_log(path: Path) -> int:
    """Open a log for appending; one that has grown long is put aside first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > _LOG_LIMIT_BYTES:
        path.replace(path.with_suffix(".log.old"))
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


class Child:
    """One long-running program: started at once, in a session of its own, its output in *log*."""

    def __init__(
        self, name: str, command: Sequence[str], log: Path, environ: Mapping[str, str], cwd: Path
    ) -> None:
        self.name = name
        self.log = log
        output = open_log(log)
        self._read_from = os.fstat(output).st_size
        try:
            self.process = subprocess.Popen(
                dying_with_parent(command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=dict(environ),
                cwd=cwd,
                # Ctrl-C is for the parent, which then ends us in order. Not a session of its own: Linux
                # shares the processors among sessions first, and then no niceness of a thread counts.
                process_group=0,
            )
        finally:
            os.close(output)

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self.process.poll()

    def new_errors(self) -> list[str]:
        """Lines of the log since the last call that a person should see, shortened."""
        lines = [line for line in self._new_lines() if _WORTH_SHOWING.search(line)]
        shown = [f"{self.name}: {line[:_SHOWN_WIDTH]}" for line in lines[:_SHOWN_LINES]]
        if len(lines) > _SHOWN_LINES:
            shown.append(f"{self.name}: {len(lines) - _SHOWN_LINES} more in {self.log}")
        return shown

    def _new_lines(self) -> list[str]:
        try:
            with self.log.open("rb") as file:
                file.seek(self._read_from)
                text = file.read(200_000)
        except OSError:
            return []
        whole = text[: text.rfind(b"\n") + 1]
        self._read_from += len(whole)
        return whole.decode(errors="replace").splitlines()

    def last_words(self) -> str:
        """The last line it wrote, for telling why it ended."""
        with contextlib.suppress(OSError):
            lines = self.log.read_bytes()[-4000:].decode(errors="replace").strip().splitlines()
            return lines[-1][:_SHOWN_WIDTH] if lines else "it wrote nothing"
        return "its log is gone"

    def terminate(self) -> None:
        """Ask it to end."""
        if self.process.poll() is None:
            self.process.terminate()

    def finish(self, deadline: float) -> None:
        """Wait for its end until *deadline* (monotonic), then kill it and whatever it left behind."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(max(0.0, deadline - time.monotonic()))
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def end_all(children: Sequence[Child], within_s: float) -> None:
    """End all *children* side by side; none is left after *within_s* seconds."""
    for child in children:
        child.terminate()
    deadline = time.monotonic() + within_s
    for child in children:
        child.finish(deadline)
