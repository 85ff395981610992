"""``make run``: everything on one machine, one port, one command; nothing is left when it ends.

    python3 -m scripts.run          set up, then serve
    python3 -m scripts.run serve    serve only (everything is installed and built)
    python3 -m scripts.run setup    install and build only (``--tests``: what the tests need, too)

Environment: PORT (8000), HOST (127.0.0.1), DATABASE_URL and OWNER_DATABASE_URL (an outside PostGIS
instead of the private one), IRONFEET_VAR (folder of data and logs, ``var``), IRONFEET_MODE
(development), PLAY_DEMO (yes), PHOTO_DIR (photos in IRONFEET_VAR) or PHOTO_S3_…, WEB_WORKERS, TILE_URL,
TILE_DATUM, TILE_ATTRIBUTION.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import resource
import secrets
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, NoReturn

from config import SettingsError, read_settings
from scripts.cluster import APPLICATION, OWNER, Cluster, ClusterError, short_folder
from scripts.front import Front, FrontError, free_hosts
from scripts.probe import accepts, ask
from scripts.processes import Child, dying_with_parent, end_all, open_log
from scripts.provision import DIST, ROOT, VENV, Provision, ProvisionError
from scripts.servers import live_command, web_command

READY_WITHIN_S = 60.0
END_WITHIN_S = 8.0
DEMO_ACCOUNTS = (
    "patrol1…patrol10  handler1…handler24  dispatcher1  dispatcher2  supervisor1…supervisor3  leader1  admin1"
)


class RunError(RuntimeError):
    """The start failed; the text is one sentence for the person."""


class Stopped(BaseException):
    """Somebody asked for the end: Ctrl-C, TERM or a closed terminal."""


class Stack:
    """The running whole: database, API, live stream, worker, front."""

    def __init__(self, environ: dict[str, str]) -> None:
        self.var = Path(environ.get("IRONFEET_VAR", "") or ROOT / "var").resolve()
        self.host = environ.get("HOST", "") or "127.0.0.1"
        self.port = _port(environ.get("PORT", "") or "8000")
        self.mode = environ.get("IRONFEET_MODE", "") or "development"
        self.environ = environ
        self.logs = self.var / "log"
        self.cluster: Cluster | None = None
        self.children: list[Child] = []
        self.demo_play: Child | None = None
        self._lock: IO[str] | None = None

    @property
    def base_url(self) -> str:
        """Where the front answers on this machine."""
        return f"http://{f'[{self.local}]' if ':' in self.local else self.local}:{self.port}"

    @property
    def local(self) -> str:
        """An address of this machine that the front listens on."""
        everywhere = {"localhost": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104
        return everywhere.get(self.host, self.host)

    # ---- start

    def start(self, *, set_up: bool) -> None:
        """Bring everything up and wait until it answers.

        Raises:
            RunError, ClusterError, FrontError, ProvisionError: with one sentence for the person.
        """
        started_at = time.monotonic()
        self._refuse_unsafe_settings()
        self.var.mkdir(parents=True, exist_ok=True)
        self._claim()
        self._wait_for_old_front()
        hosts = free_hosts(self.host, self.port)
        if set_up:
            Provision(self.var, self.environ).everything(for_tests=False)
        state = self._start_database()
        self._flask("migrate", ["db", "upgrade"], "The database could not be migrated")
        self._load_demo(state)
        self._write_env()
        self._start_children(hosts)
        self._wait_until_well()
        self._announce(time.monotonic() - started_at)
        self._play_demo(state)

    def _refuse_unsafe_settings(self) -> None:
        """Say what is wrong with the settings before anything is touched.

        Where the database is our own, and where development makes its secret, those two are given later.
        """
        known = {"DATABASE_URL": "postgresql://private"} | self.environ | {"IRONFEET_MODE": self.mode}
        try:
            read_settings(known)
        except SettingsError as error:
            raise RunError(str(error)) from None

    def _claim(self) -> None:
        """Make sure that nobody else runs from this folder; the kernel gives it back when we die."""
        self._lock = (self.var / "run.lock").open("a+")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.seek(0)
            raise RunError(
                f"Ironfeet is already running from this folder ({self._lock.read().strip()})."
            ) from None
        self._lock.truncate(0)
        self._lock.write(f"process {os.getpid()}, port {self.port}\n")
        self._lock.flush()

    def _wait_for_old_front(self) -> None:
        """Give the front of a killed predecessor the moment it needs to go away."""
        for _ in range(50):
            try:
                pid = int((self.var / "nginx" / "nginx.pid").read_text())
                ours = os.fsencode(self.var) in Path(f"/proc/{pid}/cmdline").read_bytes()
            except (OSError, ValueError):
                return
            if not ours:
                return
            time.sleep(0.2)

    def _start_database(self) -> Path:
        """Start the private server or check the outside one; returns the folder of what we know about it."""
        outside = self.environ.get("DATABASE_URL", "")
        if outside:
            self.environ.setdefault("OWNER_DATABASE_URL", outside)
            self._check_outside()
            state = self.var / ("outside-" + hashlib.sha256(outside.encode()).hexdigest()[:12])
        else:
            self.cluster = Cluster(self.var / "postgres")
            self.cluster.start()
            self.cluster.ensure_database()
            self.environ["DATABASE_URL"] = self.cluster.url(APPLICATION)
            self.environ["OWNER_DATABASE_URL"] = self.cluster.url(OWNER)
            state = self.var / "postgres"
        state.mkdir(exist_ok=True)
        self._settle_environ()
        return state

    def _check_outside(self) -> None:
        command = [str(VENV / "bin/python"), "-m", "scripts.check_database"]
        checked = subprocess.run(
            dying_with_parent(command),
            check=False,
            cwd=ROOT,
            env=self.environ,
            capture_output=True,
            text=True,
        )
        if checked.returncode != 0:
            said = (checked.stdout + checked.stderr).strip().splitlines() or ["no reason given"]
            raise RunError(said[-1])

    def _settle_environ(self) -> None:
        """Settle what all our programs share: mode, secret, how to find the application."""
        self.environ.update(IRONFEET_MODE=self.mode, FLASK_APP="wsgi.py", PYTHONUNBUFFERED="1")
        self.environ["PHOTO_DIR"] = self.environ.get("PHOTO_DIR", "") or str(self.var / "photos")
        if self.mode == "development" and not self.environ.get("SECRET_KEY"):
            kept = self.var / "secret"
            if not kept.exists():
                kept.touch(mode=0o600)
                kept.write_text(secrets.token_urlsafe(48))
            self.environ["SECRET_KEY"] = kept.read_text().strip()

    def _flask(self, name: str, arguments: list[str], failure: str) -> None:
        log = self.logs / f"{name}.log"
        output = open_log(log)
        try:
            ended = subprocess.run(
                dying_with_parent(self._python("flask", *arguments)),
                check=False,
                cwd=ROOT,
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        finally:
            os.close(output)
        if ended.returncode != 0:
            raise RunError(f"{failure}: {_reason(log.read_text(errors='replace'))} (all of it: {log})")

    def _load_demo(self, state: Path) -> None:
        """Load the demo street on the first run; never in production."""
        stamp = state / "demo-loaded.stamp"
        if self.mode != "development" or stamp.exists():
            return
        print("Loading the demo street …", flush=True)
        self._flask("demo-load", ["demo", "load"], "The demo street could not be loaded")
        stamp.touch()

    def _write_env(self) -> None:
        """Leave the settings for a person's own ``flask`` commands: ``. var/env``."""
        names = [
            "IRONFEET_MODE",
            "SECRET_KEY",
            "DATABASE_URL",
            "OWNER_DATABASE_URL",
            "FLASK_APP",
            "PHOTO_DIR",
        ]
        names += sorted(name for name in self.environ if name.startswith("PHOTO_S3_"))
        values = {name: self.environ[name] for name in names} | {"IRONFEET_BASE_URL": self.base_url}
        text = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in values.items())
        file = self.var / "env"
        file.touch(mode=0o600)
        file.write_text(text)

    def _start_children(self, hosts: tuple[str, ...]) -> None:
        folder = short_folder(self.var / "run")
        web, live = folder / "web.sock", folder / "live.sock"
        for leftover in (web, live):
            leftover.unlink(missing_ok=True)
        self._child("web", web_command(web, "wsgi:app", self.environ))
        self._child("live", live_command(live))
        self._child("worker", self._python("flask", "worker"))
        self._wait_until_open(web, live)  # the front complains about every upstream that is not there yet
        front = Front(
            work=self.var / "nginx",
            hosts=hosts,
            port=self.port,
            web=web,
            live=live,
            log=self.logs / "nginx.log",
            pages=DIST,
            tile_url=self.environ.get("TILE_URL", ""),
        )
        self._child("nginx", front.command())

    def _wait_until_open(self, *sockets: Path) -> None:
        deadline = time.monotonic() + READY_WITHIN_S
        for path in sockets:
            while not accepts(path):
                self._look_after_children()
                if time.monotonic() > deadline:
                    raise RunError(
                        f"Nothing listens on {path} after {READY_WITHIN_S:.0f} s (logs: {self.logs})."
                    )
                time.sleep(0.05)

    def _python(self, module: str, *arguments: str) -> list[str]:
        return [str(VENV / "bin/python"), "-m", module, *arguments]

    def _child(self, name: str, command: list[str]) -> Child:
        child = Child(name, command, self.logs / f"{name}.log", self.environ, ROOT)
        self.children.append(child)
        return child

    def _wait_until_well(self) -> None:
        """Wait until health, pages and live stream answer as they should."""
        deadline = time.monotonic() + READY_WITHIN_S
        waiting = {"/healthz": {200}, "/field/": {200}, "/console/": {200}, "/api/v1/live": {401}}
        told = ""
        while waiting:
            self._look_after_children()
            for path, good in list(waiting.items()):
                status, body = ask(self.local, self.port, path)
                if status in good:
                    del waiting[path]
                else:
                    told = f"{path} answers {status or 'nothing'}: {body[:300]}"
            if waiting and time.monotonic() > deadline:
                raise RunError(
                    f"Not everything came up within {READY_WITHIN_S:.0f} s; {told} (logs: {self.logs})"
                )
            time.sleep(0.05)

    def _announce(self, took_s: float) -> None:
        address = f"http://localhost:{self.port}" if "127.0.0.1" in self.base_url else self.base_url
        print(f"\n铁脚板 Ironfeet is running (after {took_s:.1f} s).")
        print(f"  Field app  {address}/field/\n  Console    {address}/console/")
        if self.mode == "development":
            print(f"  Demo accounts, password ironfeet-demo:\n    {DEMO_ACCOUNTS}")
        print(f"  Logs in {self.logs}. Ctrl-C ends everything.\n", flush=True)

    def _play_demo(self, state: Path) -> None:
        """Walk the demo day once, in the background, through the public API."""
        wanted = self.mode == "development" and self.environ.get("PLAY_DEMO", "yes") == "yes"
        if not wanted or (state / "demo-played.stamp").exists():
            return
        command = self._python("flask", "demo", "play", "--base-url", self.base_url)
        self.demo_play = Child("demo-play", command, self.logs / "demo-play.log", self.environ, ROOT)
        self._played = state / "demo-played.stamp"
        print("Playing the demo day in the background; the console fills while it runs.", flush=True)

    # ---- run and end

    def watch(self) -> NoReturn:
        """Look after the children until somebody asks for the end.

        Raises:
            RunError: where one ended by itself.
        """
        while True:
            self._look_after_children()
            self._look_after_demo()
            time.sleep(0.3)

    def _look_after_children(self) -> None:
        for child in self.children:
            for line in child.new_errors():
                print(line, file=sys.stderr, flush=True)
            if child.exit_code is not None:
                raise RunError(
                    f"{child.name} ended by itself with {child.exit_code}: {child.last_words()} (log: {child.log})"
                )
        if self.cluster and self.cluster.process and self.cluster.process.poll() is not None:
            print("database: ended by itself; starting it again", file=sys.stderr, flush=True)
            self.cluster.revive()

    def _look_after_demo(self) -> None:
        if self.demo_play is None or self.demo_play.exit_code is None:
            return
        if self.demo_play.exit_code == 0:
            self._played.touch()
            print("The demo day is complete.", flush=True)
        else:
            said = f"{self.demo_play.last_words()} (log: {self.demo_play.log})"
            print(f"demo-play: the demo day could not be played: {said}", file=sys.stderr, flush=True)
        self.demo_play = None

    def stop(self) -> None:
        """End all children, the database last."""
        played = [self.demo_play] if self.demo_play else []
        end_all([*played, *reversed(self.children)], END_WITHIN_S)
        self.children.clear()
        if self.cluster:
            self.cluster.stop()


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 65536:
        raise RunError(f"PORT is {text!r}; it must be a number between 1 and 65535.")
    return int(text)


def _reason(said: str) -> str:
    """The line that names the error in the output of a failed Python program."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line for line in lines if re.match(r"[\w.]*\w(Error|Exception): |ironfeet: ", line)]
    return (errors or lines or ["no reason given"])[-1][:300]


def _raise_stopped(_signal: int, _frame: object) -> NoReturn:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # once is enough: the end is in order and short
    raise Stopped


def _run(stack: Stack, *, set_up: bool) -> int:
    try:
        stack.start(set_up=set_up)
        stack.watch()
    except Stopped:
        print("\nEnding …", flush=True)
        return 0
    finally:
        stack.stop()


def main(arguments: list[str]) -> int:
    """Run the command; every failure is one sentence and a non-zero exit."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _raise_stopped)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # a thousand idle streams need descriptors
    command = arguments[0] if arguments else "run"
    environ = dict(os.environ)
    try:
        if command == "setup":
            Provision(ROOT / "var", environ).everything(for_tests="--tests" in arguments)
            return 0
        if command in {"run", "serve"}:
            return _run(Stack(environ), set_up=command == "run")
        print(__doc__)
        return 2
    except (RunError, ClusterError, FrontError, ProvisionError) as error:
        print(f"ironfeet: {error}", file=sys.stderr)
        return 1
    except Stopped:
        return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
