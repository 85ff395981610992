"""The endpoint pipeline: who asks, may they, do it, commit. One of the three places that commit.

A route declares its verb with :func:`endpoint`; a test walks the URL map and fails on a route without
one. The person behind the request is loaded by a function that the wiring hands in, because people
live a floor above this one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Protocol, TypeVar
from uuid import UUID

from flask import g

from app.core import problems
from app.core.extensions import db

PUBLIC = "PUBLIC"
SIGNED_IN = "SIGNED_IN"  # any signed-in person, on their own things only

Route = TypeVar("Route", bound=Callable[..., Any])


class Principal(Protocol):
    """The person behind a request, as far as this floor needs to know them."""

    user_id: UUID
    street_code: str
    session_id: UUID

    def scope(self, verb: str) -> frozenset[str]:
        """Codes of all places where the person may do *verb*; empty where nowhere."""
        ...


_loader: list[Callable[[], Principal]] = []


def set_principal_loader(load: Callable[[], Principal]) -> None:
    """Tell the pipeline how to find the person; *load* raises a Problem where there is none."""
    _loader[:] = [load]


def principal() -> Principal:
    """The person behind the present request.

    Raises:
        RuntimeError: in a PUBLIC route, where there is nobody.
    """
    found: Principal | None = g.get("principal")
    if found is None:
        raise RuntimeError("a PUBLIC route has no principal")
    return found


def require(verb: str, place_code: str) -> None:
    """Raise FORBIDDEN unless the present person may do *verb* at *place_code*."""
    if place_code not in principal().scope(verb):
        raise problems.Problem(problems.FORBIDDEN, f"{verb} is not yours at {place_code}")


def endpoint(verb: str) -> Callable[[Route], Route]:
    """Declare a route's verb and run it as one transaction.

    The verb is checked to be held *somewhere*; the service checks the place it acts on. The
    transaction is committed when the route returns and rolled back when it raises.

    Args:
        verb: a dotted verb of ``people.rights``, ``SIGNED_IN`` or ``PUBLIC``.
    """

    def declare(route: Route) -> Route:
        @wraps(route)
        def run(*args: Any, **kwargs: Any) -> Any:
            if verb != PUBLIC:
                g.principal = _loader[0]()
                if verb != SIGNED_IN and not g.principal.scope(verb):
                    raise problems.Problem(problems.FORBIDDEN, f"{verb} is not yours")
            try:
                answer = route(*args, **kwargs)
                db.session.commit()
            except BaseException:
                db.session.rollback()
                raise
            return answer

        run._verb = verb  # type: ignore[attr-defined]
        return run  # type: ignore[return-value]

    return declare


def declared_verb(view: Callable[..., Any]) -> str | None:
    """The verb that a view function declared, or None where it declared nothing."""
    seen: Callable[..., Any] | None = view
    while seen is not None:
        verb = getattr(seen, "_verb", None)
        if verb is not None:
            return str(verb)
        seen = getattr(seen, "__wrapped__", None)
    return None
