"""Reading people: who somebody is, colleagues, who is on duty, who looked at whom."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text

from app.core import clock
from app.core.extensions import db
from app.people import rights
from app.people.models import Post, Shift, User
from app.people.rights import HeldPost
from app.people.shift_rules import MAX_LENGTH
from app.places.models import Place


def demo_accounts() -> int:
    """How many accounts with the public demo password there are."""
    return db.session.scalar(select(func.count()).where(User.demo)) or 0


def held_posts(user_id: UUID) -> list[HeldPost]:
    """All posts of a person, in force or not."""
    rows = db.session.execute(
        select(Post.role, Post.place_code, Post.starts_on, Post.ends_on)
        .where(Post.user_id == user_id)
        .order_by(Post.place_code, Post.role)
    )
    return [HeldPost(*row) for row in rows]


def profile(user_id: UUID, today: date) -> dict[str, Any]:
    """A person as they see themselves: posts in force *today* with names, and the verbs they give.

    Raises:
        NoResultFound: where there is no such person.
    """
    user = db.session.get_one(User, user_id)
    posts = [post for post in held_posts(user_id) if rights.in_force(post, today)]
    names = _place_names({post.place_code for post in posts})
    return {
        "id": user.id,
        "username": user.username,
        "display_name": user.display_name,
        "display_name_en": user.display_name_en,
        "street_code": user.street_code,
        "posts": [
            {
                "role": post.role,
                "place_code": post.place_code,
                "place_name": names[post.place_code][0],
                "place_name_en": names[post.place_code][1],
            }
            for post in posts
        ],
        "verbs": sorted(rights.verbs_of(posts, today)),
    }


def _place_names(codes: Collection[str]) -> dict[str, tuple[str, str]]:
    rows = db.session.execute(select(Place.code, Place.name, Place.name_en).where(Place.code.in_(codes)))
    return {code: (name, name_en) for code, name, name_en in rows}


def staff(scope: frozenset[str], today: date, place_code: str | None) -> list[dict[str, Any]]:
    """People with a post in force at the places of *scope*, with those posts only, by user name.

    Args:
        place_code: narrow to this place and below; a place outside *scope* yields nobody.
    """
    statement = (
        select(User, Post)
        .join(Post, Post.user_id == User.id)
        .join(Place, Place.code == Post.place_code)
        .where(User.active, Post.place_code.in_(scope))
        .order_by(User.username, Post.place_code, Post.role)
    )
    if place_code is not None:
        statement = statement.where(Place.path.contains([place_code]))
    people: dict[UUID, dict[str, Any]] = {}
    for user, post in db.session.execute(statement):
        if not rights.in_force(HeldPost(post.role, post.place_code, post.starts_on, post.ends_on), today):
            continue
        person = people.setdefault(
            user.id,
            {
                "id": user.id,
                "username": user.username,
                "display_name": user.display_name,
                "display_name_en": user.display_name_en,
                "posts": [],
            },
        )
        person["posts"].append({"role": post.role, "place_code": post.place_code})
    return list(people.values())


def on_duty(scope: frozenset[str], now: datetime, place_code: str | None) -> list[dict[str, Any]]:
    """Who is on duty at the places of *scope*, by start; *place_code* narrows as in :func:`staff`."""
    statement = (
        select(User.display_name, User.display_name_en, Shift)
        .join(Shift, Shift.user_id == User.id)
        .join(Place, Place.code == Shift.place_code)
        .where(
            Shift.ended_at.is_(None),
            Shift.started_at > now - MAX_LENGTH,
            Shift.place_code.in_(scope),
        )
        .order_by(Shift.started_at, Shift.id)
    )
    if place_code is not None:
        statement = statement.where(Place.path.contains([place_code]))
    return [
        {
            "user_id": shift.user_id,
            "display_name": display_name,
            "display_name_en": display_name_en,
            "shift_id": shift.id,
            "started_at": shift.started_at,
            "place_code": shift.place_code,
        }
        for display_name, display_name_en, shift in db.session.execute(statement)
    ]


# Rounds and routes lie on higher floors; their tables are read here by name, for their names only.
_LOOKS = text("""
    select seen.at, coalesce(viewer.display_name, '') as who, coalesce(viewer.display_name_en, '') as who_en,
           walked.id as round_id, route.name as round_name, route.name_en as round_name_en, walked.on_day
    from ledger_row seen
    join round walked on walked.id = (seen.data ->> 'round_id')::uuid
    join route on route.id = walked.route_id
    left join app_user viewer on viewer.id = seen.actor_id
    where seen.action = 'track.viewed' and seen.data ->> 'user_id' = :user_id
      and seen.street_code = :street_code and seen.at > :since
    order by seen.at desc, seen.id desc
    limit :most
""")
MAX_LOOKS = 200


def looks(user_id: UUID, street_code: str, since: datetime) -> list[dict[str, Any]]:
    """Who looked at tracks of this person after *since*, latest first, at most 200."""
    values = {"user_id": str(user_id), "street_code": street_code, "since": since, "most": MAX_LOOKS}
    return [dict(row) for row in db.session.execute(_LOOKS, values).mappings()]


_HOLDERS = text("""
    select p.user_id, cardinality(held.path) as depth
    from place here
    join post p on p.place_code = any(here.path) and p.role = :role
    join place held on held.code = p.place_code
    join app_user u on u.id = p.user_id and u.active
    where here.code = :place_code
      and (p.starts_on is null or p.starts_on <= :today) and (p.ends_on is null or p.ends_on >= :today)
""")


def holders(place_code: str, role: str, now: datetime, *, nearest: bool = False) -> frozenset[UUID]:
    """Active people with a post of *role* in force that reaches the place.

    Args:
        nearest: only those whose post lies closest above it.
    """
    today = now.astimezone(clock.SHANGHAI).date()
    rows = db.session.execute(_HOLDERS, {"place_code": place_code, "role": role, "today": today}).all()
    deepest = max((row.depth for row in rows), default=0)
    return frozenset(row.user_id for row in rows if not nearest or row.depth == deepest)


def verbs_at(user_id: UUID, place_code: str, now: datetime) -> frozenset[str]:
    """What a person's posts allow at a place now; nothing where they are not active."""
    path = db.session.scalar(select(Place.path).where(Place.code == place_code))
    active = db.session.scalar(select(User.active).where(User.id == user_id))
    if not path or not active:
        return frozenset()
    reaching = [post for post in held_posts(user_id) if post.place_code in path]
    return rights.verbs_of(reaching, now.astimezone(clock.SHANGHAI).date())


def shanghai_day(now: datetime) -> date:
    """The day in Shanghai, by which posts begin and end."""
    return now.astimezone(clock.SHANGHAI).date()
