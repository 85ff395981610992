"""Live cases whose people are no longer there: an account closed, a post ended. Somebody else takes over.

A returned case waits for one word and nothing else, so that its arbiter is replaced on leave, too. For an
owner or a watcher on leave the clocks of the case do that.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, text

from app.cases import dispatching, escalating, life
from app.cases.acting import appoint, former_owners, release
from app.cases.models import CaseFile
from app.cases.responsibility import dispatch
from app.cases.telling import tell
from app.core import clock
from app.core.extensions import db

BATCH = 100

# Owners, watchers and arbiters who are not active, or have no post in force any more; arbiters on leave.
_GONE = text("""
select c.street_code, c.id,
       array_agg(held.part) as parts, array_agg(held.user_id) as holders
  from case_file c
 cross join lateral (values ('owner', c.owner_id), ('watcher', c.watcher_id), ('arbiter', c.arbiter_id))
         as held (part, user_id)
 where c.state in ('open', 'dispatched', 'acknowledged', 'on_scene', 'returned', 'resolved', 'verified')
   and held.user_id is not null
   and (held.part <> 'owner' or c.state in ('dispatched', 'acknowledged', 'on_scene'))
   and (held.part <> 'arbiter' or c.state = 'returned')
   and (not exists (
          select from app_user u join post p on p.user_id = u.id
           where u.id = held.user_id and u.active
             and (p.starts_on is null or p.starts_on <= :today)
             and (p.ends_on is null or p.ends_on >= :today))
        or held.part = 'arbiter' and exists (
          select from absence a
           where a.user_id = held.user_id and a.starts_at <= :now and a.ends_at > :now))
 group by c.street_code, c.id
 limit :batch
""")


def adopt(now: datetime) -> int:
    """Give cases of people who have left to others; returns how many cases were looked at. For the tick.

    Those that somebody is at are left for the next tick.
    """
    today = now.astimezone(clock.SHANGHAI).date()
    rows = db.session.execute(_GONE, {"today": today, "now": now, "batch": BATCH}).all()
    adopted = 0
    for row in sorted(rows, key=lambda r: str(r.id)):
        case = _lock(row.street_code, row.id)
        if case is None or case.state in life.ENDED:
            continue
        # somebody may have been quicker, between reading and locking
        left = {part for part, who in zip(row.parts, row.holders, strict=True) if _holder(case, part) == who}
        _adopt(case, left, now)
        adopted += 1
    return adopted


def _holder(case: CaseFile, part: str) -> UUID | None:
    return {"owner": case.owner_id, "watcher": case.watcher_id, "arbiter": case.arbiter_id}[part]


def _lock(street_code: str, case_id: UUID) -> CaseFile | None:
    """The case, unless somebody is at it: then it is the next tick's."""
    statement = select(CaseFile).where(CaseFile.street_code == street_code, CaseFile.id == case_id)
    return db.session.scalar(
        statement.with_for_update(skip_locked=True).execution_options(populate_existing=True)
    )


def _adopt(case: CaseFile, parts: Collection[str], now: datetime) -> None:
    if "watcher" in parts:
        release(case, "watcher", "left", now)
        escalating.begin_watch(case, now)
    if "arbiter" in parts:
        release(case, "arbiter", "left", now)
        choice = dispatch.find_arbiter(dispatching.matter_of(case), former_owners(case), now)
        if choice.user_id is not None:
            appoint(case, choice.user_id, "arbiter", choice.why, now)
            tell(case, "case.returned", [choice.user_id], now)
    if "owner" in parts and not dispatching.give_by_rules(case, now):
        release(case, "owner", "left", now)
        escalating.nobody_there(case, now)
