"""What the intake writes in one statement is what the session's own way would have written."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from flask_sqlalchemy.session import Session
from geoalchemy2 import WKTElement
from sqlalchemy import Connection, Table, select
from sqlalchemy.orm import scoped_session

from app.cases.models import CaseEvent, CaseFile, CasePerson
from app.evidence.models import Proof, TrackGap
from app.ledger.models import LedgerRow
from app.notify.models import Notification
from app.patrols.models import CheckIn
from app.sync import writing
from tests.integration.case_street import SHOP

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


def _case_rows(street: str) -> list[Any]:
    case: dict[str, Any] = {
        "number": "CY1", "on_day": AT.date(), "source": "patrol", "fingerprint": b"\x00\xff", "department": AWKWARD,
        "catalogue_version": 1, "policy_version": 1, "calendar_version": 1, "class_key": SHOP, "measured": 0.1 + 0.2,
        "level": "common", "mode": "point", "urgent": True, "text": AWKWARD, "address": "", "place_code": street,
        "lat": 31.2 + 1e-13, "lon": 121.4, "accuracy_m": 8.0, "state": "open", "version": 1, "owner_is_final": True,
        "filed_at": AT, "found_at": AT, "clock_from": AT, "acknowledge_amount": 1.0, "acknowledge_unit": "urgent_hours",
        "resolve_amount": 2.0, "resolve_unit": "work_days", "extension_amount": 0.0, "returns": 0, "reworks": 0,
        "reopenings": 0, "reports": 1, "fired": {"warned": 1}, "fixed_on_spot": True,
        "position": WKTElement("POINT(121.4 31.2000000000001)", srid=4326),
    }  # fmt: skip
    event: dict[str, Any] = {"step": "note", "from_state": None, "to_state": "open", "text": AWKWARD,
                             "data": {"text": AWKWARD, "nothing": None}, "fingerprint": b""}  # fmt: skip
    told: dict[str, Any] = {"kind": "case.closed", "subject_kind": "case", "data": {"number": AWKWARD},
                            "urgent": False, "told_at": AT, "rungs_used": 0}  # fmt: skip
    return [
        CaseFile(street_code=street, id=ONE, **case),
        CaseEvent(street_code=street, case_id=ONE, ordinal=1, id=ONE, at=AT, received_at=AT, **event),
        CasePerson(
            street_code=street, case_id=ONE, user_id=TWO, part="owner", since=AT, why="next", until=AT
        ),
        Notification(street_code=street, user_id=ONE, id=TWO, place_code=street, subject_id=ONE, **told),
    ]


@pytest.mark.parametrize(
    "model", [Proof, CheckIn, TrackGap, LedgerRow, CaseFile, CaseEvent, CasePerson, Notification]
)
def test_every_value_arrives_as_the_session_would_write_it(
    session: Db, owner_db: Connection, model: Any
) -> None:
    session.add_all([*_rows("by-session"), *_case_rows("by-session")])
    session.commit()
    session.add_all([*_rows("in-one-go"), *_case_rows("in-one-go")])
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
