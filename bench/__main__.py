"""``make bench``: one JSON line a figure, each with the baseline that was measured in between.

Runs and baselines alternate, so that what else the machine does hits both. Every figure is the median
of its runs, with the lowest and the highest beside it; a ratio is the median of the ratios of each run
to the baseline just before it. After each run the database is asked whether every check-in that was sent
is stored exactly once and graded; otherwise the bench fails.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask

from app.media import sizes
from app.wiring import create_app
from bench import load, photos, reports
from bench.case_lists import COUNTS, CaseLists
from bench.field import QUIET_AREA, Api, Bodies, Patroller, Street, check_exactly_once, write_bodies
from bench.load import CLIENTS, Load
from bench.pages import first_load
from bench.stack import BARE_PATH, BARE_PHOTO_PATH, BenchError, Served, served
from bench.streams import idle_streams
from bench.timers import our_timers, stored_jobs, timer_databases
from config import read_settings

BATCH = 50
STREAMS = 1000
FOLLOWERS = 10  # people who share the streams
JAVASCRIPT_LIMIT_KB = 120.0
TIMERS_A_SECOND = 1000
# The most that the server could take in a second; the bench fails rather than run dry.
SINGLES_A_SECOND = 1500
CHECK_INS_A_SECOND = 5000


class Bench:
    """The people and the servers of one bench."""

    def __init__(self, servers: Served, rounds: int, seconds: int) -> None:
        self.servers = servers
        self.rounds = rounds
        self.seconds = seconds
        self.app: Flask = create_app(read_settings(servers.environ))
        self.api = Api(servers.sync_url)
        street = Street(self.app, self.api)
        self.street = street
        self.people: list[Patroller] = []
        self.hire("bench")
        self._filler = street.bodies(self.people[0], 1, 1)
        self.followers = []
        for n in range(FOLLOWERS):
            street.hire(f"follower{n}", "supervisor", QUIET_AREA)
            self.followers.append(self.api.sign_in(f"follower{n}"))

    def hire(self, name: str) -> None:
        """Go on with fresh people: the server lets nobody register more than a few logs a day."""
        self.people = [self.street.patroller(f"{name}{n}") for n in range(CLIENTS)]

    def prepare(self, batch: int) -> list[Bodies]:
        """Fresh phones, and signed entries for longer than a run."""
        a_second = SINGLES_A_SECOND if batch == 1 else CHECK_INS_A_SECOND
        requests = a_second * self.seconds // (batch * CLIENTS) + 20  # some clients are quicker
        return [self.street.bodies(person, requests, batch) for person in self.people]

    def sync(self, batch: int) -> Load:
        """One run of check-ins, *batch* to a request; checked afterwards."""
        bodies = self.prepare(batch)
        with tempfile.TemporaryDirectory(prefix="ironfeet-bench-") as folder:
            write_bodies(Path(folder), bodies)
            ran = load.post(
                self.servers.sync_url,
                "/api/v1/sync",
                Path(folder),
                wanted='"verified"',
                times=batch,
                seconds=self.seconds,
            )
        check_exactly_once(self.app, self.api, bodies, ran.sent, batch)
        return ran

    def bare(self, clients: int = CLIENTS) -> Load:
        """One run of bare INSERTs of the same bodies as single check-ins have."""
        filler = self._filler
        with tempfile.TemporaryDirectory(prefix="ironfeet-bench-") as folder:
            many = Bodies(filler.patroller, filler.phone, filler.batches * (200 * self.seconds))
            write_bodies(Path(folder), [many] * clients)
            return load.post(
                self.servers.baseline_url,
                BARE_PATH,
                Path(folder),
                wanted='"stored"',
                times=1,
                seconds=self.seconds,
                clients=clients,
            )


def _spread(values: list[float], digits: int) -> dict[str, float]:
    return {
        "median": round(statistics.median(values), digits),
        "min": round(min(values), digits),
        "max": round(max(values), digits),
    }


def tell(
    figure: str, unit: str, measured: list[float], base: list[float], *, what: str, aim: str, **more: Any
) -> None:
    """Print one figure.

    Args:
        base: what the baseline showed in the run before each of *measured*.
        what: the baseline in words.
    """
    line = {
        "figure": figure,
        "unit": unit,
        "measured": _spread(measured, 1),
        "baseline": _spread(base, 1) | {"what": what},
        "ratio": _spread([m / b for m, b in zip(measured, base, strict=True)], 3),
        "aim": aim,
        **more,
    }
    print(json.dumps(line, ensure_ascii=False), flush=True)


def measure_sync(bench: Bench) -> None:
    """Check-ins against bare INSERTs."""
    bare = "bare INSERT requests, same server, 32 clients"
    for batch, name, aim in (
        (1, "sync_single", "ratio >= 0.5"),
        (BATCH, f"sync_batch_{BATCH}", "measured >= 2000 on 2 cores"),
    ):
        base, runs = [], []
        for _ in range(bench.rounds):
            base.append(bench.bare())
            runs.append(bench.sync(batch))
        rates, base_rates = [run.rate * batch for run in runs], [run.rate for run in base]
        tell(name, "check-ins/s", rates, base_rates, what=bare, aim=aim)
        p99, base_p99 = [run.p99_ms for run in runs], [run.p99_ms for run in base]
        tell(f"{name}_p99", "ms a request", p99, base_p99, what=bare, aim="none")


def measure_streams(bench: Bench) -> None:
    """The API with a thousand idle streams against none."""
    url = bench.servers.sync_url
    token = bench.people[0].token
    alone: dict[str, list[float]] = {"read": [], "sync": []}
    beside: dict[str, list[float]] = {"read": [], "sync": []}
    for _ in range(bench.rounds):
        alone["read"].append(load.get(url, "/api/v1/me", token, seconds=bench.seconds).rate)
        alone["sync"].append(bench.sync(1).rate)
        with idle_streams(url, bench.followers, STREAMS):
            beside["read"].append(load.get(url, "/api/v1/me", token, seconds=bench.seconds).rate)
            beside["sync"].append(bench.sync(1).rate)
    for kind, unit in (("read", "GET /api/v1/me a second"), ("sync", "single check-ins/s")):
        what = "the same without streams"
        tell(
            f"{kind}_beside_{STREAMS}_streams", unit, beside[kind], alone[kind], what=what, aim="ratio >= 0.9"
        )


def measure_pages(bench: Bench) -> None:
    """The field app's first load against what it may weigh."""
    found = first_load(bench.servers.sync_url)
    tell(
        "field_first_load",
        "kB of JavaScript, gzipped",
        [found.javascript / 1000],
        [JAVASCRIPT_LIMIT_KB],
        what="what it may weigh",
        aim="measured <= 120",
        everything_kb=round(found.everything / 1000, 1),
        files=found.files,
    )


def measure_photos(bench: Bench) -> None:
    """Uploads against a bare file and row, the drawing of sizes against bare Pillow."""
    photo = photos.make_photo(photos.FROM_THE_APP)
    tokens = [person.token for person in bench.people[: photos.UPLOADERS]]
    base, runs = [], []
    for _ in range(bench.rounds):
        base.append(_upload(bench, bench.servers.baseline_url, BARE_PHOTO_PATH, photo, tokens))
        runs.append(_upload(bench, bench.servers.sync_url, "/api/v1/photos/", photo, tokens))
    what = "the same bytes to a file with fsync and one row, same server, 8 clients"
    rates, base_rates = [run.rate for run in runs], [run.rate for run in base]
    more = {"kilobytes": len(photo) // 1000, "clients": photos.UPLOADERS}
    tell("photo_upload", "photos/s", rates, base_rates, what=what, aim="measured >= 100", **more)
    p99, base_p99 = [run.p99_ms for run in runs], [run.p99_ms for run in base]
    tell("photo_upload_p99", "ms", p99, base_p99, what=what, aim="none", **more)
    for kind in (photos.FROM_THE_APP, photos.FROM_A_CAMERA):
        _measure_drawing(bench, kind)


def _upload(bench: Bench, url: str, path: str, photo: bytes, tokens: list[str]) -> Load:
    photos.wait_until_drawn(bench.servers)
    with tempfile.TemporaryDirectory(prefix="ironfeet-bench-") as folder:
        names = photos.write_uploads(Path(folder), photo, tokens, bench.seconds)
        ran = load.put_photos(url, path, Path(folder), clients=len(tokens), seconds=bench.seconds)
    if url == bench.servers.sync_url:
        photos.check_kept_once(bench.servers, names, ran.sent)
    return ran


def _measure_drawing(bench: Bench, kind: photos.Kind) -> None:
    photo, token = photos.make_photo(kind), bench.people[0].token
    names = bench.api.upload(photos.variants(photo, kind.count), photo, token)
    stock = photos.Stock(bench.servers, names)
    photos.wait_until_drawn(bench.servers)
    base, rates = [], []
    for _ in range(bench.rounds):
        base.append(photos.bare_pillow(photo, kind.count))
        rates.append(stock.drawn_a_second())
    what = f"bare Pillow, {sizes.THREADS} threads, memory to memory"
    more = {"picture": kind.words, "kilobytes": len(photo) // 1000}
    tell(kind.figure, "photos/s, two sizes each", rates, base, what=what, aim="none", **more)


def measure_reports(bench: Bench) -> None:
    """Reports until somebody is chosen and told against bare INSERTs; then reports with their photo."""
    desk = reports.Reports(bench.app, bench.street, bench.api)
    # Each server process reads catalogue, policy and calendar at its first report.
    _report(bench, desk, seconds=1)
    for figure, pause_ms, how in (
        ("report_to_dispatched", 0, "who never rest"),
        ("report_to_dispatched_paced", reports.PAUSE_MS, f"who rest {reports.PAUSE_MS} ms after an answer"),
    ):
        base, runs = [], []
        for _ in range(bench.rounds):
            base.append(bench.bare(reports.CLIENTS))
            runs.append(_report(bench, desk, bench.seconds, pause_ms))
        rate = round(statistics.median(run.rate for run in runs), 1)
        what = "bare INSERT requests of 16 clients who never rest, same server"
        for name, aim in (("p50", "none"), ("p95", "none"), ("p99", "measured < 150")):
            measured, of_base = ([float(getattr(run, f"{name}_ms")) for run in some] for some in (runs, base))
            clients = f"{reports.CLIENTS} {how}"
            tell(
                f"{figure}_{name}",
                "ms",
                measured,
                of_base,
                what=what,
                aim=aim,
                clients=clients,
                a_second=rate,
            )
    _measure_reports_with_photo(bench, desk)


def _report(bench: Bench, desk: reports.Reports, seconds: int, pause_ms: int = 0) -> Load:
    many = reports.REPORTS_A_SECOND * seconds
    bodies = [desk.bodies(p, reports.absent_photos(many)) for p in bench.people[: reports.CLIENTS]]
    with tempfile.TemporaryDirectory(prefix="ironfeet-bench-") as folder:
        write_bodies(Path(folder), bodies)
        ran = load.post(
            bench.servers.sync_url,
            "/api/v1/sync",
            Path(folder),
            wanted='"applied"',
            times=1,
            seconds=seconds,
            clients=reports.CLIENTS,
            pause_ms=pause_ms,
        )
    reports.check_dispatched_once(bench.app, bench.api, bodies, ran.sent)
    return ran


def _measure_reports_with_photo(bench: Bench, desk: reports.Reports) -> None:
    photo = photos.make_photo(photos.FROM_THE_APP)
    people = bench.people[: reports.PHOTO_CLIENTS]
    base, rates, drawn = [], [], []
    for _ in range(bench.rounds):
        tokens = [person.token for person in people]
        base.append(_upload(bench, bench.servers.baseline_url, BARE_PHOTO_PATH, photo, tokens).rate)
        variants = reports.make_variants(photo, len(people), bench.seconds)
        bodies = [
            desk.bodies(person, [name for name, _last in own])
            for person, own in zip(people, variants, strict=True)
        ]
        with tempfile.TemporaryDirectory(prefix="ironfeet-bench-") as folder:
            reports.write_reports(Path(folder), photo, bodies, variants)
            ran = load.report(
                bench.servers.sync_url,
                "/api/v1/photos/",
                "/api/v1/sync",
                Path(folder),
                clients=len(people),
                seconds=bench.seconds,
            )
        reports.check_dispatched_once(bench.app, bench.api, bodies, ran.sent)
        drawn.append(reports.check_photos_joined(bench.app, variants, ran.sent) / sum(ran.sent))
        rates.append(ran.rate)
    tell(
        "report_with_photo",
        "reports/s, each with its photo",
        rates,
        base,
        what="the same bytes to a file with fsync and one row, same server, 8 clients",
        aim="measured >= 100",
        kilobytes=len(photo) // 1000,
        clients=len(people),
        drawn_meanwhile=round(statistics.median(drawn), 2),
    )


def measure_case_lists(bench: Bench, counts: list[int]) -> None:
    """Board and map of a street that fills up, against the same with the fewest cases."""
    lists = CaseLists(bench.servers, bench.street, bench.api)
    first: dict[str, list[Load]] = {}
    try:
        for count in counts:
            lists.fill(count)
            for question in lists.questions:
                runs = [lists.ask(question, min(bench.seconds, 2)) for _ in range(bench.rounds)]
                base = first.setdefault(question.figure, runs)
                for name, aim in (("p50", "none"), ("p95", "measured < 60")):
                    tell(
                        f"{question.figure}_{name}",
                        "ms",
                        [float(getattr(run, f"{name}_ms")) for run in runs],
                        [float(getattr(run, f"{name}_ms")) for run in base],
                        what=f"the same with {counts[0]} cases",
                        aim=aim,
                        cases=count,
                    )
    finally:
        lists.close()


def measure_timers(count: int) -> None:
    """Timers that come due against the scheduler's own store; one run each, because they are long."""
    with timer_databases() as cluster:
        stored = stored_jobs(cluster, count, TIMERS_A_SECOND)
        ours = our_timers(cluster, count, TIMERS_A_SECOND)
    what = "the same load on APScheduler's SQLAlchemyJobStore, one process"
    for name, aim in (("p50", "none"), ("p99", "measured < 1200"), ("max", "none")):
        measured, base = (float(getattr(run, f"{name}_ms")) for run in (ours, stored))
        tell(
            f"timers_late_{name}",
            "ms",
            [measured],
            [base],
            what=what,
            aim=aim,
            due=count,
            due_a_second=TIMERS_A_SECOND,
            effects=ours.effects,
            distinct=ours.distinct,
            baseline_effects=stored.effects,
            baseline_distinct=stored.distinct,
        )


def main() -> int:
    """Run the bench; 1 where it could not measure."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="runs a figure (3)")
    parser.add_argument("--seconds", type=int, default=5, help="length of a run (5)")
    parts: dict[str, Callable[[Bench], None]] = {
        "pages": measure_pages,
        "sync": measure_sync,
        "reports": measure_reports,
        "photos": measure_photos,
        "streams": measure_streams,
        # the last one: it fills the database
        "cases": lambda bench: measure_case_lists(bench, [n for n in COUNTS if n <= options.cases]),
    }
    parser.add_argument("--only", choices=("timers", *parts), help="one part of it")
    parser.add_argument("--timers", type=int, default=100_000, help="timers that come due (100000)")
    parser.add_argument("--cases", type=int, default=COUNTS[-1], help="of the fullest board (1000000)")
    options = parser.parse_args()
    try:
        if options.only in {None, "timers"}:
            measure_timers(options.timers)
        if options.only == "timers":
            return 0
        load.find_wrk()
        with served() as servers:
            bench = Bench(servers, options.rounds, options.seconds)
            for name, measure in parts.items():
                if options.only in {None, name}:
                    bench.hire(name)
                    measure(bench)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
