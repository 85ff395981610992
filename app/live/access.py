"""Who is at the other end of a stream: access token → session → posts → view."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

import jwt
from psycopg_pool import AsyncConnectionPool

from app.core import clock, problems
from app.live.rules import View, view_of
from app.people.rights import HeldPost

# The same question that every request of the API asks (app.people.principal), for many sessions at once.
_SESSIONS = """
select s.id, u.street_code, p.role, p.place_code, p.starts_on, p.ends_on,
       array(select below.code from place below where below.path @> array[p.place_code]) as reach
from sign_in_session s
join app_user u on u.id = s.user_id
left join post p on p.user_id = u.id
where s.id = any(%s) and s.ended_at is null and s.expires_at > %s and u.active and (%s or not u.demo)
"""


@dataclass(frozen=True, slots=True)
class Ticket:
    """What an access token says."""

    session_id: UUID
    expires_at: float  # seconds since 1970


def read_token(authorization: str, key: bytes) -> Ticket:
    """Check the ``Authorization`` header.

    Raises:
        Problem: NOT_SIGNED_IN or TOKEN_EXPIRED.
    """
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise problems.Problem(problems.NOT_SIGNED_IN)
    try:
        claims = jwt.decode(token, key, algorithms=["HS256"], options={"require": ["exp", "sid", "type"]})
        if claims["type"] != "access":
            raise problems.Problem(problems.NOT_SIGNED_IN, "This is not an access token.")
        return Ticket(UUID(claims["sid"]), float(claims["exp"]))
    except jwt.ExpiredSignatureError as error:
        raise problems.Problem(problems.TOKEN_EXPIRED) from error
    except (jwt.InvalidTokenError, ValueError, TypeError, AttributeError) as error:
        raise problems.Problem(problems.NOT_SIGNED_IN, "The access token is not valid.") from error


async def load_views(
    pool: AsyncConnectionPool, sessions: Collection[UUID], *, demo: bool
) -> dict[UUID, View]:
    """The views of all *sessions* that are still alive, in one query.

    Args:
        demo: whether demo accounts are let in; not in production.

    Raises:
        psycopg.Error, PoolTimeout: where the database is away.
    """
    now = clock.now()
    async with pool.connection(timeout=2) as connection:
        rows = await (await connection.execute(_SESSIONS, (list(sessions), now, demo))).fetchall()
    streets: dict[UUID, str] = {}
    posts: dict[UUID, list[tuple[HeldPost, frozenset[str]]]] = defaultdict(list)
    for session_id, street_code, role, place_code, starts_on, ends_on, reach in rows:
        streets[session_id] = street_code
        if role is not None:
            posts[session_id].append((HeldPost(role, place_code, starts_on, ends_on), frozenset(reach)))
    today = now.astimezone(clock.SHANGHAI).date()
    return {session: view_of(street, posts[session], today) for session, street in streets.items()}
