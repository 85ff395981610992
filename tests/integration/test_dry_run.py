"""What a dry run foretells is what happens: the same triggers, at the same moments, with the same steps."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from app.cases.policy import queries as policy_queries
from app.cases.policy import versions as policies
from app.cases.policy.timeline import Assumptions, Moment, timeline
from app.cases.ringing import TIMER_HANDLERS
from app.core import clock
from app.core.clock import SHANGHAI
from app.core.extensions import db
from app.timers.firing import fire_due
from tests import factories
from tests.integration.case_street import BUILDING, MANHOLE, SHOP, CaseStreet

# Friday evening: whatever counts working time has a weekend to get over.
FILED_AT = datetime(2026, 11, 27, 17, 0, tzinfo=SHANGHAI)


@pytest.fixture
def street(app: Flask) -> CaseStreet:
    """Three handlers on duty, so that there are two to turn to."""
    with clock.frozen(FILED_AT):
        made = CaseStreet(app)
        third = made._person("handler", made.street.areas[0], "handler_c")
        factories.make_shift(third.user, made.street.areas[0])
        made.name(third, "handler", rank=3)
    return made


def ring_until(street: CaseStreet, until: datetime) -> None:
    """Let weeks pass: every timer fires at its moment."""
    with street.app.app_context():
        while True:
            next_at = db.session.scalar(text("select min(try_at) from timer where state = 'pending'"))
            if next_at is None or next_at > until:
                break
            with clock.frozen(next_at):
                fire_due(next_at, TIMER_HANDLERS)
                db.session.commit()


def happened(street: CaseStreet, case: str) -> list[tuple[Any, ...]]:
    rows = street.sql(
        "select at, data from case_event where case_id = :id and step = 'escalate' order by ordinal", id=case
    )
    return [(row.at, *(row.data[name] for name in ("trigger", "nth", "raise_to", "replace"))) for row in rows]


def foretold(street: CaseStreet, class_key: str, **assumed: bool) -> list[Moment]:
    with street.app.app_context():
        code = street.street.code
        limits = policy_queries.limits_of(code, class_key)
        calendar = policy_queries.calendar_of(code)
        moments = timeline(policies.load_policy(code), limits, calendar, FILED_AT, Assumptions(**assumed))
    return [moment for moment in moments if moment.step is not None]


def steps(moments: list[Moment]) -> list[tuple[Any, ...]]:
    return [(m.at, m.what, m.step.nth, m.step.raise_to, m.step.replace) for m in moments if m.step]


@pytest.mark.parametrize("class_key", [SHOP, MANHOLE, BUILDING])
def test_a_case_that_nobody_takes_up_goes_the_way_that_was_foretold(
    street: CaseStreet, class_key: str
) -> None:
    with clock.frozen(FILED_AT):
        case = street.patrol.file(class_key)
    moments = foretold(street, class_key)
    expected = steps(moments)
    ring_until(street, expected[-1][0])
    last = {m.what: m.step.nth for m in moments if m.step is not None and m.step.last_resort}
    real = happened(street, case)
    assert sorted(told_once(real, last)) == sorted(expected)
    assert street.sql("select mode from case_file where id = :id", id=case)[0].mode == "watch"


def told_once(real: list[tuple[Any, ...]], last: dict[str, int]) -> list[tuple[Any, ...]]:
    """What happened, without what a last resort repeats day after day: a dry run tells it once."""
    return [one for one in real if one[2] <= last.get(one[1], one[2])]


def test_with_nobody_on_duty_the_head_of_the_unit_gets_it_and_hears_why(street: CaseStreet) -> None:
    with street.app.app_context():
        db.session.execute(text("update shift set ended_at = started_at + interval '1 minute'"))
        db.session.commit()
    with clock.frozen(FILED_AT):
        case = street.patrol.file()
        assert ("super", "case.dispatched") in street.told(case)
        assert ("desk", "case.nobody_on_duty") in street.told(case)
    assert steps(foretold(street, SHOP, on_duty=False))[0] == happened(street, case)[0]


def test_where_nobody_at_all_is_there_the_leaders_hear_and_it_is_tried_again_every_day(
    street: CaseStreet,
) -> None:
    with street.app.app_context():
        for statement in (
            "update shift set ended_at = started_at + interval '1 minute'",
            "delete from responsibility where duty in ('owner', 'deputy')",
            "delete from post where role in ('supervisor', 'dispatcher')",
        ):
            db.session.execute(text(statement))
        db.session.commit()
    with clock.frozen(FILED_AT):
        case = street.patrol.file()
    nobody = ("nobody_found", 1), ("nobody_found", 2), ("nobody_found", 3)
    assert tuple(one[1:3] for one in happened(street, case)) == nobody
    assert ("leader", "case.nobody_on_duty") in street.told(case)
    assert "case.nobody" in street.timers(case)
    assert street.sql("select state from case_file where id = :id", id=case)[0].state == "open"
    ring_until(street, FILED_AT + timedelta(hours=3))  # overdue: raised, and again nobody
    assert tuple(one[1:3] for one in happened(street, case)[-3:]) == nobody
    ring_until(street, FILED_AT + timedelta(hours=8))  # it is urgent, so raised once more the same evening
    assert happened(street, case)[-1][3] == "watch"
    for day in (1, 2):
        ring_until(street, FILED_AT + timedelta(days=day, hours=8))
        assert [one[2] for one in happened(street, case) if one[1] == "nobody_found"][-1] == 2 + day
        assert "case.nobody" in street.timers(case)
    factories.make_shift(street.owner.user, street.street.areas[0], started_at=FILED_AT + timedelta(days=2))
    street.name(street.owner, "owner")
    with clock.frozen(FILED_AT + timedelta(days=3, hours=3)):
        ring_until(street, clock.now())
        assert [task["id"] for task in street.owner.feed()["tasks"]] == [case]
