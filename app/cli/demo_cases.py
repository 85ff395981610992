"""The demo day's cases: found, handed on, worked on, verified, as people with phones and desks would do it.

Everything goes through the public API. Phones say when something was found, minutes ago; the clocks of the
server start when it arrives, so no case is born late: the shortest limit (an e-bike in a lift) runs out an
hour after the play, and those that nobody accepts climb before the eyes of whoever looks.

A case has one id a day. What is there already is left alone, so that a second run adds nothing.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from app.cli import demo_pictures
from app.cli.demo import DATA
from app.cli.demo_people import Cast, NewApi
from app.cli.demo_story import FINDINGS, TICKETS, Finding, Shot, Ticket, spots
from app.cli.phone import wire_fix
from app.cli.walk import Step, stroll
from app.core import clock
from app.core.fields import wire_time
from app.core.ids import uuid7

DESK, LEADER = "dispatcher1", "leader1"
# Who is on duty, and where they stand: handlers without one of these are not out in the street.
STANDING = {
    "handler1": "G1-06",
    "handler2": "G5-02",
    "handler3": "G7-03",
    "handler12": "G6-05",
    "handler13": "G3-05",
}
LAST_SEEN = timedelta(minutes=2)
WALKED = 15  # positions on the way to where they stand, 20 s and some 25 m apart
ACCURACY_M = 8.0
DRIFT = 3e-7  # degrees: no phone gives the same digits twice


def play_cases(new_api: NewApi, now: datetime) -> Counter[str]:
    """Play the day's cases that are not there yet; returns what was done."""
    day = Day(Cast(new_api), now)
    if not day.new:
        return Counter()
    for username, spot in STANDING.items():
        day.go_on_duty(username, spot)
    for finding in FINDINGS:
        day.report(finding)
    for ticket in TICKETS:
        day.take_in(ticket)
    day.act_out()
    return day.told + day.cast.told()


class Day:
    """The cases of one day while they are played."""

    def __init__(self, cast: Cast, now: datetime) -> None:
        self.cast = cast
        self.told: Counter[str] = Counter()
        self.spots = spots()
        self._midnight = now.astimezone(clock.SHANGHAI).replace(hour=0, minute=0, second=0, microsecond=0)
        self._shots: dict[str, bytes] = {}
        desk = cast[DESK].api
        self._catalogue = desk.call("GET", "/catalogue")["version"]
        names = [one.name for one in (*FINDINGS, *TICKETS)]
        self.new = {name for name in names if not desk.has(f"/cases/{self.case(name)}")}

    def case(self, name: str) -> UUID:
        """The id of the day's case of that name: a UUIDv7 of the day, the same on every run."""
        made = uuid7(self._midnight).int >> 80
        digest = int.from_bytes(
            hashlib.sha256(f"{self._midnight.date()}/{name}".encode()).digest()[:10], "big"
        )
        tail = digest & ((1 << 76) - 1) & ~(0b11 << 62) | 0b10 << 62
        return UUID(int=made << 80 | 0x7 << 76 | tail)

    # ---- on duty and in the street

    def go_on_duty(self, username: str, spot: str) -> None:
        """Let a handler walk to *spot*, unless they are on duty already."""
        person = self.cast[username]
        shift = person.api.call("GET", "/field/feed")["shift"]
        if shift is not None:
            person.shift = UUID(shift["id"])
            return
        ends_at = clock.now() - LAST_SEEN
        lat, lon = self.spots[spot]
        way = [
            Step(timedelta(seconds=20 * n), lat + 0.0002 * (WALKED - n), lon + 0.0001 * (WALKED - n), 6.0)
            for n in range(WALKED + 1)
        ]
        person.shift = uuid7(ends_at - way[-1].after)
        for event in stroll(way, person.shift, ends_at):
            person.say(event.kind, event.body, event.at, entry_id=event.entry_id)
        self.told["people on duty"] += 1

    def _fix(self, spot: str, at: datetime) -> dict[str, Any]:
        lat, lon = self.spots[spot]
        drift = (at.timestamp() * 10 // 1 % 17) * DRIFT
        return wire_fix(round(lat + drift, 7), round(lon - drift, 7), at, accuracy_m=ACCURACY_M)

    # ---- finding

    def report(self, finding: Finding) -> None:
        """Let a patroller report what they found, photos first."""
        if finding.name not in self.new:
            return
        at = clock.now() - finding.ago
        fix = self._fix(finding.spot, at) if all(shot.positioned for shot in finding.shots) else None
        body: dict[str, Any] = {
            "class": finding.class_key,
            "catalogue": self._catalogue,
            "condition": finding.condition,
            "measured": finding.measured,
            "text": finding.text,
            "address": finding.address,
            "fix": fix,
            "photos": [self._photo(finding.who, finding.name, s, finding.spot, at) for s in finding.shots],
            "fixed_on_spot": finding.fixed_on_spot,
        }
        if fix is None:
            lat, lon = self.spots[finding.spot]
            body["pin"] = {"lat": lat, "lon": lon, "datum": "wgs84"}
        self.cast[finding.who].say("case_reported", body, at, entry_id=self.case(finding.name))
        self.told["cases reported"] += 1

    def _photo(self, username: str, name: str, shot: Shot, spot: str, at: datetime) -> dict[str, Any]:
        """Bring a picture, and how an entry names it."""
        where = self.spots[spot] if shot.positioned else None
        mark = f"{self._midnight.date()}/{shot.shot or f'{name}/{shot.role}'}"
        if mark not in self._shots:
            picture = (DATA / "photos" / shot.file).read_bytes()
            taken = demo_pictures.as_taken(picture, at, where, mark) if shot.honest else None
            self._shots[mark] = taken or demo_pictures.as_it_is(picture, mark)
        kind = "image/heic" if shot.file.endswith(".heic") else "image/jpeg"
        return {
            "sha256": self.cast[username].upload(self._shots[mark], kind),
            "role": shot.role,
            "at": wire_time(at),
            "fix": self._fix(spot, at) if shot.positioned else None,
        }

    def take_in(self, ticket: Ticket) -> None:
        """Let the desk file what the hotline was told."""
        if ticket.name not in self.new:
            return
        lat, lon = self.spots[ticket.spot]
        body = {
            "id": str(self.case(ticket.name)),
            "source": "hotline",
            "source_ref": f"12345-{self._midnight:%Y%m%d}-{ticket.number:03d}",
            "class_key": ticket.class_key,
            "condition": ticket.condition,
            "measured": ticket.measured,
            "text": ticket.text,
            "address": ticket.address,
            "lat": lat,
            "lon": lon,
            "accuracy_m": 30.0,
            "found_at": wire_time(clock.now() - ticket.ago),
        }
        self.cast[DESK].api.call("POST", "/cases", body)
        self.told["cases reported"] += 1

    # ---- what becomes of them

    def act_out(self) -> None:
        """What became of the cases by now, in order. A case that nobody acts on here waits to be accepted."""
        accepted = clock.now()
        self._accept("rubbish", "handler12")
        for name in ("shop", "bikes", "shed"):
            self._accept(name, "handler2")
        for name in ("far", "roof"):
            self._accept(name, "handler1")
        for name in ("road", "step"):
            self._accept(name, "handler13")
        self._accept("manhole", "handler5")
        self._accept("flood", "handler19")
        self._say("shop", "patrol10", "case_joined", text="我也看到了，还在摆")
        for username in ("handler1", "handler2", "handler12"):  # near their cases, so on scene by position
            self._seen(username, accepted)
        self._returns()
        self._finished()
        self._decided()
        self._late()

    def _say(
        self, name: str, username: str, kind: str, at: datetime | None = None, **body: Any
    ) -> UUID | None:
        """Say something about a case, where it was made by this run."""
        if name not in self.new:
            return None
        return self.cast[username].say(kind, {"case": str(self.case(name)), **body}, at or clock.now())

    def _ask(self, name: str, username: str, step: str, **body: Any) -> None:
        """Take a step at a desk, where the case was made by this run."""
        if name in self.new:
            asked = {"id": str(uuid7()), **body}
            self.cast[username].api.call("POST", f"/cases/{self.case(name)}/{step}", asked)
            self.told["steps at desks"] += 1

    def _accept(self, name: str, username: str) -> None:
        self._say(name, username, "case_accepted")

    def _seen(self, username: str, since: datetime) -> None:
        """Two positions where somebody stands, both after they accepted."""
        person, now = self.cast[username], clock.now()
        fixes = [self._fix(STANDING[username], now - (now - since) / part) for part in (4, 8)]
        person.say("track", {"shift": str(person.shift), "round": None, "fixes": fixes}, now)

    def _resolve(self, name: str, username: str, text: str) -> None:
        if name not in self.new:
            return
        now, spot = clock.now(), STANDING[username]
        photo = self._photo(username, name, Shot("landscape_6.jpg", "after"), spot, now)
        shift = str(self.cast[username].shift)
        self._say(
            name,
            username,
            "case_resolved",
            now,
            photos=[photo],
            fix=self._fix(spot, now),
            shift=shift,
            text=text,
        )

    def _returns(self) -> None:
        """Two cases come back: one waits for the arbiter, of the other the arbiter has named the owner."""
        self._say(
            "old", "handler12", "case_returned", reason="not_found", text="现场没有垃圾，照片像是以前的"
        )
        self._say(
            "cut", "handler12", "case_returned", reason="not_ours", text="照片打不开，位置在道路施工范围内"
        )
        owner = str(self.cast["handler13"].id)
        self._ask("cut", LEADER, "arbitration", owner_id=owner, text="由养护单位一并清理")

    def _finished(self) -> None:
        """One is closed, one sent back, one waits for the look of another, one for its watcher."""
        self._resolve("shop", "handler2", "店主已收回")
        self._say("shop", "patrol8", "case_verified", passed=True)
        self._resolve("bikes", "handler2", "已联系企业清运")
        self._say("bikes", "patrol10", "case_verified", passed=False, text="还有五辆没有清走")
        self._resolve("far", "handler1", "已劝离")
        self._resolve("shed", "handler2", "已自行拆除")
        self._say("shed", "patrol5", "case_verified", passed=True)
        self._ask("roof", "supervisor1", "notes", text="已约谈当事人，明天上午复查")

    def _decided(self) -> None:
        """What the desk has decided, and one request that waits for it."""
        tomorrow = (self._midnight + timedelta(days=1, hours=10)).astimezone(UTC)
        asked = self._say(
            "step", "handler13", "case_hold_asked", text="等同款地砖到货", until=wire_time(tomorrow)
        )
        if asked is not None:
            self._ask("step", DESK, "decisions", request_id=str(asked), granted=True, text="同意，砖到即修")
        self._say("road", "handler13", "case_extension_asked", text="连日下雨，沥青摊铺推迟", amount=2.0)
        self._ask("twin", DESK, "linking", parent_id=str(self.case("stall")), text="与巡查上报是同一处")
        self._ask("unfit", DESK, "voiding", text="不符合立案条件，已向来电人解释")

    def _late(self) -> None:
        """A handler without network accepts, while the desk gives the case to another one: it is kept as late."""
        pressed = clock.now()
        owner = str(self.cast["handler4"].id)
        self._ask("second", DESK, "dispatch", owner_id=owner, text="原处置人联系不上，改派")
        self._say("second", "handler1", "case_accepted", pressed)
