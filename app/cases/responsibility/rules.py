"""What a line of the responsibility matrix may say, and when it holds. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from app.people.rights import HeldPost, can

SELECTOR_KINDS = ("class", "department", "any")
DUTIES = ("handler", "owner", "deputy", "watcher", "arbiter")
MAX_RANK = 99

# What a named person must be allowed to do at the place, by their duty.
DUTY_VERB = {
    "handler": "case.handle",
    "owner": "case.handle",
    "deputy": "case.handle",
    "watcher": "case.watch",
    "arbiter": "case.arbitrate",
}


@dataclass(frozen=True, slots=True)
class Line:
    """For these classes, at this place and below, this person does this; days are the first and last."""

    place_code: str
    selector_kind: str
    selector: str
    duty: str
    user_id: UUID
    rank: int = 1
    starts_on: date | None = None
    ends_on: date | None = None

    @property
    def cell(self) -> tuple[str, str, str, str, UUID]:
        """What must not stand in the matrix twice on one day."""
        return (self.place_code, self.selector_kind, self.selector, self.duty, self.user_id)

    def holds(self, today: date) -> bool:
        """True from the first to the last day, both included."""
        return (self.starts_on is None or self.starts_on <= today) and (
            self.ends_on is None or today <= self.ends_on
        )

    def overlaps(self, other: Line) -> bool:
        """Whether there is a day on which both hold."""
        starts = max(self.starts_on or date.min, other.starts_on or date.min)
        return starts <= min(self.ends_on or date.max, other.ends_on or date.max)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who can be named: their names, whether they can sign in, posts, and whether away now."""

    user_id: UUID
    username: str
    name: str
    name_en: str
    active: bool
    posts: tuple[HeldPost, ...]
    away: bool = False

    def may(self, verb: str, path: tuple[str, ...], today: date) -> bool:
        """Whether they are active and may do *verb* at the place with that path."""
        return self.active and can(self.posts, verb, path, today)


@dataclass(frozen=True, slots=True)
class Street:
    """What lines are held against: paths of places, people by id, classes and departments of today."""

    paths: Mapping[str, tuple[str, ...]]
    people: Mapping[UUID, Person]
    class_keys: frozenset[str]
    departments: frozenset[str]


def reasons(line: Line, street: Street, today: date) -> list[str]:
    """Why *line* may not stand in the matrix; empty where it may.

    Somebody whose post begins later may be named today, but not somebody whose post has ended.
    """
    found = []
    path = street.paths.get(line.place_code)
    if path is None:
        found.append(f"there is no place {line.place_code!r}")
    if line.selector_kind == "any" and line.selector:
        found.append("selector must be empty where the line is for any class")
    if line.selector_kind == "class" and line.selector not in street.class_keys:
        found.append(f"there is no class {line.selector!r} in the catalogue")
    if line.selector_kind == "department" and line.selector not in street.departments:
        found.append(f"there is no department {line.selector!r}")
    if line.starts_on and line.ends_on and line.ends_on < line.starts_on:
        found.append("ends_on lies before starts_on")
    person = street.people.get(line.user_id)
    if person is None or not person.active:
        found.append("there is no such person, or they have left")
    elif path is not None:
        verb = DUTY_VERB[line.duty]
        days = [
            today,
            *(post.starts_on for post in person.posts if post.starts_on and post.starts_on > today),
        ]
        if not any(person.may(verb, path, day) for day in days):
            found.append(f"{person.username} has no post at {line.place_code} that lets them be {line.duty}")
    return found
