"""Reading the responsibility matrix and absences, and what both are held against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, func, or_, select, tuple_

from app.cases.catalogue.queries import catalogue_of
from app.cases.reference_models import Absence, Responsibility
from app.cases.responsibility import gap_rules
from app.cases.responsibility.gap_rules import ClassNeed, Gap, PlaceNode
from app.cases.responsibility.gap_words import Known
from app.cases.responsibility.rules import Line, Person, Street
from app.core import clock, problems
from app.core.extensions import db
from app.core.pages import decode_cursor, encode_cursor
from app.people.models import Post, User
from app.people.rights import HeldPost
from app.places.models import Place
from app.places.queries import places_of


def nodes_of(street_code: str) -> list[PlaceNode]:
    """The place tree of a street, parents before children."""
    return [PlaceNode(p.code, p.level, tuple(p.path)) for p in places_of(street_code)]


def people_of(street_code: str, now: datetime) -> dict[UUID, Person]:
    """Everybody of the street, with all their posts, in force or not, and whether they are away *now*."""
    posts: dict[UUID, list[HeldPost]] = {}
    for row in db.session.execute(
        select(Post.user_id, Post.role, Post.place_code, Post.starts_on, Post.ends_on)
        .join(User, User.id == Post.user_id)
        .where(User.street_code == street_code)
    ):
        posts.setdefault(row.user_id, []).append(HeldPost(*row[1:]))
    away = set(
        db.session.scalars(
            select(Absence.user_id).where(
                Absence.street_code == street_code, Absence.starts_at <= now, Absence.ends_at > now
            )
        )
    )
    rows = db.session.scalars(select(User).where(User.street_code == street_code))
    return {
        user.id: Person(
            user_id=user.id,
            username=user.username,
            name=user.display_name,
            name_en=user.display_name_en,
            active=user.active,
            posts=tuple(posts.get(user.id, ())),
            away=user.id in away,
        )
        for user in rows
    }


def street_of(street_code: str, now: datetime) -> Street:
    """What lines of the matrix are held against."""
    catalogue = catalogue_of(street_code)
    return Street(
        paths={node.code: node.path for node in nodes_of(street_code)},
        people=people_of(street_code, now),
        class_keys=frozenset(catalogue.classes) if catalogue else frozenset(),
        departments=frozenset(catalogue.departments) if catalogue else frozenset(),
    )


def needs_of(street_code: str) -> list[ClassNeed]:
    """The classes of the catalogue in force, as far as they need people."""
    catalogue = catalogue_of(street_code)
    classes = catalogue.classes.values() if catalogue else ()
    return [ClassNeed(one.key, one.mode, one.department) for one in classes]


def line_of(row: Responsibility) -> Line:
    """A row of the table as the rules see it."""
    return Line(
        place_code=row.place_code,
        selector_kind=row.selector_kind,
        selector=row.selector,
        duty=row.duty,
        user_id=row.user_id,
        rank=row.rank,
        starts_on=row.starts_on,
        ends_on=row.ends_on,
    )


def matrix_of(street_code: str) -> Sequence[Responsibility]:
    """All lines of the street that were not taken out; past and future ones, too."""
    query = select(Responsibility).where(
        Responsibility.street_code == street_code, Responsibility.ended_at.is_(None)
    )
    return db.session.scalars(query.order_by(Responsibility.place_code, Responsibility.id)).all()


def _reaching(scope: frozenset[str]) -> Select[Any]:
    """Codes of the places in *scope* and of those above them, whose lines hold there, too."""
    return select(func.unnest(Place.path)).where(Place.code.in_(scope))


def page(
    street_code: str, scope: frozenset[str], wanted: dict[str, Any]
) -> tuple[list[dict[str, Any]], str | None]:
    """Lines that hold somewhere in *scope*, by place, and the cursor of the next page.

    Args:
        wanted: place (and below), duty, selector, user, ended (those taken out, too), limit, cursor.
    """
    query = _named().where(
        Responsibility.street_code == street_code, Responsibility.place_code.in_(_reaching(scope))
    )
    if wanted["place"] is not None:
        query = query.where(Place.path.contains([wanted["place"]]))
    for name, column in (("duty", Responsibility.duty), ("selector", Responsibility.selector)):
        if wanted[name] is not None:
            query = query.where(column == wanted[name])
    if wanted["user"] is not None:
        query = query.where(Responsibility.user_id == wanted["user"])
    if not wanted["ended"]:
        query = query.where(Responsibility.ended_at.is_(None))
    if wanted["cursor"] is not None:
        query = query.where(tuple_(Responsibility.place_code, Responsibility.id) > _after(wanted["cursor"]))
    rows = db.session.execute(query.limit(wanted["limit"] + 1)).all()
    shown = rows[: wanted["limit"]]
    last = shown[-1][0] if len(rows) > len(shown) else None
    return _told(street_code, shown), encode_cursor(last.place_code, str(last.id)) if last else None


def _after(cursor: str) -> tuple[str, UUID]:
    place_code, row_id = decode_cursor(cursor, 2)
    try:
        return str(place_code), UUID(str(row_id))
    except ValueError as error:
        raise problems.Problem(problems.BAD_REQUEST, "The page cursor is not valid.") from error


def _named() -> Select[Responsibility, str, str, User]:
    return (
        select(Responsibility, Place.name, Place.name_en, User)
        .join(Place, Place.code == Responsibility.place_code)
        .join(User, User.id == Responsibility.user_id)
        .order_by(Responsibility.place_code, Responsibility.id)
    )


def shown(row: Responsibility) -> dict[str, Any]:
    """One line with the names that belong to it."""
    query = _named().where(Responsibility.street_code == row.street_code, Responsibility.id == row.id)
    return _told(row.street_code, db.session.execute(query).all())[0]


def _told(street_code: str, rows: Sequence[Row[Responsibility, str, str, User]]) -> list[dict[str, Any]]:
    catalogue = catalogue_of(street_code)
    names: dict[str, tuple[str, str]] = {}
    if catalogue:
        names |= {name: (name, name_en) for name, name_en in catalogue.departments.items()}
        names |= {key: (one.name, one.name_en) for key, one in catalogue.classes.items()}
    told = []
    for line, place_name, place_name_en, user in rows:
        selector = names.get(line.selector, (line.selector, ""))
        told.append(
            {
                "id": line.id,
                "place_code": line.place_code,
                "place_name": place_name,
                "place_name_en": place_name_en,
                "selector_kind": line.selector_kind,
                "selector": line.selector,
                "selector_name": selector[0],
                "selector_name_en": selector[1],
                "duty": line.duty,
                "person": user,
                "rank": line.rank,
                "starts_on": line.starts_on,
                "ends_on": line.ends_on,
                "ended_at": line.ended_at,
            }
        )
    return told


def absences(
    street_code: str, user_id: UUID, scope: frozenset[str], place_code: str | None, now: datetime
) -> list[dict[str, Any]]:
    """Absences that last or are to come: one's own, and of people with a post in *scope*.

    Args:
        place_code: only of people with a post there or below; a place outside *scope* yields one's own.
    """
    posted = select(Post.user_id).join(Place, Place.code == Post.place_code).where(Post.place_code.in_(scope))
    if place_code is not None:
        posted = posted.where(Place.path.contains([place_code]))
    whose: ColumnElement[bool] = or_(Absence.user_id == user_id, Absence.user_id.in_(posted))
    rows = db.session.execute(
        select(Absence, User)
        .join(User, User.id == Absence.user_id)
        .where(Absence.street_code == street_code, Absence.ends_at > now, whose)
        .order_by(Absence.starts_at, Absence.id)
    )
    return [told_absence(absence, user) for absence, user in rows]


def told_absence(absence: Absence, user: User) -> dict[str, Any]:
    """An absence with the name of who is away."""
    return {
        "id": absence.id,
        "person": user,
        "starts_at": absence.starts_at,
        "ends_at": absence.ends_at,
        "reason": absence.reason,
    }


@dataclass(frozen=True, slots=True)
class Checked:
    """Gaps of a street's matrix as of now, and the names to tell them with."""

    gaps: list[Gap]
    known: Known


def check(street_code: str, now: datetime, scope: frozenset[str] | None = None) -> Checked:
    """Look for gaps in the matrix as it holds today.

    Args:
        scope: only where somebody is responsible for these places; None: everywhere.
    """
    places = places_of(street_code)
    nodes = [PlaceNode(p.code, p.level, tuple(p.path)) for p in places]
    people = people_of(street_code, now)
    lines = [line_of(row) for row in matrix_of(street_code)]
    within = [node for node in nodes if scope is None or node.code in scope]
    reaching = {code for node in within for code in node.path}
    found = gap_rules.gaps(
        [line for line in lines if line.place_code in reaching],
        needs_of(street_code),
        within,
        people,
        now.astimezone(clock.SHANGHAI).date(),
        paths={node.code: node.path for node in nodes},
    )
    catalogue = catalogue_of(street_code)
    known = Known(
        places={p.code: (p.name, p.name_en) for p in places},
        departments={
            name: (name, name_en) for name, name_en in (catalogue.departments if catalogue else {}).items()
        },
        classes={
            key: (one.name, one.name_en) for key, one in (catalogue.classes if catalogue else {}).items()
        },
        people={key: (person.name, person.name_en) for key, person in people.items()},
    )
    return Checked(found, known)
