"""Each case finds its person in the real tables, and says why where it is not the one named."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import Connection, text
from sqlalchemy.orm import Session, scoped_session

from app.cases.responsibility import dispatch
from app.cases.responsibility.dispatch import Matter
from app.cases.responsibility.dispatch_rules import Choice
from app.core import clock
from app.core.ids import uuid7
from app.evidence.models import LastPosition
from app.people.models import User
from tests import factories
from tests.factories import LAT, LON, Street

NOBODY: frozenset[UUID] = frozenset()
SHOP, DEPARTMENT = "M-09005", "城管执法"


@pytest.fixture
def street(database: str) -> Street:
    return factories.make_street()


def matter(street: Street, **columns: Any) -> Matter:
    values = {"street_code": street.code, "place_code": street.communities[0], "lat": LAT, "lon": LON}
    return Matter(**(values | {"class_key": SHOP, "department": DEPARTMENT} | columns))


def seen(user: User, place: str, lat: float, lon: float) -> None:
    shift = factories.make_shift(user, place)
    with factories.writing() as session:
        session.add(
            LastPosition(
                street_code=user.street_code,
                user_id=user.id,
                shift_id=shift.id,
                fixed_at=clock.now(),
                accuracy_m=10.0,
                position=f"SRID=4326;POINT({lon} {lat})",
            )
        )


def handler(street: Street, *, on_duty: bool = True, **columns: Any) -> User:
    user = factories.make_user("handler", street.areas[0], **columns)
    factories.make_responsibility(user, "handler", street.areas[0], DEPARTMENT)
    if on_duty:
        factories.make_shift(user, street.areas[0])
    return user


def owe(owner_db: Connection, user: User, cases: int, state: str = "acknowledged") -> None:
    """Give *user* open cases."""
    for _ in range(cases):
        owner_db.execute(
            text("""
            insert into case_file (street_code, id, number, on_day, source, fingerprint, catalogue_version,
              policy_version, calendar_version, class_key, level, mode, urgent, department, text, address,
              place_code, lat, lon, accuracy_m, position, state, version, owner_id, filed_at, found_at,
              clock_from, acknowledge_amount, acknowledge_unit, resolve_amount, resolve_unit,
              extension_amount, returns, reworks, reopenings, reports, fired)
            values (:street, :id, :number, current_date, 'patrol', '', 1, 1, 1, 'M-09005', 'common', 'point',
              true, '城管执法', '', '', :street, 31.2, 121.4, 5, 'SRID=4326;POINT(121.4 31.2)', :state, 1,
              :owner, now(), now(), now(), 1, 'urgent_hours', 2, 'urgent_hours', 0, 0, 0, 0, 1, '{}')"""),
            {
                "street": user.street_code,
                "id": uuid7(),
                "number": str(uuid7()),
                "state": state,
                "owner": user.id,
            },
        )


def find(session: scoped_session[Session], street: Street, *tried: User, **columns: Any) -> Choice:
    ids = frozenset(user.id for user in tried)
    return dispatch.find_handler(matter(street, **columns), ids, clock.now())


# ---- point


def test_the_handler_on_duty_gets_it_and_the_next_one_when_asked_again(
    street: Street, session: scoped_session[Session], owner_db: Connection
) -> None:
    one, two, off = handler(street), handler(street), handler(street, on_duty=False)
    owe(owner_db, one, 3)
    owe(owner_db, two, 4, state="closed")
    assert find(session, street) == Choice(two.id, "responsible")
    assert find(session, street, two) == Choice(one.id, "next")
    nobody = find(session, street, one, two)
    assert nobody == Choice(None, "nobody", ("nobody_on_duty", "no_unit_head", "no_duty_desk"))
    assert off.id not in {nobody.user_id}


def test_the_nearer_one_gets_it(street: Street, session: scoped_session[Session]) -> None:
    far, near = handler(street, on_duty=False), handler(street, on_duty=False)
    seen(far, street.areas[0], LAT, LON + 0.008)
    seen(near, street.areas[0], LAT, LON + 0.001)
    assert find(session, street).user_id == near.id


def test_who_is_named_for_the_class_comes_before_who_is_named_for_the_department(
    street: Street, session: scoped_session[Session]
) -> None:
    handler(street)
    named = factories.make_user("handler", street.code)
    factories.make_shift(named, street.code)
    factories.make_responsibility(named, "handler", street.code, SHOP)
    assert find(session, street).user_id == named.id
    assert find(session, street, class_key="M-09006").user_id != named.id


def test_a_deeper_place_comes_before_the_whole_street(
    street: Street, session: scoped_session[Session]
) -> None:
    for place in (street.code, street.units[0]):
        user = factories.make_user("handler", place)
        factories.make_shift(user, place)
        factories.make_responsibility(user, "handler", place, DEPARTMENT)
    assert find(session, street).user_id == user.id
    assert find(session, street, place_code=street.communities[2]).user_id not in {None, user.id}


def test_a_forgotten_shift_of_yesterday_is_not_being_on_duty(
    street: Street, session: scoped_session[Session]
) -> None:
    user = handler(street, on_duty=False)
    factories.make_shift(user, street.areas[0], started_at=clock.now() - timedelta(hours=13))
    assert find(session, street).user_id is None


def test_without_a_handler_the_unit_head_gets_it_and_then_the_duty_desk(
    street: Street, session: scoped_session[Session], owner_db: Connection
) -> None:
    head = factories.make_user("supervisor", street.areas[0])
    factories.make_user("supervisor", street.areas[1])
    busy, free = (factories.make_user("dispatcher", street.code) for _ in range(2))
    owe(owner_db, busy, 2)
    off = handler(street, on_duty=False)
    assert find(session, street) == Choice(head.id, "unit_head", ("nobody_on_duty",))
    desk = ("nobody_on_duty", "no_unit_head")
    assert find(session, street, head) == Choice(free.id, "duty_desk", desk)
    assert find(session, street, head, free) == Choice(busy.id, "duty_desk", desk)
    assert find(session, street, head, free, busy).facts == (*desk, "no_duty_desk")
    factories.make_absence(head)
    assert find(session, street).user_id == free.id
    assert off.id != free.id


def test_a_place_that_is_not_known_finds_nobody_and_says_so(
    street: Street, session: scoped_session[Session]
) -> None:
    handler(street)
    found = find(session, street, place_code="nowhere")
    assert found == Choice(None, "nobody", ("nobody_responsible", "no_unit_head", "no_duty_desk"))


# ---- who is not there any more


YESTERDAY, TOMORROW = (clock.now().astimezone(clock.SHANGHAI).date() + timedelta(days=d) for d in (-1, 1))


def cannot(street: Street, owner_db: Connection, user: User, why: str) -> None:
    """Make *user* somebody who cannot get a case."""
    if why == "deleted":
        owner_db.execute(text("update app_user set active = false where id = :id"), {"id": user.id})
    elif why == "left":
        owner_db.execute(
            text("update post set ends_on = :day where user_id = :id"), {"day": YESTERDAY, "id": user.id}
        )
    elif why == "moved":
        owner_db.execute(
            text("update post set place_code = :place where user_id = :id"),
            {"place": street.areas[1], "id": user.id},
        )
    elif why == "other post":
        owner_db.execute(text("update post set role = 'leader' where user_id = :id"), {"id": user.id})
    else:
        factories.make_absence(user)


@pytest.mark.parametrize("why", ["deleted", "left", "moved", "other post", "away"])
def test_a_handler_who_is_not_there_any_more_gets_nothing(
    street: Street, session: scoped_session[Session], owner_db: Connection, why: str
) -> None:
    gone, here = handler(street), handler(street)
    owe(owner_db, here, 9)
    assert find(session, street).user_id == gone.id
    cannot(street, owner_db, gone, why)
    session.rollback()
    assert find(session, street).user_id == here.id


@pytest.mark.parametrize(
    ("why", "fact"), [("deleted", "owner_left"), ("left", "owner_left"), ("away", "owner_away")]
)
def test_the_deputy_takes_over_from_an_owner_who_cannot(
    street: Street, session: scoped_session[Session], owner_db: Connection, why: str, fact: str
) -> None:
    owner, deputy = (factories.make_user("handler", street.areas[0]) for _ in range(2))
    factories.make_responsibility(owner, "owner", street.areas[0], DEPARTMENT)
    factories.make_responsibility(deputy, "deputy", street.areas[0], DEPARTMENT)
    found = dispatch.find_owner(matter(street), NOBODY, clock.now())
    assert found == Choice(owner.id, "owner", ("owner_off_duty",))
    cannot(street, owner_db, owner, why)
    session.rollback()
    assert dispatch.find_owner(matter(street), NOBODY, clock.now()) == Choice(deputy.id, "deputy", (fact,))
    head = factories.make_user("supervisor", street.areas[0])
    cannot(street, owner_db, deputy, why)
    session.rollback()
    found = dispatch.find_owner(matter(street), NOBODY, clock.now())
    assert found == Choice(head.id, "unit_head", (fact, "no_deputy"))


def test_an_absence_counts_only_while_it_lasts(street: Street, session: scoped_session[Session]) -> None:
    owner = factories.make_user("handler", street.areas[0])
    factories.make_responsibility(owner, "owner", street.areas[0], DEPARTMENT)
    factories.make_absence(owner, hours_from=-5, hours_until=-1)
    factories.make_absence(owner, hours_from=1, hours_until=5)
    assert dispatch.find_owner(matter(street), NOBODY, clock.now()).user_id == owner.id
    later = clock.now() + timedelta(hours=2)
    assert dispatch.find_owner(matter(street), NOBODY, later).user_id is None


@pytest.mark.parametrize(
    "columns",
    [{"starts_on": TOMORROW}, {"ends_on": YESTERDAY}, {"ended_at": clock.now()}],
    ids=["not yet", "no more", "taken out"],
)
def test_a_line_of_the_matrix_holds_from_its_first_to_its_last_day(
    street: Street, session: scoped_session[Session], columns: dict[str, date]
) -> None:
    user = factories.make_user("handler", street.areas[0])
    factories.make_responsibility(user, "owner", street.areas[0], DEPARTMENT, **columns)
    assert dispatch.find_owner(matter(street), NOBODY, clock.now()).user_id is None
    factories.make_responsibility(
        user, "owner", street.areas[0], DEPARTMENT, starts_on=TOMORROW - timedelta(days=1), ends_on=TOMORROW
    )
    assert dispatch.find_owner(matter(street), NOBODY, clock.now()).user_id == user.id


def test_people_of_another_street_are_never_found(street: Street, session: scoped_session[Session]) -> None:
    other = factories.make_street("310107991", west=121.43)
    handler(other)
    factories.make_user("dispatcher", other.code)
    assert find(session, street).user_id is None


# ---- who watches, decides, verifies


def test_the_named_watcher_else_the_unit_head_else_a_leader_and_never_the_owner(
    street: Street, session: scoped_session[Session]
) -> None:
    watcher, head = (factories.make_user("supervisor", street.areas[0]) for _ in range(2))
    leader = factories.make_user("leader", street.code)
    factories.make_responsibility(watcher, "watcher", street.areas[0], "")

    def watch(*exclude: User) -> Choice:
        ids = frozenset(user.id for user in exclude)
        return dispatch.find_watcher(matter(street), ids, clock.now())

    assert watch() == Choice(watcher.id, "watcher")
    assert watch(watcher) == Choice(head.id, "unit_head")
    assert watch(watcher, head) == Choice(leader.id, "leader", ("no_unit_head",))
    assert watch(watcher, head, leader).user_id is None


def test_a_watcher_needs_the_right_to_watch(street: Street, session: scoped_session[Session]) -> None:
    user = factories.make_user("handler", street.areas[0])
    factories.make_responsibility(user, "watcher", street.areas[0], "")
    assert dispatch.find_watcher(matter(street), NOBODY, clock.now()).user_id is None


def test_the_arbiter_is_the_one_named_and_never_the_owner(
    street: Street, session: scoped_session[Session]
) -> None:
    leader = factories.make_user("leader", street.code)
    head = factories.make_user("supervisor", street.areas[0])
    factories.make_responsibility(leader, "arbiter", street.code, "")
    found = [
        dispatch.find_arbiter(matter(street), frozenset(exclude), clock.now())
        for exclude in ([], [leader.id], [leader.id, head.id])
    ]
    assert found[:2] == [Choice(leader.id, "arbiter"), Choice(head.id, "unit_head")]
    assert found[2].user_id is None


def test_who_is_near_and_on_duty_verifies_not_who_did_it_and_who_found_it_last(
    street: Street, session: scoped_session[Session]
) -> None:
    finder, walker, far = (factories.make_user("patroller", street.units[0]) for _ in range(3))
    desk = factories.make_user("dispatcher", street.code)
    factories.make_user("patroller", street.units[1])
    factories.make_user("handler", street.areas[0])
    seen(finder, street.units[0], LAT, LON)
    seen(walker, street.units[0], LAT, LON + 0.001)
    seen(far, street.units[0], LAT, LON + 0.009)

    def verify(*exclude: User) -> Choice:
        ids = frozenset(user.id for user in exclude)
        return dispatch.find_verifier(matter(street), ids, frozenset({finder.id}), clock.now())

    assert verify() == Choice(walker.id, "verifier")
    assert verify(walker).user_id == far.id
    assert verify(walker, far).user_id == desk.id
    assert verify(walker, far, desk) == Choice(finder.id, "verifier", ("reporter_verifies",))
    assert verify(walker, far, desk, finder).user_id is None


def test_unit_head_and_duty_desk_can_be_asked_for(street: Street, session: scoped_session[Session]) -> None:
    head = factories.make_user("supervisor", street.units[0])
    desk = factories.make_user("dispatcher", street.code)
    now = clock.now()
    assert dispatch.find_unit_head(matter(street), NOBODY, now) == Choice(head.id, "unit_head")
    assert dispatch.find_duty_desk(matter(street), NOBODY, now) == Choice(desk.id, "duty_desk")
    ids = frozenset({head.id, desk.id})
    assert dispatch.find_unit_head(matter(street), ids, now).facts == ("no_unit_head",)
    assert dispatch.find_duty_desk(matter(street), ids, now).facts == ("no_duty_desk",)


def test_demo_accounts_get_no_cases_in_production(
    street: Street, session: scoped_session[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    user = handler(street, demo=True)
    assert find(session, street).user_id == user.id
    monkeypatch.setattr("config.Settings.is_production", property(lambda _self: True))
    assert find(session, street).user_id is None


def test_on_the_demonstration_street_a_shop_in_the_first_unit_is_handler1s(
    app: Flask, owner_db: Connection
) -> None:
    assert app.test_cli_runner().invoke(args=["demo", "load"]).exit_code == 0
    names = {row.id: row.username for row in owner_db.execute(text("select id, username from app_user"))}
    people = {username: user_id for user_id, username in names.items()}
    for username in ("handler1", "handler2", "handler4"):
        owner_db.execute(
            text("""
            insert into shift (id, street_code, user_id, device_id, place_code, started_at)
            values (:id, '310107005', :user, :id, '310107005', now() - interval '1 hour')"""),
            {"id": uuid7(), "user": people[username]},
        )
    here = Matter("310107005", "310107005-G1", SHOP, DEPARTMENT, 31.234892, 121.398519)
    now = clock.now()
    with app.app_context():
        asked: list[str] = []
        for _ in range(4):
            tried = frozenset(people[username] for username in asked)
            found = dispatch.find_handler(here, tried, now)
            assert found.user_id is not None
            asked.append(names[found.user_id])
        assert asked == ["handler1", "handler4", "supervisor1", asked[3]]
        assert asked[3] in {"dispatcher1", "dispatcher2"}
        owner = dispatch.find_owner(here, NOBODY, now)
        watcher = dispatch.find_watcher(here, frozenset({people["handler1"]}), now)
        arbiter = dispatch.find_arbiter(here, frozenset({people["handler1"]}), now)
        chosen = [names[choice.user_id] for choice in (owner, watcher, arbiter) if choice.user_id]
        assert chosen == ["handler1", "supervisor1", "leader1"]
