"""The fixtures keep their promise: what one test commits, the next one does not see."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from app.ledger import service as ledger
from app.places.models import Place
from tests import factories


@pytest.mark.parametrize("turn", [1, 2])
def test_committed_rows_are_gone_in_the_next_test(turn, session):
    assert session.query(Place).count() == 0
    street = factories.make_street()
    ledger.record(
        "places.imported",
        actor_id=None,
        street_code=street.code,
        place_code=street.code,
        subject_kind="place",
        subject_id=street.code,
        actor_kind="cli",
    )
    session.commit()
    assert session.query(Place).count() == 8
    assert session.execute(text("select count(*) from ledger_row")).scalar() == 1


def test_the_application_role_may_not_change_the_ledger(session):
    with pytest.raises(ProgrammingError, match="permission denied"):
        session.execute(text("delete from ledger_row"))


def test_all_factories_fit_the_tables(owner_db):
    street = factories.make_street()
    user = factories.make_user("patroller", street.units[0], "patrol1")
    checkpoints = [factories.make_checkpoint(street), factories.make_checkpoint(street, lon=121.415)]
    planned = factories.make_round(street, user, checkpoints)
    factories.make_shift(user, street.units[0])
    stops = owner_db.execute(text("select count(*) from round_stop where round_id = :r"), {"r": planned.id})
    assert stops.scalar() == 2
    assert checkpoints[1].community_code == street.communities[2]
