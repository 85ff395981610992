"""Turns a recorded walk and a planned round into what a phone would have written into its log. Pure."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

from app.cli.phone import wire_fix
from app.core.fields import wire_time
from app.core.geo import distance_m

BATCH = 12  # fixes in one track entry
FIRST_FIX = timedelta(seconds=5)  # comes so long after the start
MIN_GAP_FIXES = 4
SKIP_REASONS = ("locked", "blocked", "closed", "unsafe")
OTHER_QR = "https://example.com/menu"  # somebody scanned a restaurant's code


@dataclass(frozen=True, slots=True)
class Step:
    """One fix of a recorded walk: WGS-84, time since its first fix."""

    after: timedelta
    lat: float
    lon: float
    accuracy_m: float


@dataclass(frozen=True, slots=True)
class Mishaps:
    """What goes wrong on a walk. The numbers say at which check-in, counted from 0; None: nowhere.

    Attributes:
        poor: the phone knows its position to 300 m only.
        jump: the position leaps by five kilometres.
        stale: the position is six minutes old.
        wrong_tag: a code that is no tag is scanned.
        gap: the screen is off for a stretch without check-ins.
        early: the reason for ending half-way.
        offline: the network is gone after the start, and all arrives in one go.
    """

    poor: int | None = None
    jump: int | None = None
    stale: int | None = None
    wrong_tag: int | None = None
    gap: bool = False
    early: str = ""
    offline: bool = False


@dataclass(frozen=True, slots=True)
class Event:
    """An entry before it is chained and signed; *entry_id* where others must name it."""

    at: datetime
    kind: str
    body: dict[str, Any]
    entry_id: UUID | None = None


def read_walks(file: Path) -> dict[str, list[Step]]:
    """The recorded walks by their track id."""
    rows: dict[str, list[tuple[datetime, dict[str, str]]]] = defaultdict(list)
    with file.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            rows[row["track_id"]].append((datetime.fromisoformat(row["time"]), row))
    return {
        track: [
            Step(at - fixes[0][0], float(r["lat"]), float(r["lon"]), float(r["accuracy_m_synthetic"]))
            for at, r in fixes
        ]
        for track, fixes in rows.items()
    }


def stroll(steps: Sequence[Step], shift: UUID, ends_at: datetime) -> list[Event]:
    """A shift without a round which goes on: its start and the positions up to *ends_at*."""
    starts_at = ends_at - FIRST_FIX - steps[-1].after
    nowhere: dict[str, Any] = {"id": None, "stops": []}
    return [
        Event(starts_at, "shift_started", {}, shift),
        *Walk(nowhere, steps, shift, starts_at, Mishaps()).tracks(),
    ]


@dataclass(frozen=True, slots=True)
class Walk:
    """A walk of one round: *planned* is the round as the field feed gives it."""

    planned: dict[str, Any]
    steps: Sequence[Step]
    shift: UUID
    starts_at: datetime
    mishaps: Mishaps

    def events(self) -> list[Event]:
        """Everything that the phone writes from the round's start to its end, in order of time."""
        visits, passed_over = self._passes()
        last = len(self.steps) - 1
        if self.mishaps.early:
            last = max(i for i in [*sorted(visits)[:3], 1])
        quiet = self._quiet_stretch(sorted(visits)) if self.mishaps.gap else range(0)
        events = [Event(self.starts_at, "round_started", self._named(fix=self._fix(0)))]
        events += self._tracks([i for i in range(last + 1) if i not in quiet])
        if quiet:
            events.append(self._gap(quiet))
        for n, index in enumerate(i for i in sorted(visits) if i <= last):
            events += [self._check_in(n, index, stop) for stop in visits[index]]
        if not self.mishaps.early:
            events += [self._skip(n, stop, index) for n, (index, stop) in enumerate(passed_over)]
        events.append(self._finish(self._at(last) + timedelta(seconds=40)))
        return sorted(events, key=lambda event: event.at)

    def tracks(self) -> list[Event]:
        """Every position of the walk, in batches."""
        return self._tracks(list(range(len(self.steps))))

    def _passes(self) -> tuple[dict[int, list[dict[str, Any]]], list[tuple[int, dict[str, Any]]]]:
        """Stops by the step that comes closest, where within their radius; and those never reached."""
        visits: dict[int, list[dict[str, Any]]] = defaultdict(list)
        passed_over = []
        for stop in self.planned["stops"]:
            spot = stop["checkpoint"]
            away = [distance_m(s.lat, s.lon, spot["lat"], spot["lon"]) for s in self.steps]
            closest = away.index(min(away))
            if away[closest] <= spot["radius_m"]:
                visits[closest].append(stop)
            else:
                passed_over.append((closest, stop))
        return visits, passed_over

    def _quiet_stretch(self, visited: list[int]) -> range:
        """The longest run of steps between two check-ins, without its ends."""
        runs = [range(a + 2, b - 1) for a, b in pairwise(visited)]
        longest = max(runs, key=len, default=range(0))
        return longest if len(longest) >= MIN_GAP_FIXES else range(0)

    def _at(self, index: int) -> datetime:
        return self.starts_at + FIRST_FIX + self.steps[index].after

    def _fix(self, index: int, **changes: Any) -> dict[str, Any]:
        step = self.steps[index]
        # No phone gives the same digits twice: a walk played again must not look like a copy.
        drift = (self.starts_at.timestamp() // 60 + index) % 17 * 3e-7
        fix = wire_fix(
            round(step.lat + drift, 7),
            round(step.lon - drift, 7),
            self._at(index),
            accuracy_m=step.accuracy_m,
        )
        return fix | changes

    def _named(self, **members: Any) -> dict[str, Any]:
        return {"round": self.planned["id"], "shift": str(self.shift), **members}

    def _tracks(self, indexes: list[int]) -> list[Event]:
        batches = [indexes[start : start + BATCH] for start in range(0, len(indexes), BATCH)]
        return [
            Event(self._at(b[-1]), "track", self._named(fixes=[self._fix(i) for i in b])) for b in batches
        ]

    def _gap(self, quiet: range) -> Event:
        starts, ends = self._at(quiet.start), self._at(quiet.stop)
        body = self._named(cause="screen_off") | {"from": wire_time(starts), "to": wire_time(ends)}
        return Event(ends, "gap", body)

    def _check_in(self, n: int, index: int, stop: dict[str, Any]) -> Event:
        at = self._at(index) + timedelta(seconds=2)
        fix = self._fix(index)
        if n == self.mishaps.poor:
            fix["acc"] = 300.0
        if n == self.mishaps.jump:
            fix["lat"] += 0.05
        if n == self.mishaps.stale:
            fix["at"] = wire_time(at - timedelta(minutes=6))
        body = self._named(stop=stop["ordinal"], checkpoint=stop["checkpoint"]["id"], fix=fix)
        if n == self.mishaps.wrong_tag:
            body["tag"] = OTHER_QR
        return Event(at, "check_in", body)

    def _skip(self, n: int, stop: dict[str, Any], index: int) -> Event:
        reason = SKIP_REASONS[(stop["ordinal"] + n) % len(SKIP_REASONS)]
        at = self._at(index) + timedelta(seconds=4)
        return Event(at, "stop_skipped", self._named(stop=stop["ordinal"], reason=reason))

    def _finish(self, at: datetime) -> Event:
        outcome = {"outcome": "early", "reason": self.mishaps.early} if self.mishaps.early else {}
        return Event(at, "round_finished", {"round": self.planned["id"], "outcome": "complete"} | outcome)
