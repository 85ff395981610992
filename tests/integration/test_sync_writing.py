"""What the intake writes in one statement is what the session's own way would have written."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from flask_sqlalchemy.session import Session
from sqlalchemy import Connection, Table, select
from sqlalchemy.orm import scoped_session

from app.evidence.models import Proof, TrackGap
from app.ledger.models import LedgerRow
from app.patrols.models import CheckIn
from app.sync import writing

Db = scoped_session[Session]

AT = datetime(2026, 11, 23, 1, 2, 3, 456789, tzinfo=UTC)
ONE, TWO = UUID(int=1), UUID(int=2)
AWKWARD = '门锁着 "x" \\n \\u0000 {,} \' %s :r0 \n\t🚶'


def _rows(street: str) -> list[Any]:
    proof: dict[str, Any] = {
        "subject_kind": "check_in",
        "place_code": street,
        "user_id": ONE,
        "log_id": ONE,
        "device_id": TWO,
        "captured_at": AT,
        "received_at": AT,
        "clock_skew_s": -0.1 - 0.2,
        "tag_state": "none",
        "rules_version": 1,
        "review_state": "none",
    }
    full = {"fixed_at": AT, "lat": 31.2 + 1e-13, "lon": 1e-300, "datum": "wgs84", "accuracy_m": 5.0}
    reasons = ["poor_accuracy", AWKWARD, "null"]
    return [
        Proof(street_code=street, id=ONE, grade="doubtful", reasons=reasons, distance_m=0.1, **proof, **full),
        Proof(street_code=street, id=TWO, grade="verified", reasons=[], **proof),
        CheckIn(
            street_code=street, id=ONE, round_id=TWO, ordinal=1, user_id=ONE, note=AWKWARD, captured_at=AT
        ),
        TrackGap(
            street_code=street,
            id=ONE,
            user_id=ONE,
            shift_id=TWO,
            round_id=None,
            started_at=AT,
            ended_at=AT,
            cause="unknown",
        ),
        LedgerRow(
            street_code=street,
            actor_kind="user",
            actor_id=None,
            action="check_in.recorded",
            subject_kind="check_in",
            subject_id=AWKWARD,
            place_code=street,
            data={"text": AWKWARD, "number": 0.1 + 0.2, "list": [], "nothing": None, "yes": True},
        ),
    ]


@pytest.mark.parametrize("model", [Proof, CheckIn, TrackGap, LedgerRow])
def test_every_value_arrives_as_the_session_would_write_it(
    session: Db, owner_db: Connection, model: Any
) -> None:
    session.add_all(_rows("by-session"))
    session.commit()
    session.add_all(_rows("in-one-go"))
    writing.write_added()
    assert not session.new
    session.commit()
    table: Table = model.__table__
    told = [c for c in table.columns if c.name not in {"street_code", "place_code"} and not c.server_default]
    stored = [
        [tuple(row) for row in owner_db.execute(select(*told).where(table.c.street_code == street))]
        for street in ("by-session", "in-one-go")
    ]
    assert stored[0]
    assert sorted(stored[0], key=repr) == sorted(stored[1], key=repr)
