"""Somebody's phone, played over the API: what happens in the field while a test watches the console."""

from __future__ import annotations

import hashlib
import urllib.request
from datetime import timedelta
from pathlib import Path
from typing import Any

from app.cli.phone import Phone, wire_fix
from app.core import clock
from app.core.fields import wire_time
from app.core.ids import uuid7
from tests.e2e.conftest import Stack

PHOTOS = Path(__file__).resolve().parents[1] / "data" / "photos"
PHOTO = "own_rubbish_gps.jpg"


class Handset:
    """The log of one person, registered at the server; on duty from the start."""

    def __init__(self, stack: Stack, username: str) -> None:
        self.stack, self.username = stack, username
        me = stack.call(username, "GET", "/api/v1/me")
        self.user_id = me["id"]
        self.phone = Phone(uuid7(), uuid7(), me["id"])
        label = {"device_id": str(self.phone.device), "public_key": self.phone.public_key, "label": "test"}
        stack.call(username, "PUT", f"/api/v1/logs/{self.phone.log}", label)
        self.shift = self.send("shift_started", {"place": None, "fix": None})

    def send(self, kind: str, body: dict[str, Any]) -> str:
        """Append an entry and send it; its id. The server must have applied it."""
        now = clock.now() - timedelta(seconds=1)
        entry = self.phone.entry(kind, body, now)
        batch = self.phone.batch([entry], now)
        answer = self.stack.call(self.username, "POST", "/api/v1/sync", batch)
        (result,) = answer["results"]
        assert result["status"] == "applied", result
        return entry["id"]

    def photo(self, role: str, name: str = PHOTO, fix: dict[str, Any] | None = None) -> dict[str, Any]:
        """Bring a photo to the server; how an entry names it. No two photos are the same."""
        content = (PHOTOS / name).read_bytes() + uuid7().bytes  # what follows the picture is not looked at
        sha256 = hashlib.sha256(content).hexdigest()
        token = self.stack.tokens[self.username]
        headers = {"Content-Type": "image/jpeg", "Authorization": f"Bearer {token}"}
        address = f"{self.stack.base_url}/api/v1/photos/{sha256}"
        request = urllib.request.Request(address, content, headers, method="PUT")  # noqa: S310
        with urllib.request.urlopen(request, timeout=20):  # noqa: S310 - the address is ours
            pass
        return {"sha256": sha256, "role": role, "at": wire_time(clock.now()), "fix": fix}

    def report(self, class_key: str, lat: float, lon: float, **more: Any) -> str:
        """Report a problem at a spot (WGS-84 degrees); the case's id."""
        fix = wire_fix(lat, lon, clock.now())
        photos = [self.photo("before", fix=fix)]
        if more.get("fixed_on_spot"):
            photos.append(self.photo("after", fix=fix))
        version = self.stack.call(self.username, "GET", "/api/v1/catalogue")["version"]
        body = {"class": class_key, "catalogue": version, "shift": self.shift, "fix": fix, "photos": photos}
        return self.send("case_reported", body | more)

    def accept(self, case_id: str) -> None:
        """Take the case on."""
        self.send("case_accepted", {"case": case_id})

    def give_back(self, case_id: str, text: str, reason: str = "not_ours") -> None:
        """Return the case with the reason."""
        self.send("case_returned", {"case": case_id, "reason": reason, "text": text})

    def walk(self, lat: float, lon: float) -> None:
        """Be seen at a position while on duty."""
        self.send("track", {"shift": self.shift, "fixes": [wire_fix(lat, lon, clock.now())]})

    def arrive(self, case_id: str, lat: float, lon: float) -> None:
        """Say to be there."""
        fix = wire_fix(lat, lon, clock.now())
        self.send("case_arrived", {"case": case_id, "shift": self.shift, "fix": fix})

    def resolve(self, case_id: str, text: str = "") -> None:
        """Say that the problem is gone, with a photo."""
        body = {"case": case_id, "shift": self.shift, "text": text, "photos": [self.photo("after")]}
        self.send("case_resolved", body)

    def verify(self, case_id: str, passed: bool, text: str = "") -> None:
        """Say whether it is gone."""
        self.send("case_verified", {"case": case_id, "passed": passed, "text": text})
