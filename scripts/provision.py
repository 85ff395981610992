"""Installs what the project needs: system packages, the virtual environment, node, the built pages.

Every step is skipped when its result is there and its inputs are unchanged, so that the second start
is quick. Only Python's own library is used: this runs before anything is installed.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from scripts.cluster import find_programs
from scripts.front import find_nginx
from scripts.processes import dying_with_parent, open_log

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PWA = ROOT / "pwa"
DIST = PWA / "dist"
CJK_FONTS = Path("/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf")
BROWSER_FONTS = Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc")
NODE_AT_LEAST = (20, 19)
_COMPRESSIBLE = {".js", ".mjs", ".css", ".html", ".svg", ".json", ".geojson", ".webmanifest", ".wasm"}

# Keeps packages from starting a second nginx or a database cluster of the system's own, and takes
# both provisions away again afterwards. An nginx that was there before is left as it is.
_INSTALL = """
set -e
policy=/usr/sbin/policy-rc.d
clusters=/etc/postgresql-common/createcluster.d
had_nginx=$(command -v nginx || true)
mkdir -p $clusters
echo 'create_main_cluster = false' > $clusters/ironfeet.conf
made_policy=
if [ ! -e $policy ]; then
  made_policy=yes
  printf '#!/bin/sh\\nexit 101\\n' > $policy
  chmod 755 $policy
fi
trap 'rm -f $clusters/ironfeet.conf; [ -z "$made_policy" ] || rm -f $policy' EXIT
export DEBIAN_FRONTEND=noninteractive
apt-get -o DPkg::Lock::Timeout=900 update -q
apt-get -o DPkg::Lock::Timeout=900 install -q -y --no-install-recommends "$@"
if [ -z "$had_nginx" ] && command -v systemctl > /dev/null; then
  systemctl disable nginx.service > /dev/null 2>&1 || true
fi
"""


class ProvisionError(RuntimeError):
    """Something needed cannot be installed; the text is one sentence for the person."""


class Provision:
    """The steps, with a log for system packages, one for the pages, and one for all others.

    Attributes:
        var: folder for the logs.
        environ: environment of the programs that are run.
    """

    def __init__(self, var: Path, environ: Mapping[str, str]) -> None:
        self.log = var / "log" / "setup.log"
        self.packages_log = var / "log" / "packages.log"
        self.pages_log = var / "log" / "pages.log"
        self.environ = {
            k: v for k, v in environ.items() if not k.startswith(("PIP_REQUIRE", "MAKE", "MFLAGS"))
        }

    def packages(self, *, for_tests: bool) -> Callable[[], None] | None:
        """How missing system packages are installed through apt, as root or with sudo; None where none is
        missing. What is returned may run beside the other steps, and raises where it fails.

        Raises:
            ProvisionError: where packages are missing and cannot be installed.
        """
        missing = _missing_packages(for_tests=for_tests)
        if not missing:
            return None
        names = " ".join(missing)
        if shutil.which("apt-get") is None:
            raise ProvisionError(
                f"Missing: {names}; this system has no apt-get, so install them by hand and start again."
            )
        prefix: list[str] = []
        if os.geteuid() != 0:
            if shutil.which("sudo") is None:
                raise ProvisionError(f"Missing: {names}; run as root: apt-get install -y {names}")
            prefix = ["sudo"]

        def install() -> None:
            self._run(
                f"Installing system packages: {names}",
                [*prefix, "sh", "-c", _INSTALL, "install", *missing],
                f"The packages {names} could not be installed",
                log=self.packages_log,
                own_parent=not prefix,  # the kernel forgets the wish when sudo changes the user
            )
            if left := _missing_packages(for_tests=for_tests):
                raise ProvisionError(f"apt-get ended well, but {' '.join(left)} are still missing.")

        return install

    def everything(self, *, for_tests: bool) -> None:
        """Install and build all that is missing or out of date; what does not need each other, at once."""
        install = self.packages(for_tests=for_tests)
        if install and not _can_make_venv():
            install()
            install = None
        has_node = _node_works(self.environ)
        with ThreadPoolExecutor(2) as beside:
            others = [beside.submit(install)] if install else []
            if has_node:
                others.append(beside.submit(self._pages_and_packages, for_tests=for_tests))
            self.python(for_tests=for_tests)
            if not has_node:  # it comes with the packages of Python
                self._pages_and_packages(for_tests=for_tests)
            for other in others:
                other.result()

    def _pages_and_packages(self, *, for_tests: bool) -> None:
        self.pages()
        if for_tests:
            self.node_packages()

    def python(self, *, for_tests: bool) -> None:
        """Make the virtual environment with exactly the pinned packages."""
        lists = [ROOT / "requirements.txt", *([ROOT / "requirements-dev.txt"] if for_tests else [])]
        stamp = VENV / ("ironfeet-tests.stamp" if for_tests else "ironfeet.stamp")
        wanted = digest(lists, str(sys.version_info[:2]))
        if not _python_works():
            shutil.rmtree(VENV, ignore_errors=True)
            make = [sys.executable, "-m", "venv", str(VENV)]
            self._run(
                "Making the virtual environment .venv", make, "The virtual environment could not be made"
            )
        if stamp.exists() and stamp.read_text() == wanted:
            return
        command = [str(VENV / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        command += ["--require-hashes"]
        for file in lists:
            command += ["-r", str(file)]
        self._run("Installing Python packages", command, "The Python packages could not be installed")
        stamp.write_text(wanted)

    def node(self) -> dict[str, str]:
        """Environment in which ``node`` and ``npm`` are found: the system's, else PyPI's in the venv."""
        if _node_works(self.environ):
            return dict(self.environ)
        own = dict(self.environ, PATH=f"{VENV / 'bin'}:{self.environ.get('PATH', os.defpath)}")
        if not _node_works(own):
            command = [
                str(VENV / "bin/python"),
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
            ]
            command += ["--require-hashes", "-r", str(ROOT / "requirements-node.txt")]
            self._run("Installing node from PyPI", command, "node could not be installed")
        if not _node_works(own):
            raise ProvisionError(f"node {'.'.join(map(str, NODE_AT_LEAST))} or newer with npm is missing.")
        return own

    def pages(self) -> None:
        """Install the pages' packages where the lock changed, build the pages where a source changed."""
        sources = digest(_page_sources())
        built = DIST / ".ironfeet.stamp"
        if built.exists() and built.read_text() == sources:
            return
        environ = self.node_packages()
        self._run_npm("Building the pages", ["run", "build"], "The pages could not be built", environ)
        compress(DIST)
        built.write_text(sources)

    def node_packages(self) -> dict[str, str]:
        """Install the packages of ``package-lock.json`` where it changed; returns node's environment."""
        environ = self.node()
        stamp = PWA / "node_modules" / ".ironfeet.stamp"
        wanted = digest([PWA / "package-lock.json"])
        if not stamp.exists() or stamp.read_text() != wanted:
            command = ["ci", "--no-audit", "--no-fund"]
            self._run_npm("Installing packages of the pages", command, "npm ci failed", environ)
            stamp.write_text(wanted)
        return environ

    def _run_npm(self, what: str, command: Sequence[str], failure: str, environ: Mapping[str, str]) -> None:
        self._run(what, ["npm", *command], failure, environ, PWA, log=self.pages_log)

    def _run(
        self,
        what: str,
        command: Sequence[str],
        failure: str,
        environ: Mapping[str, str] | None = None,
        cwd: Path = ROOT,
        *,
        log: Path | None = None,
        own_parent: bool = True,
    ) -> None:
        print(f"{what} …", flush=True)
        log = log or self.log
        output = open_log(log)
        start = os.fstat(output).st_size
        try:
            ended = subprocess.run(
                dying_with_parent(command) if own_parent else list(command),
                check=False,
                cwd=cwd,
                env=dict(environ or self.environ),
                stdout=output,
                stderr=output,
            )
        finally:
            os.close(output)
        if ended.returncode != 0:
            said = log.read_bytes()[start:].decode(errors="replace")
            raise ProvisionError(f"{failure}: {_reason(said)} (all of it: {log})")


def _missing_packages(*, for_tests: bool) -> list[str]:
    """Names of Debian packages for what is not there."""
    missing = []
    if find_programs() is None:
        missing += ["postgresql", "postgresql-postgis"]
    if find_nginx() is None:
        missing.append("nginx")
    if not CJK_FONTS.exists():
        missing.append("fonts-droid-fallback")
    if not _can_make_venv():
        missing.append(f"python{sys.version_info.major}.{sys.version_info.minor}-venv")
    if for_tests:
        missing += [name for name in ("chromium", "chromium-headless-shell") if shutil.which(name) is None]
    if for_tests and shutil.which("firefox-esr") is None and shutil.which("firefox") is None:
        missing.append("firefox-esr")
    if for_tests and not BROWSER_FONTS.exists():
        missing.append("fonts-noto-cjk")
    return missing


def _can_make_venv() -> bool:
    """True where the virtual environment is there or Python has what it needs to make one."""
    command = [sys.executable, "-c", "import ensurepip, venv"]
    return _python_works() or subprocess.run(command, check=False, capture_output=True).returncode == 0


def _python_works() -> bool:
    """True where the virtual environment is there, runs, and is of the Python that runs us."""
    told = f"{sys.version_info.major}.{sys.version_info.minor}"
    ask = "import pip, sys; print('%d.%d' % sys.version_info[:2])"
    try:
        asked = subprocess.run([VENV / "bin/python", "-c", ask], check=False, capture_output=True, text=True)
    except OSError:
        return False
    return asked.stdout.strip() == told


def _node_works(environ: Mapping[str, str]) -> bool:
    try:
        told = subprocess.run(
            ["node", "--version"], check=False, capture_output=True, text=True, env=dict(environ)
        )
        npm = subprocess.run(["npm", "--version"], check=False, capture_output=True, env=dict(environ))
    except OSError:
        return False
    found = re.match(r"v(\d+)\.(\d+)", told.stdout)
    return npm.returncode == 0 and found is not None and tuple(map(int, found.groups())) >= NODE_AT_LEAST


def _page_sources() -> list[Path]:
    """All files that the built pages depend on."""
    skipped = {"node_modules", "dist", "tests"}
    found = list((ROOT / "data").glob("*.geojson"))
    for entry in PWA.iterdir():
        if entry.name in skipped:
            continue
        found += [entry] if entry.is_file() else [path for path in entry.rglob("*") if path.is_file()]
    return sorted(found)


def digest(files: Iterable[Path], *words: str) -> str:
    """SHA-256 over names and contents of *files* and *words*, in hex."""
    total = hashlib.sha256(repr(words).encode())
    for file in files:
        content = file.read_bytes()
        total.update(f"{file.relative_to(ROOT)} {len(content)}\n".encode())
        total.update(content)
    return total.hexdigest()


def compress(folder: Path) -> None:
    """Put a ``.gz`` beside every file that shrinks, for nginx to serve as it is."""
    for file in folder.rglob("*"):
        if file.suffix not in _COMPRESSIBLE or not file.is_file():
            continue
        content = file.read_bytes()
        packed = gzip.compress(content, 9, mtime=0)
        if len(packed) < len(content) * 0.95:
            file.with_name(file.name + ".gz").write_bytes(packed)


def _reason(said: str) -> str:
    """The line of a failed program's output that says most."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    telling = [
        line for line in lines if re.search(r"error|E:|fatal|cannot|failed|not found", line, re.IGNORECASE)
    ]
    return (telling or lines or ["it gave no reason"])[-1][:300]
