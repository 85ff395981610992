"""Reading people: who somebody is, colleagues, who is on duty, who looked at whom."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select

from app.core.extensions import db
from app.people import rights
from app.people.models import Post, User
from app.people.rights import HeldPost
from app.places.models import Place


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
