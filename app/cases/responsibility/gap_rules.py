"""What is missing in the responsibility matrix, for every class at every unit and community. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from app.cases.responsibility.rules import DUTY_VERB, Line, Person
from app.people.rights import in_force

KINDS = (
    "no_duty_desk",
    "no_unit_head",
    "no_arbiter",
    "no_handler",
    "no_owner",
    "owner_away",
    "deputy_is_owner",
    "no_watcher",
    "watcher_is_owner",
    "person_left",
)
_CASES_LIE_IN = ("unit", "community")


@dataclass(frozen=True, slots=True)
class ClassNeed:
    """What a class needs people for."""

    key: str
    mode: str
    department: str


@dataclass(frozen=True, slots=True)
class PlaceNode:
    """A place with the codes from the street down to itself."""

    code: str
    level: str
    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Gap:
    """Something missing or wrong.

    Attributes:
        place_codes: the fewest places that cover where it is missing, each with all that is below it.
        edge_codes: units where only those cases lack it whose community is not clear.
        departments: those of which every class concerned has the gap; others are named by class.
        every_class: all classes concerned have it, of whatever department.
        user_id: whose absence, post or double part it is.
    """

    kind: str
    place_codes: tuple[str, ...]
    edge_codes: tuple[str, ...] = ()
    departments: tuple[str, ...] = ()
    class_keys: tuple[str, ...] = ()
    every_class: bool = False
    user_id: UUID | None = None


@dataclass(slots=True)
class _Found:
    """Places by what is missing there: (kind, person) → class key ("" for any) → codes."""

    places: dict[tuple[str, UUID | None], dict[str, set[str]]] = field(default_factory=dict)

    def add(self, kind: str, place: str, class_key: str = "", user_id: UUID | None = None) -> None:
        """Note that *kind* is the case at *place*."""
        self.places.setdefault((kind, user_id), {}).setdefault(class_key, set()).add(place)


def gaps(
    matrix: Sequence[Line],
    classes: Sequence[ClassNeed],
    places: Sequence[PlaceNode],
    people: Mapping[UUID, Person],
    today: date,
    *,
    paths: Mapping[str, tuple[str, ...]] | None = None,
) -> list[Gap]:
    """Every gap, grouped so that a person can read it: by kind, then by the places that share it.

    Args:
        places: where to look; units and communities are where cases lie.
        paths: of all places that lines name, where *places* are a part of the street.
    """
    lines = [line for line in matrix if line.holds(today)]
    found = _Found()
    for place in places:
        if place.level in _CASES_LIE_IN:
            here = _Here(place, lines, people, today)
            here.look_for_posts(found)
            for need in classes:
                here.look_for_people(need, found)
    tree = _Tree(places)
    grouped = [gap for (kind, user), by_class in found.places.items()
               for gap in _grouped(kind, user, by_class, classes, tree)]  # fmt: skip
    return sorted(
        [*grouped, *_left(lines, paths or {place.code: place.path for place in places}, people, today)],
        key=_order,
    )


def _order(gap: Gap) -> tuple[int, tuple[str, ...], tuple[str, ...], str]:
    return (
        KINDS.index(gap.kind),
        gap.place_codes + gap.edge_codes,
        gap.departments + gap.class_keys,
        str(gap.user_id),
    )


class _Here:
    """The matrix as it holds at one place."""

    def __init__(
        self, place: PlaceNode, lines: Iterable[Line], people: Mapping[UUID, Person], today: date
    ) -> None:
        self.place, self.people, self.today = place, people, today
        depth = {code: index for index, code in enumerate(place.path)}
        reaching = [line for line in lines if line.place_code in depth]
        reaching.sort(key=lambda line: (-depth[line.place_code], line.rank, line.user_id))
        self.cells: dict[tuple[str, str], list[UUID]] = {}
        for line in reaching:
            self.cells.setdefault((line.duty, line.selector), []).append(line.user_id)
        self._may: dict[tuple[UUID, str], bool] = {}

    def may(self, user_id: UUID, verb: str) -> bool:
        """Whether the person may do *verb* here today."""
        key = (user_id, verb)
        if key not in self._may:
            person = self.people.get(user_id)
            self._may[key] = person is not None and person.may(verb, self.place.path, self.today)
        return self._may[key]

    def named(self, duty: str, need: ClassNeed) -> list[UUID]:
        """Who is named for *duty* and may do it, the closest first: class, then department, then any."""
        cells = (self.cells.get((duty, selector), ()) for selector in (need.key, need.department, ""))
        return [user for cell in cells for user in cell if self.may(user, DUTY_VERB[duty])]

    def present(self, users: Iterable[UUID]) -> list[UUID]:
        """Those who are not away."""
        return [user for user in users if not self.people[user].away]

    def look_for_posts(self, found: _Found) -> None:
        """Who must be there whatever the class: a unit's head, a duty desk, somebody who decides."""
        code = self.place.code
        if not self._anybody("supervisor"):
            found.add("no_unit_head", code)
        if not self._anybody("dispatcher"):
            found.add("no_duty_desk", code)
        if not any(self.may(user, "case.arbitrate") for user in self.people):
            found.add("no_arbiter", code)

    def _anybody(self, role: str) -> bool:
        path = frozenset(self.place.path)
        return any(
            post.role == role and post.place_code in path and in_force(post, self.today)
            for person in self.people.values()
            if person.active
            for post in person.posts
        )

    def look_for_people(self, need: ClassNeed, found: _Found) -> None:
        """Who must be named for the class: a handler, an owner with a deputy, a watcher."""
        code = self.place.code
        owners, deputies = self.named("owner", need), self.named("deputy", need)
        if need.mode == "point" and not self.named("handler", need):
            found.add("no_handler", code, need.key)
        if not owners:
            found.add("no_owner", code, need.key)
        elif deputies and deputies[0] == owners[0]:
            found.add("deputy_is_owner", code, need.key, owners[0])
        elif self.people[owners[0]].away and not self.present(deputies):
            found.add("owner_away", code, need.key, owners[0])
        if need.mode == "watch":
            watchers = self.named("watcher", need)
            if not watchers:
                found.add("no_watcher", code, need.key)
            elif owners and watchers[0] == owners[0]:
                found.add("watcher_is_owner", code, need.key, watchers[0])


def _left(
    lines: Sequence[Line], paths: Mapping[str, tuple[str, ...]], people: Mapping[UUID, Person], today: date
) -> Iterator[Gap]:
    """Lines whose person has left, or has no post there any more that lets them do it."""
    for line in lines:
        person, path = people.get(line.user_id), paths.get(line.place_code, ())
        if person is None or not person.may(DUTY_VERB[line.duty], path, today):
            departments = (line.selector,) if line.selector_kind == "department" else ()
            keys = (line.selector,) if line.selector_kind == "class" else ()
            yield Gap(
                kind="person_left",
                place_codes=(line.place_code,),
                departments=departments,
                class_keys=keys,
                every_class=line.selector_kind == "any",
                user_id=line.user_id,
            )


def _grouped(
    kind: str,
    user_id: UUID | None,
    by_class: Mapping[str, Collection[str]],
    classes: Sequence[ClassNeed],
    tree: _Tree,
) -> Iterator[Gap]:
    """One gap for all classes that have it at the same places; whole departments by their name."""
    concerned: dict[str, set[str]] = {}
    for need in classes:
        if _concerns(kind, need):
            concerned.setdefault(need.department, set()).add(need.key)
    same: dict[frozenset[str], set[str]] = {}
    for key, codes in by_class.items():
        same.setdefault(frozenset(codes), set()).add(key)
    for codes, keys in same.items():
        whole = tuple(sorted(name for name, all_keys in concerned.items() if all_keys <= keys))
        rest = keys - {""} - {key for name in whole for key in concerned[name]}
        covering, edges = tree.covering(codes)
        yield Gap(
            kind=kind,
            place_codes=covering,
            edge_codes=edges,
            departments=whole,
            class_keys=tuple(sorted(rest)),
            every_class=len(whole) == len(concerned),
            user_id=user_id,
        )


def _concerns(kind: str, need: ClassNeed) -> bool:
    if kind == "no_handler":
        return need.mode == "point"
    return need.mode == "watch" if kind in ("no_watcher", "watcher_is_owner") else True


class _Tree:
    """The place tree, for saying "the whole area" instead of naming nine communities."""

    def __init__(self, places: Sequence[PlaceNode]) -> None:
        self.top_down = sorted(places, key=lambda place: (len(place.path), place.code))
        self.lying_in: dict[str, set[str]] = {}
        for place in places:
            if place.level in _CASES_LIE_IN:
                for code in place.path:
                    self.lying_in.setdefault(code, set()).add(place.code)

    def covering(self, codes: frozenset[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The fewest places that hold nothing but *codes*, and the units left that do hold others."""
        left = set(codes)
        found = []
        for place in self.top_down:
            inside = self.lying_in.get(place.code, set())
            if inside and inside <= left:
                found.append(place.code)
                left -= inside
        return tuple(sorted(found)), tuple(sorted(left))
