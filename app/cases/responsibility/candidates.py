"""Who could be given a case: what a dispatcher chooses from."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, text

from app.cases.life import ENDED
from app.cases.models import CaseFile, CasePerson
from app.cases.responsibility.dispatch import MOST_COUNTED
from app.core import clock, current
from app.core.extensions import db
from app.people import rights
from app.people.shift_rules import MAX_LENGTH

MOST = 60

# Everybody of the street whose post lets them handle cases; those named by the matrix for this case, and
# those whose post reaches its place, first.
_CANDIDATES = text("""
with here as (select path from place where code = :place_code),
posts as (
  select p.user_id, array_agg(distinct p.role) as roles, bool_or(p.place_code = any(here.path)) as reaches,
         bool_or(held.path && cast(:scope as text[])) as seen,
         (array_agg(p.place_code order by cardinality(held.path) desc))[1] as place_code
    from post p
    join place held on held.code = p.place_code
    cross join here
   where held.street_code = :street_code and p.role = any(:roles)
     and (p.starts_on is null or p.starts_on <= :today) and (p.ends_on is null or p.ends_on >= :today)
   group by p.user_id
), named as (
  select distinct r.user_id from responsibility r cross join here
   where r.street_code = :street_code and r.place_code = any(here.path) and r.ended_at is null
     and r.duty in ('handler', 'owner', 'deputy')
     and (r.starts_on is null or r.starts_on <= :today) and (r.ends_on is null or r.ends_on >= :today)
     and (r.selector_kind = 'any' or (r.selector_kind = 'class' and r.selector = :class_key)
          or (r.selector_kind = 'department' and r.selector = :department))
)
select u.id, u.display_name, u.display_name_en, posts.roles, posts.reaches,
       at.name as place_name, at.name_en as place_name_en,
       named.user_id is not null as responsible,
       exists (select from shift s where s.user_id = u.id and s.ended_at is null and s.started_at > :since)
         as on_duty,
       exists (select from absence a where a.user_id = u.id and a.starts_at <= :now and a.ends_at > :now)
         as away,
       (select ST_DistanceSphere(l.position, ST_SetSRID(ST_MakePoint(:lon, :lat), 4326))
          from last_position l where l.user_id = u.id and l.street_code = :street_code
           and posts.seen and :live) as distance_m,
       (select count(*) from (select from case_file c where c.owner_id = u.id
         and c.state not in ('closed','void','duplicate') limit :most_counted) held) as open_cases
  from posts
  join app_user u on u.id = posts.user_id and u.active and (:demo or not u.demo)
  join place at on at.code = posts.place_code
  left join named on named.user_id = u.id
 order by responsible desc, away, on_duty desc, posts.reaches desc, open_cases, u.username
 limit :most
""")


def candidates(case: CaseFile, scope: frozenset[str], now: datetime) -> list[dict[str, Any]]:
    """Everybody who could be given *case*, the likeliest first, those who had it already last.

    How far they are is a position for whoever asks from three sides. It is told only while they are on duty
    and the case is live, and only of staff of the places in *scope*: those whose positions the asker sees anyhow.
    """
    had_it = _had_it(case)
    rows = db.session.execute(
        _CANDIDATES,
        {
            "street_code": case.street_code,
            "scope": sorted(scope),
            "live": case.state not in ENDED,
            "place_code": case.place_code,
            "class_key": case.class_key,
            "department": case.department,
            "lat": case.lat,
            "lon": case.lon,
            "roles": sorted(rights.VERB_ROLES["case.handle"]),
            "today": now.astimezone(clock.SHANGHAI).date(),
            "now": now,
            "since": now - MAX_LENGTH,
            "most": MOST,
            "most_counted": MOST_COUNTED,
            "demo": not current.settings().is_production,
        },
    ).mappings()
    found = [
        {
            "person": {key: row[key] for key in ("id", "display_name", "display_name_en")},
            **{
                key: row[key]
                for key in ("roles", "place_name", "place_name_en", "responsible", "on_duty", "away")
            },
            "distance_m": None if row["distance_m"] is None else round(row["distance_m"]),
            "open_cases": row["open_cases"],
            "had_it": had_it.get(row["id"]),
        }
        for row in rows
    ]
    return sorted(found, key=lambda one: one["had_it"] is not None)


def _had_it(case: CaseFile) -> dict[UUID, str]:
    """What those who hold or held *case* have had to do with it, as ``words.HAD_IT`` has it."""
    owners = db.session.execute(
        select(CasePerson.user_id, CasePerson.until, CasePerson.end_reason)
        .where(
            CasePerson.street_code == case.street_code,
            CasePerson.case_id == case.id,
            CasePerson.part == "owner",
        )
        .order_by(CasePerson.since)
    ).all()
    found: dict[UUID, str] = {}
    for user_id, until, end_reason in owners:
        found[user_id] = "owner" if until is None else "returned" if end_reason == "returned" else "former"
    if case.state == "returned" and owners:
        found[owners[-1].user_id] = "just_returned"
    return found
