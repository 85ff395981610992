"""Who sees which ledger row live, and how it is written on the stream. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from app.people.rights import HeldPost, allows

FOLLOW = "live.follow"

# What a row's action begins with → the verb that its reader must hold at the row's place. What is not
# here (sign-ins, staff, tags, refused entries, who looked at whom) is nobody's live news.
VERB_OF_KIND = {
    "round": "round.read",
    "check_in": "round.read",
    "stop": "round.read",
    "route": "round.read",
    "schedule": "round.read",
    "review": "review.read",
    "shift": "duty.read",
    "track": "track.read",
    "gap": "track.read",
    "checkpoint": "place.read",
    "case": "case.read",
    "notification": "case.read",
}
NEVER = frozenset({"track.viewed", "notification.told", "notification.acknowledged"})

Position = tuple[int, int]  # transaction and row id: the order of the ledger


def verb_for(action: str) -> str | None:
    """The verb that following *action* takes, or None where nobody follows it."""
    if action in NEVER:
        return None
    return VERB_OF_KIND.get(action.partition(".")[0])


@dataclass(frozen=True, slots=True)
class Event:
    """One row of the ledger, ready to be sent."""

    position: Position
    street_code: str
    place_code: str
    verb: str
    text: bytes


@dataclass(frozen=True, slots=True)
class View:
    """What one reader may follow: the places of each verb, all within the reach of live.follow.

    Readers with the same posts have equal views, so that rows are picked once for all of them.
    """

    street_code: str
    places: tuple[tuple[str, frozenset[str]], ...]

    def shows(self, event: Event) -> bool:
        """True where the reader may follow this row."""
        if event.street_code != self.street_code:
            return False
        return any(verb == event.verb and event.place_code in codes for verb, codes in self.places)

    @property
    def empty(self) -> bool:
        """True where there is nothing to follow at all."""
        return not self.places


def view_of(street_code: str, posts: Iterable[tuple[HeldPost, frozenset[str]]], today: date) -> View:
    """The view of a person with *posts*, each with the codes of its place and everything below."""
    held = list(posts)

    def reach(verb: str) -> frozenset[str]:
        return frozenset().union(*(codes for post, codes in held if allows(post, verb, today)))

    follow = reach(FOLLOW)
    places = ((verb, reach(verb) & follow) for verb in sorted(set(VERB_OF_KIND.values())))
    return View(street_code, tuple((verb, codes) for verb, codes in places if codes))


def event_of(row: dict[str, Any]) -> Event | None:
    """The event of a ledger row, or None where nobody follows it."""
    verb = verb_for(row["action"])
    if verb is None:
        return None
    at: datetime = row["at"]
    document = {
        "at": at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "action": row["action"],
        "subject_kind": row["subject_kind"],
        "subject_id": row["subject_id"],
        "place_code": row["place_code"],
        "data": row["data"],
    }
    position = (row["tx"], row["id"])
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":"))  # one line: newlines are escaped
    text = f"id: {write_position(position)}\nevent: ledger\ndata: {body}\n\n".encode()
    return Event(position, row["street_code"], row["place_code"], verb, text)


def write_position(position: Position) -> str:
    """A position as it stands in ``id:``."""
    return f"{position[0]}-{position[1]}"


def read_position(text: str) -> Position | None:
    """A position out of ``Last-Event-ID``, or None where it is not one of ours."""
    tx, dash, row_id = text.partition("-")
    if not dash or not all(part.isascii() and part.isdigit() and len(part) <= 19 for part in (tx, row_id)):
        return None
    return int(tx), int(row_id)


def ping(position: Position) -> bytes:
    """Keeps the line open, and moves the reader's position past rows that were not for them."""
    return f": ping\nid: {write_position(position)}\n\n".encode()


def reset(position: Position) -> bytes:
    """Tells the reader that rows are missing: load everything anew, then go on from here."""
    return f"id: {write_position(position)}\nevent: reset\ndata: {{}}\n\n".encode()
