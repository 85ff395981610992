"""A private PostgreSQL server: in a folder of its own, on a unix socket only, gone with its parent.

Used by ``make run`` (under ``var/``) and by the tests (in a temporary folder). It needs no port, no
service and no account: PostgreSQL refuses to run as root, so root starts it in a user namespace where
it looks like an ordinary user, or, where namespaces are forbidden (many containers), as the system's
``postgres`` user. Only Python's own library is used, because this runs before anything is installed.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from pathlib import Path

OWNER = "ironfeet"  # owns the tables; superuser of this private server
APPLICATION = "ironfeet_app"  # what the application signs in as; may not change the ledger
DATABASE = "ironfeet"
SOCKET_PATH_LIMIT = 100  # bytes; the kernel takes 107 with the socket's own name behind it
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 20.0
REVIVALS = 5  # attempts to bring a dead server back, a second apart
SHARED_PLACES = Path("/var/lib/ironfeet")  # data of a server whose own folder its user cannot enter


class ClusterError(RuntimeError):
    """The server cannot be made, started or asked; the text is one sentence for the person."""


def find_programs(major: str | None = None) -> Path | None:
    """Folder with ``initdb`` and ``postgres`` of the newest version that has PostGIS.

    Args:
        major: only this major version, for data that exist already.
    """
    found = []
    for folder in Path("/usr/lib/postgresql").glob("*/bin"):
        version = folder.parent.name
        postgis = Path(f"/usr/share/postgresql/{version}/extension/postgis.control")
        if version.isdigit() and (folder / "initdb").exists() and postgis.exists():
            found.append((int(version), folder))
    if not found and (config := shutil.which("pg_config")):
        asked = subprocess.run(
            [config, "--bindir", "--sharedir", "--version"], check=False, capture_output=True, text=True
        )
        bin_dir, share_dir, version = asked.stdout.split("\n")[:3]
        number = version.split()[-1].split(".")[0]
        if Path(bin_dir, "initdb").exists() and Path(share_dir, "extension/postgis.control").exists():
            found.append((int(number), Path(bin_dir)))
    wanted = [pair for pair in found if major is None or str(pair[0]) == major]
    return max(wanted)[1] if wanted else None


def _namespaces_work() -> bool:
    """True where an unprivileged-looking user can be made by a user namespace."""
    command = ["unshare", "--user", "--map-user=1000", "--map-group=1000", "true"]
    try:
        return subprocess.run(command, check=False, capture_output=True, timeout=10).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def short_folder(wanted: Path) -> Path:
    """A private folder for unix sockets: *wanted*, or a short one where its path is too long.

    Raises:
        ClusterError: where somebody else made the folder first.
    """
    folder = wanted
    if len(os.fsencode(wanted)) > SOCKET_PATH_LIMIT:
        name = "ironfeet-" + hashlib.sha256(bytes(wanted)).hexdigest()[:12]
        temporary = Path(tempfile.gettempdir())
        roomy = len(os.fsencode(temporary / name)) <= SOCKET_PATH_LIMIT
        folder = (temporary if roomy else Path("/tmp")) / name  # noqa: S108 - checked below
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or os.geteuid() not in {found.st_uid, 0}:
        raise ClusterError(f"{folder} belongs to somebody else; remove it or set TMPDIR.")
    folder.chmod(0o700)  # who can enter it may talk to what listens there
    return folder


class Cluster:
    """One private server.

    Attributes:
        home: the folder of the server; made where missing.
        socket: folder of the unix socket, which is the server's address.
    """

    def __init__(self, home: Path, *, durable: bool = True) -> None:
        self.home = home.resolve()
        self.durable = durable  # False: for tests, faster and lost with the machine's power
        self.process: subprocess.Popen[bytes] | None = None
        self._as_postgres = False
        self.data = self.home / "data"
        self.socket = self.home / "socket"

    @property
    def log(self) -> Path:
        """The server's own log file."""
        return self.home / "postgres.log"

    def url(self, role: str = APPLICATION, database: str = DATABASE) -> str:
        """Address of *database* for *role*, as libpq and SQLAlchemy read it."""
        return f"postgresql://{role}@/{database}?host={self.socket}"

    def start(self) -> None:
        """Make the server where it is new, start it and wait until it answers.

        Raises:
            ClusterError: where PostgreSQL is missing or does not start; the text says why.
        """
        self.home.mkdir(parents=True, exist_ok=True)
        self._choose_user()
        self._choose_socket()
        self._wait_for_predecessor()
        if not (self.data / "PG_VERSION").exists():
            self._make()
        programs = self._programs()
        command = [str(programs / "postgres"), "-D", str(self.data)]
        for setting in self._settings():
            command += ["-c", setting]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self._wrapped(command, die_with_parent=True),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,  # Ctrl-C is for the parent, which then stops us in order
            )
        self._wait_until_ready(programs)

    def stop(self) -> None:
        """Stop the server in order; kill it where it does not stop in time."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None

    def revive(self) -> None:
        """Start the server again after it ended without being asked.

        A server that somebody else has put in its place is stopped first: it would outlive us.

        Raises:
            ClusterError: where it does not come back.
        """
        if self.process is not None:
            self.process.wait()
        if pid := self._running_pid():
            os.kill(pid, signal.SIGINT)
        for attempt in range(REVIVALS):
            try:
                self.start()
                return
            except ClusterError:  # processes of the dead server may hold its memory for a moment
                if attempt == REVIVALS - 1:
                    raise
                time.sleep(1)

    def sql(self, statement: str, database: str = "postgres") -> str:
        """Run *statement* as the owner with ``psql`` and return its bare output.

        Raises:
            ClusterError: with the server's message where it refuses.
        """
        command = [str(self._programs() / "psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]
        command += ["-h", str(self.socket), "-U", OWNER, "-d", database, "-c", statement]
        ran = subprocess.run(command, check=False, capture_output=True, text=True)
        if ran.returncode != 0:
            raise ClusterError(f"The database refused: {ran.stderr.strip()}")
        return ran.stdout.strip()

    def ensure_database(self, database: str = DATABASE) -> None:
        """Make the application's role and *database* with PostGIS where they are missing."""
        if not self.sql(f"select 1 from pg_roles where rolname = '{APPLICATION}'"):  # noqa: S608 - our own names
            self.sql(f"create role {APPLICATION} login")
        if not self.sql(f"select 1 from pg_database where datname = '{database}'"):  # noqa: S608
            self.sql(f"create database {database}")
        self.sql("create extension if not exists postgis", database)

    def _programs(self) -> Path:
        version = self.data / "PG_VERSION"
        major = version.read_text().strip() if version.exists() else None
        programs = find_programs(major)
        if programs is None and major is not None:
            raise ClusterError(
                f"The data in {self.data} were made by PostgreSQL {major}, which is not installed with "
                f"PostGIS: install postgresql-{major}-postgis-3, or move the folder away to start afresh."
            )
        if programs is None:
            raise ClusterError("PostgreSQL with PostGIS is not installed.")
        return programs

    def _choose_user(self) -> None:
        """Decide how root starts the server, and where its data then lie."""
        self._as_postgres = False
        if os.geteuid() != 0:
            return
        if self.data.exists() and self.data.stat().st_uid == 0 and _namespaces_work():
            return
        shared = SHARED_PLACES / hashlib.sha256(bytes(self.home)).hexdigest()[:12]
        foreign = (self.data.exists() and self.data.stat().st_uid != 0) or shared.exists()
        if not foreign and _namespaces_work():
            return
        try:
            account = pwd.getpwnam("postgres")
        except KeyError:
            raise ClusterError(
                "As root, PostgreSQL needs user namespaces or a system user named postgres; neither is here."
            ) from None
        self._as_postgres = True
        reachable = subprocess.run(
            self._wrapped(["test", "-x", str(self.home)]), check=False, cwd="/", capture_output=True
        ).returncode
        if reachable != 0:
            shared.mkdir(parents=True, exist_ok=True)
            self.data, self.socket = shared / "data", shared / "socket"
        self.data.mkdir(mode=0o700, exist_ok=True)
        os.chown(self.data, account.pw_uid, account.pw_gid)

    def _choose_socket(self) -> None:
        """Take a folder that the kernel's limit allows and that only the server's user can enter."""
        self.socket = short_folder(self.socket)
        if self._as_postgres:
            account = pwd.getpwnam("postgres")
            os.chown(self.socket, account.pw_uid, account.pw_gid)

    def _wrapped(self, command: list[str], *, die_with_parent: bool = False) -> list[str]:
        """*command* as the user the server runs as, interrupted when this process dies."""
        death = ["--pdeathsig", "INT"] if die_with_parent else []
        if self._as_postgres:
            user = ["--reuid=postgres", "--regid=postgres", "--init-groups", "--reset-env"]
            return ["setpriv", *user, *death, *command]
        dying = ["setpriv", *death, *command] if death else command
        if os.geteuid() == 0:
            return ["unshare", "--user", "--map-user=1000", "--map-group=1000", *dying]
        return dying

    def _wait_for_predecessor(self) -> None:
        """Wait for a server whose parent has just died and which is shutting down.

        Raises:
            ClusterError: where it goes on running: somebody else uses these data.
        """
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while pid := self._running_pid():
            if time.monotonic() > deadline:
                raise ClusterError(f"Another server (process {pid}) is running on {self.data}.")
            time.sleep(0.1)

    def _running_pid(self) -> int | None:
        try:
            pid = int((self.data / "postmaster.pid").read_text().split("\n")[0])
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError):
            return None
        return pid if os.fsencode(self.data) in words else None

    def _make(self) -> None:
        if self.data.exists() and any(self.data.iterdir()):
            raise ClusterError(f"{self.data} is not empty and holds no database; move it away.")
        command = [str(self._programs() / "initdb"), "-D", str(self.data), "-U", OWNER, "--auth=trust"]
        command += ["--no-sync", "--locale=C.UTF-8", "-E", "UTF8"]
        ran = subprocess.run(self._wrapped(command), check=False, cwd="/", capture_output=True, text=True)
        if ran.returncode != 0:
            raise ClusterError(f"The database could not be made in {self.data}: {_last_line(ran.stderr)}")

    def _settings(self) -> list[str]:
        settings = ["listen_addresses=", f"unix_socket_directories={self.socket}"]
        settings += ["max_connections=200", "timezone=UTC", "jit=off", "log_line_prefix=%m [%p] "]
        if not self.durable:
            settings += ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=64MB"]
        return settings

    def _wait_until_ready(self, programs: Path) -> None:
        assert self.process is not None  # noqa: S101 - for the type checker
        started_at = time.monotonic()
        while time.monotonic() - started_at < START_TIMEOUT_S:
            if self.process.poll() is not None:
                raise ClusterError(f"The database did not start: {self._complaint()} (log: {self.log})")
            command = [str(programs / "pg_isready"), "-q", "-h", str(self.socket), "-t", "1"]
            if subprocess.run(command, check=False, capture_output=True).returncode == 0:
                return
            time.sleep(0.03)
        self.stop()
        raise ClusterError(f"The database did not answer within {START_TIMEOUT_S:.0f} s (log: {self.log}).")

    def _complaint(self) -> str:
        """The last fatal line of the log, else its last line."""
        text = ""
        with contextlib.suppress(OSError):
            text = self.log.read_text(errors="replace")[-8000:]
        fatal = [line for line in text.splitlines() if "FATAL" in line or "PANIC" in line]
        return fatal[-1].split("] ", 1)[-1] if fatal else _last_line(text)


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it gave no reason"
