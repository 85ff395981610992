"""Live cases that no clock watches over: there should be none, and ``flask timers audit`` looks."""

from __future__ import annotations

import json
from datetime import datetime

from sqlalchemy import text

from app.cases import clocks
from app.cases.acting import SUBJECT
from app.core.extensions import db
from app.timers.audit import Finding

# The timer without which a case of that state would lie still for ever.
NEEDED = {
    "open": clocks.LOOK,
    "dispatched": clocks.ACKNOWLEDGE,
    "acknowledged": clocks.DUE,
    "on_scene": clocks.DUE,
    "returned": clocks.DUE,
    "on_hold": clocks.HOLD_END,
    "resolved": clocks.VERIFY,
    "verified": clocks.NOTE,
}

_UNWATCHED = text("""
select c.street_code, c.id, c.number, c.state
  from case_file c
 where c.state not in ('closed', 'void', 'duplicate')
   and not exists (
     select from timer t
      where t.street_code = c.street_code and t.subject_kind = :subject and t.subject_id = c.id
        and t.state = 'pending' and t.kind = cast(:needed as jsonb) ->> c.state)
 order by c.street_code, c.number
""")


def unwatched(_now: datetime) -> list[Finding]:
    """Live cases without the timer that their state needs."""
    given = {"subject": SUBJECT, "needed": json.dumps(NEEDED)}
    return [
        Finding(
            "case_without_timer",
            row.street_code,
            SUBJECT,
            str(row.id),
            f"{row.number} is {row.state} and no {NEEDED[row.state]} timer is pending",
        )
        for row in db.session.execute(_UNWATCHED, given)
    ]


CHECKS = (unwatched,)
