"""Who may do what, and where: roles, verbs and the one ``can()``. Pure.

A post is a role at a place, valid from one day to another. It reaches the place itself and everything
below it in the place tree. A verb is allowed at a place where some post in force has a role that the
table gives the verb to.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

ROLES = ("patroller", "handler", "dispatcher", "supervisor", "leader", "admin")
FIELD_ROLES = ("patroller", "handler", "supervisor")  # who walks, and so goes on duty

_EVERYBODY = frozenset(ROLES)
_WATCHING = frozenset({"dispatcher", "supervisor", "leader", "admin"})

VERB_ROLES: dict[str, frozenset[str]] = {
    "place.read": _EVERYBODY,
    "log.sync": frozenset(FIELD_ROLES),
    "round.read": _WATCHING,
    "duty.read": _WATCHING,
    "track.read": frozenset({"supervisor", "leader"}),
    "review.read": frozenset({"supervisor", "leader"}),
    "review.decide": frozenset({"supervisor"}),
    "tag.issue": frozenset({"supervisor", "admin"}),
    "checkpoint.manage": frozenset({"supervisor", "admin"}),
    "route.manage": frozenset({"supervisor", "admin"}),
    "staff.read": _WATCHING,
    "staff.manage": frozenset({"admin"}),
    "ledger.read": frozenset({"leader", "admin"}),
    "live.follow": _WATCHING,
    "photo.upload": _EVERYBODY,
    "catalogue.read": _EVERYBODY,
    "case.read": _EVERYBODY,
    "case.intake": frozenset({"dispatcher", "admin"}),  # for outside sources: hotline, shop codes, sensors
    "case.handle": frozenset(FIELD_ROLES),
    "case.verify": frozenset({"patroller", "dispatcher", "supervisor"}),
    "case.dispatch": frozenset({"dispatcher", "supervisor"}),  # also hold, extend, void, link, reopen
    "case.steer": frozenset({"dispatcher", "supervisor", "leader"}),  # notes, calling others in
    "case.arbitrate": frozenset({"supervisor", "leader"}),
    "case.raise": frozenset({"supervisor", "leader"}),
    "case.watch": frozenset({"supervisor", "leader"}),
    "case.export": frozenset({"dispatcher", "supervisor", "leader"}),
    "policy.read": _WATCHING,
    "policy.manage": frozenset({"admin"}),
    "responsibility.read": _WATCHING,
    "responsibility.manage": frozenset({"supervisor", "admin"}),
}

ROLE_VERBS: dict[str, frozenset[str]] = {
    role: frozenset(verb for verb, roles in VERB_ROLES.items() if role in roles) for role in ROLES
}


@dataclass(frozen=True, slots=True)
class HeldPost:
    """A role at a place, with its first and last day (inclusive; None is open)."""

    role: str
    place_code: str
    starts_on: date | None = None
    ends_on: date | None = None


def in_force(post: HeldPost, today: date) -> bool:
    """True on every day from the first to the last, both included."""
    return (post.starts_on is None or post.starts_on <= today) and (
        post.ends_on is None or today <= post.ends_on
    )


def allows(post: HeldPost, verb: str, today: date) -> bool:
    """True where *post* is in force *today* and its role has *verb*."""
    return verb in ROLE_VERBS[post.role] and in_force(post, today)


def can(posts: Iterable[HeldPost], verb: str, place_path: Iterable[str], today: date) -> bool:
    """May a person with *posts* do *verb* at the place whose path (street down to itself) is given?

    Args:
        today: the day in Asia/Shanghai.

    Raises:
        KeyError: for a verb that is not in the table; a typing mistake must not be a silent no.
    """
    if verb not in VERB_ROLES:
        raise KeyError(verb)
    path = frozenset(place_path)
    return any(post.place_code in path and allows(post, verb, today) for post in posts)


def verbs_of(posts: Iterable[HeldPost], today: date) -> frozenset[str]:
    """All verbs that *posts* give somewhere."""
    return frozenset(verb for post in posts if in_force(post, today) for verb in ROLE_VERBS[post.role])
