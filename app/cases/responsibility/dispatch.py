"""Finding the person for a case: one query for everybody who might, then the rules decide.

Nobody found is an answer, too: ``Choice(None, "nobody", facts)``. The caller records it and acts by the
escalation policy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from app.cases.responsibility import dispatch_rules as rules
from app.cases.responsibility.dispatch_rules import Candidate, Choice
from app.cases.responsibility.rules import DUTY_VERB
from app.core import clock, current
from app.core.extensions import db
from app.people.rights import VERB_ROLES
from app.people.shift_rules import MAX_LENGTH

# Who has a part by their post alone.
POST_ROLES = {
    "unit_head": frozenset({"supervisor"}),
    "duty_desk": frozenset({"dispatcher"}),
    "leader": frozenset({"leader"}),
    "verifier": VERB_ROLES["case.verify"],
}
MOST_COUNTED = 100  # open cases of one person; beyond that they are simply very busy

# One row for each way in which somebody comes into question. The predicate on state is that of the
# index on owners, word for word. A post deeper in the tree, and a finer selector, is more specific.
_FIND = text("""
    with here as (
        select path from place where street_code = :street_code and code = :place_code
    ), parts as (
        select r.duty as part, r.user_id, r.rank,
               10 * (case r.selector_kind when 'class' then 2 when 'department' then 1 else 0 end)
               + array_position(here.path, r.place_code) as specificity
        from here join responsibility r
          on r.street_code = :street_code and r.place_code = any(here.path) and r.duty = any(:duties)
        where r.ended_at is null and coalesce(r.starts_on, :today) <= :today
          and coalesce(r.ends_on, :today) >= :today
          and (r.selector_kind = 'any' or (r.selector_kind = 'class' and r.selector = :class_key)
               or (r.selector_kind = 'department' and r.selector = :department))
        union all
        select wanted.part, p.user_id, 1, array_position(here.path, p.place_code)
        from here cross join unnest(cast(:posts as text[]), cast(:roles as text[])) as wanted(part, role)
        join post p on p.role = wanted.role and p.place_code = any(here.path)
        where coalesce(p.starts_on, :today) <= :today and coalesce(p.ends_on, :today) >= :today
    ), asked as (
        select distinct user_id from parts
    ), standing as materialized (
        select u.id as user_id,
               u.active and (:demo or not u.demo) as active,
               array(select p.role from post p, here
                     where p.user_id = u.id and p.place_code = any(here.path)
                       and coalesce(p.starts_on, :today) <= :today
                       and coalesce(p.ends_on, :today) >= :today) as roles,
               exists(select from absence a where a.user_id = u.id
                      and a.starts_at <= :now and a.ends_at > :now) as away,
               exists(select from shift s where s.user_id = u.id and s.ended_at is null
                      and s.started_at > :earliest) as on_duty,
               (select ST_DistanceSphere(l.position, ST_SetSRID(ST_MakePoint(:lon, :lat), 4326))
                from last_position l where l.street_code = :street_code and l.user_id = u.id) as distance_m,
               (select count(*) from (select from case_file c where c.owner_id = u.id
                and c.state not in ('closed','void','duplicate') limit :most_counted) held) as open_cases
        from asked join app_user u on u.id = asked.user_id
    )
    select parts.part, parts.rank, parts.specificity, standing.*
    from parts join standing on standing.user_id = parts.user_id
""")


@dataclass(frozen=True, slots=True)
class Matter:
    """What a case is about, as far as it decides who gets it; position in WGS-84."""

    street_code: str
    place_code: str
    class_key: str
    department: str
    lat: float
    lon: float


@dataclass(slots=True)
class _People:
    """Who comes into question, by part."""

    parts: dict[str, list[Candidate]] = field(default_factory=dict)

    def of(self, part: str) -> Sequence[Candidate]:
        """Everybody with that part."""
        return self.parts.get(part, [])


def find_handler(matter: Matter, tried: frozenset[UUID], now: datetime) -> Choice:
    """点到人: the right handler on duty; where none is, the unit's head, then the duty desk.

    Args:
        tried: people who were asked before, or answered for the case before.
    """
    people = _people(matter, now, ("handler",), ("unit_head", "duty_desk"))
    return rules.first(rules.choose_point(people.of("handler"), tried), _fallback(people, tried))


def find_owner(matter: Matter, tried: frozenset[UUID], now: datetime) -> Choice:
    """定到人: the named owner, the deputy where the owner cannot, then as with a handler."""
    people = _people(matter, now, ("owner", "deputy"), ("unit_head", "duty_desk"))
    named = rules.choose_owner(people.of("owner"), people.of("deputy"), tried)
    return rules.first(named, _fallback(people, tried))


def find_watcher(matter: Matter, exclude: frozenset[UUID], now: datetime) -> Choice:
    """盯到人: the named watcher, else the unit's head, else a leader; none of *exclude* (the owner)."""
    people = _people(matter, now, ("watcher",), ("unit_head", "leader"))
    return rules.first(rules.choose_watcher(people.of("watcher"), exclude), _above(people, exclude))


def find_arbiter(matter: Matter, exclude: frozenset[UUID], now: datetime) -> Choice:
    """Who decides about a return: the named arbiter, else the unit's head, else a leader."""
    people = _people(matter, now, ("arbiter",), ("unit_head", "leader"))
    named = [c for c in people.of("arbiter") if c.user_id not in exclude]
    return rules.first(rules.choose_arbiter(named, None), _above(people, exclude))


def find_verifier(matter: Matter, exclude: frozenset[UUID], avoid: frozenset[UUID], now: datetime) -> Choice:
    """Who looks whether it is gone: in reach, near and on duty first.

    Args:
        exclude: never these: who resolved it, who answers for it, who did a part of it.
        avoid: these only where there is nobody else: who found it.
    """
    people = _people(matter, now, (), ("verifier",))
    return rules.choose_verifier(people.of("verifier"), exclude, avoid)


def find_unit_head(matter: Matter, exclude: frozenset[UUID], now: datetime) -> Choice:
    """The supervisor closest to the place, on duty or not."""
    return rules.choose_unit_head(_people(matter, now, (), ("unit_head",)).of("unit_head"), exclude)


def find_duty_desk(matter: Matter, exclude: frozenset[UUID], now: datetime) -> Choice:
    """The dispatcher of the place who has the least on the desk."""
    return rules.choose_duty_desk(_people(matter, now, (), ("duty_desk",)).of("duty_desk"), exclude)


def _fallback(people: _People, tried: frozenset[UUID]) -> Choice:
    return rules.fallback(people.of("unit_head"), people.of("duty_desk"), tried)


def _above(people: _People, exclude: frozenset[UUID]) -> Choice:
    """Who stands above a case, where the matrix names nobody: the unit's head, else a leader."""
    return rules.first(
        rules.choose_unit_head(people.of("unit_head"), exclude),
        rules.choose_leader(people.of("leader"), exclude),
    )


def _people(matter: Matter, now: datetime, duties: Sequence[str], posts: Sequence[str]) -> _People:
    """Everybody with one of *duties* in the matrix, or one of the parts that go with *posts*."""
    by_post = [(part, role) for part in posts for role in sorted(POST_ROLES[part])]
    rows = db.session.execute(
        _FIND,
        {
            "street_code": matter.street_code,
            "place_code": matter.place_code,
            "class_key": matter.class_key,
            "department": matter.department,
            "lat": matter.lat,
            "lon": matter.lon,
            "duties": list(duties),
            "posts": [part for part, _ in by_post],
            "roles": [role for _, role in by_post],
            "today": now.astimezone(clock.SHANGHAI).date(),
            "now": now,
            "earliest": now - MAX_LENGTH,
            "most_counted": MOST_COUNTED,
            "demo": not current.settings().is_production,
        },
    )
    people = _People()
    for row in rows.mappings():
        people.parts.setdefault(row["part"], []).append(_candidate(dict(row)))
    return people


def _candidate(row: dict[str, Any]) -> Candidate:
    roles = frozenset(row["roles"])
    part = row["part"]
    may = POST_ROLES.get(part) or VERB_ROLES[DUTY_VERB[part]]
    return Candidate(
        user_id=row["user_id"],
        specificity=row["specificity"],
        rank=row["rank"],
        on_duty=row["on_duty"],
        distance_m=row["distance_m"] if row["on_duty"] else None,
        open_cases=row["open_cases"],
        away=row["away"],
        in_force=row["active"] and bool(roles & may),
        at_desk="dispatcher" in roles,
    )
