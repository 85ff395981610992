"""The person behind a request: access token → session, user and posts, in one query."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from flask_jwt_extended import get_jwt, verify_jwt_in_request
from sqlalchemy import text

from app.core import clock, current, problems
from app.core.extensions import db
from app.people import rights
from app.people.rights import HeldPost

# One row per post, with the codes of its place and everything below; one empty row where there is none.
_LOAD = text("""
    select s.user_id, u.street_code, p.role, p.place_code, p.starts_on, p.ends_on,
           array(select below.code from place below where below.path @> array[p.place_code]) as reach
    from sign_in_session s
    join app_user u on u.id = s.user_id
    left join post p on p.user_id = u.id
    where s.id = :session_id and s.ended_at is null and s.expires_at > :now and u.active
      and (:demo or not u.demo)
""")


@dataclass(slots=True)
class Principal:
    """A signed-in person with their posts and how far each reaches; fulfils the pipeline's protocol."""

    user_id: UUID
    street_code: str
    session_id: UUID
    today: date
    posts: tuple[tuple[HeldPost, frozenset[str]], ...]
    _scopes: dict[str, frozenset[str]] = field(default_factory=dict)

    def scope(self, verb: str) -> frozenset[str]:
        """Codes of all places where the person may do *verb*; empty where nowhere.

        Raises:
            KeyError: for a verb that no role has.
        """
        if verb not in self._scopes:
            self._scopes[verb] = self._find_scope(verb)
        return self._scopes[verb]

    def _find_scope(self, verb: str) -> frozenset[str]:
        if verb not in rights.VERB_ROLES:
            raise KeyError(verb)
        reaches = [reach for post, reach in self.posts if rights.allows(post, verb, self.today)]
        return frozenset().union(*reaches)


def load_principal() -> Principal:
    """Find the person from the request's access token.

    Raises:
        Problem: NOT_SIGNED_IN where the token is not ours, SESSION_ENDED where its session has ended or
            expired, the person is no longer active, or is a demo account in production.
        JWTExtendedException: where the token is missing, broken or expired; the wiring answers those.
    """
    verify_jwt_in_request()
    try:
        session_id = UUID(get_jwt()["sid"])
    except (KeyError, ValueError, AttributeError, TypeError) as error:
        raise problems.Problem(problems.NOT_SIGNED_IN, "The access token is not valid.") from error
    now = clock.now()
    rows = db.session.execute(
        _LOAD, {"session_id": session_id, "now": now, "demo": not current.settings().is_production}
    ).all()
    if not rows:
        raise problems.Problem(problems.SESSION_ENDED)
    posts = tuple(
        (HeldPost(row.role, row.place_code, row.starts_on, row.ends_on), frozenset(row.reach))
        for row in rows
        if row.role is not None
    )
    return Principal(
        user_id=rows[0].user_id,
        street_code=rows[0].street_code,
        session_id=session_id,
        today=now.astimezone(clock.SHANGHAI).date(),
        posts=posts,
    )
