"""Load from wrk: clients, 32 unless said, each waiting for its answer before it asks again."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bench.stack import BenchError

CLIENTS = 32
SCRIPTS = Path(__file__).parent / "wrk"


@dataclass(frozen=True, slots=True)
class Load:
    """What one run showed.

    Attributes:
        rate: requests a second that were answered as they should be.
        p50_ms, p95_ms, p99_ms: percentiles of the time to the answer, as the client sees it.
        sent: requests that each client began, answered or not.
    """

    rate: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    sent: list[int]


def find_wrk() -> str:
    """Path of wrk.

    Raises:
        BenchError: where it is not installed.
    """
    found = shutil.which("wrk")
    if found is None:
        raise BenchError("wrk is not installed: apt-get install wrk")
    return found


def post(
    base_url: str,
    path: str,
    folder: Path,
    *,
    wanted: str,
    times: int,
    seconds: int,
    clients: int = CLIENTS,
    pause_ms: int = 0,
) -> Load:
    """Send the bodies in *folder*, a client for each file.

    Args:
        wanted: what a good answer holds, *times* times.
        pause_ms: how long a client rests between an answer and its next request.

    Raises:
        BenchError: where an answer was not good, or the bodies did not last.
    """
    arguments = (str(folder), path, wanted, str(times), str(pause_ms))
    return _run(base_url, clients, seconds, "post.lua", *arguments, connections=clients)


def put_photos(base_url: str, path: str, folder: Path, *, clients: int, seconds: int) -> Load:
    """Upload the photos in *folder* below *path*, a client for each file of names.

    Raises:
        BenchError: where an answer was not good, or the photos did not last.
    """
    arguments = (str(folder), path, str(folder / "photo"))
    return _run(base_url, clients, seconds, "photos.lua", *arguments, connections=clients)


def report(
    base_url: str, photo_path: str, report_path: str, folder: Path, *, clients: int, seconds: int
) -> Load:
    """Bring the photos in *folder*, each followed by its report, a client for each file; ``rate`` counts the
    reports, the percentiles all requests.

    Raises:
        BenchError: where an answer was not good, or the photos did not last.
    """
    arguments = (str(folder), photo_path, report_path)
    return _run(base_url, clients, seconds, "reports.lua", *arguments, connections=clients)


def get(base_url: str, path: str, token: str, *, seconds: int, clients: int = CLIENTS) -> Load:
    """Read *path*.

    Raises:
        BenchError: where an answer was not 200.
    """
    return _run(base_url, min(2, clients), seconds, "get.lua", path, token, connections=clients)


def _run(
    base_url: str, threads: int, seconds: int, script: str, *arguments: str, connections: int = CLIENTS
) -> Load:
    command = [find_wrk(), f"-t{threads}", f"-c{connections}", f"-d{seconds}", "--timeout", "30"]
    command += ["-s", str(SCRIPTS / script), base_url, "--", *arguments]
    ran = subprocess.run(command, check=False, capture_output=True, text=True, timeout=seconds + 60)
    told = {line.split(" ", 1)[0]: line.split(" ", 1)[1] for line in ran.stdout.splitlines() if " " in line}
    if "RESULT" not in told:
        raise BenchError(f"wrk failed: {(ran.stdout + ran.stderr)[-500:]}")
    good, took_s, *percentiles, rested, sent = told["RESULT"].split()
    complaint = told.get("COMPLAINT", "").strip()
    if complaint:
        raise BenchError(f"a request was not answered as it should be: {complaint}")
    if int(rested) > connections // 4:
        raise BenchError(f"{rested} clients had nothing more to send: prepare more for each")
    if "Socket errors" in ran.stdout:
        raise BenchError(f"connections failed: {ran.stdout[-500:]}")
    each = [] if sent == "-" else [int(count) for count in sent.split(",")]
    p50_ms, p95_ms, p99_ms = (int(us) / 1000 for us in percentiles)
    return Load(int(good) / float(took_s), p50_ms, p95_ms, p99_ms, each)
