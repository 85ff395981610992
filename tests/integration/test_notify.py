"""Telling people on a real database: the inbox, the ladder as rows, acknowledging, taking over, giving up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import Connection, select, text

from app.core import clock
from app.core.extensions import db
from app.core.ids import uuid7
from app.notify import climbing, preferences, queries, service
from app.notify.models import Delivery, Notification
from app.notify.rules import LOCAL
from app.people.models import User
from tests import factories
from tests.factories import Street

NOON = datetime(2026, 11, 23, 4, tzinfo=UTC)  # 12:00 in Shanghai
NIGHT = datetime(2026, 11, 23, 15, tzinfo=UTC)  # 23:00
CASE = uuid7(NOON)


class Desk:
    """One street with two handlers, and what is done to them at a moment of the test's choosing."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.street: Street = factories.make_street()
        self.zhang: User = factories.make_user("handler", self.street.units[0], "zhang")
        self.li: User = factories.make_user("handler", self.street.units[0], "li")

    def tell(
        self,
        now: datetime,
        *people: User,
        kind: str = "case.dispatched",
        urgent: bool = False,
        subject: UUID = CASE,
        **data: Any,
    ) -> None:
        with self.app.app_context():
            service.tell(
                street_code=self.street.code,
                place_code=self.street.units[0],
                recipients=[person.id for person in people or (self.zhang,)],
                kind=kind,
                subject_kind="case",
                subject_id=subject,
                data={"number": "CY-1", "class_zh": "跨门营业"} | data,
                urgent=urgent,
                now=now,
            )
            db.session.commit()

    def climb(self, now: datetime) -> bool:
        with self.app.app_context():
            more = climbing.climb_due(now)
            db.session.commit()
        return more

    def acknowledge(self, now: datetime, person: User | None = None) -> int:
        with self.app.app_context():
            count = service.acknowledge(self.street.code, (person or self.zhang).id, "case", CASE, now)
            db.session.commit()
        return count

    def withdraw(self, now: datetime) -> int:
        with self.app.app_context():
            count = service.withdraw(self.street.code, "case", CASE, now)
            db.session.commit()
        return count

    def told(self, person: User | None = None) -> list[Notification]:
        with self.app.app_context():
            rows = db.session.scalars(
                select(Notification)
                .where(Notification.user_id == (person or self.zhang).id)
                .order_by(Notification.id)
            ).all()
            db.session.expunge_all()
            return list(rows)

    def rungs(self, person: User | None = None) -> list[tuple[str, str]]:
        with self.app.app_context():
            rows = db.session.execute(
                select(Delivery.channel, Delivery.state)
                .where(Delivery.user_id == (person or self.zhang).id)
                .order_by(Delivery.notification_id, Delivery.changed_at, Delivery.channel)
            )
            return [(row.channel, row.state) for row in rows]

    def reach(self) -> list[dict[str, Any]]:
        with self.app.app_context():
            return queries.reach_of(self.street.code, "case", CASE)

    def robot(self, **owner: Any) -> None:
        add_robot(self.street, **owner)


def add_robot(street: Street, url: str = "https://qyapi.weixin.qq.com/robot?key=1", **owner: Any) -> UUID:
    """A group robot of a person (``user_id``) or a place (``place_code``)."""
    from app.notify.models import ChannelAddress

    robot = ChannelAddress(
        id=uuid7(),
        street_code=street.code,
        channel="wecom",
        address=url,
        active=True,
        created_at=NOON,
        **owner,
    )
    with factories.writing() as session:
        session.add(robot)
    return robot.id


@pytest.fixture
def desk(app: Flask) -> Iterator[Desk]:
    return Desk(app)


def ledger(owner_db: Connection, action: str) -> list[dict[str, Any]]:
    rows = owner_db.execute(
        text("select data from ledger_row where action = :action order by id"), {"action": action}
    )
    return [row.data for row in rows]


def test_everybody_named_is_told_once_and_the_ledger_says_so(desk: Desk, owner_db: Connection) -> None:
    desk.tell(NOON, desk.zhang, desk.li, desk.zhang)
    assert [len(desk.told(person)) for person in (desk.zhang, desk.li)] == [1, 1]
    (row,) = ledger(owner_db, "notification.told")
    assert set(row["user_ids"]) == {str(desk.zhang.id), str(desk.li.id)}
    assert "CY-1" not in str(row)


def test_nobody_to_tell_is_no_fault_and_a_kind_without_words_is(desk: Desk) -> None:
    with desk.app.app_context():
        service.tell(
            street_code=desk.street.code,
            place_code=desk.street.code,
            recipients=[],
            kind="case.closed",
            subject_kind="case",
            subject_id=CASE,
            data={},
            urgent=False,
            now=NOON,
        )
    with pytest.raises(ValueError, match=r"no words for 'case\.unheard_of'"):
        desk.tell(NOON, kind="case.unheard_of")
    assert desk.told() == []


def test_the_ladder_climbs_to_each_rung_in_its_time_and_gives_up(desk: Desk, owner_db: Connection) -> None:
    desk.robot(user_id=desk.zhang.id)
    desk.tell(NOON)
    assert desk.rungs() == [("live", "offered"), ("web_push", "no_address")]
    desk.climb(NOON + timedelta(seconds=119))
    assert len(desk.rungs()) == 2
    desk.climb(NOON + timedelta(seconds=120))
    assert desk.rungs()[2:] == [("wecom", "pending")]
    desk.climb(NOON + timedelta(minutes=15))
    assert desk.rungs()[3:] == [("sms", "no_address")]
    assert ledger(owner_db, "notification.not_reached") == []
    desk.climb(NOON + timedelta(minutes=45))
    (row,) = ledger(owner_db, "notification.not_reached")
    assert row["user_id"] == str(desk.zhang.id)
    assert row["kind"] == "case.dispatched"
    desk.climb(NOON + timedelta(days=2))
    assert len(ledger(owner_db, "notification.not_reached")) == 1
    assert desk.told()[0].next_rung_at is None


def test_acknowledging_stops_all_further_rungs_of_that_person_only(desk: Desk) -> None:
    for person in (desk.zhang, desk.li):
        desk.robot(user_id=person.id)
    desk.tell(NOON, desk.zhang, desk.li)
    desk.climb(NOON + timedelta(minutes=2))
    assert desk.acknowledge(NOON + timedelta(minutes=3)) == 1
    assert desk.acknowledge(NOON + timedelta(minutes=4)) == 0
    desk.climb(NOON + timedelta(hours=2))
    assert desk.rungs() == [("live", "offered"), ("web_push", "no_address"), ("wecom", "cancelled")]
    assert ("sms", "no_address") in desk.rungs(desk.li)
    (told,) = desk.told()
    assert told.acknowledged_at == NOON + timedelta(minutes=3)


def test_withdrawing_ends_it_for_everybody_and_twice_is_once(desk: Desk) -> None:
    desk.tell(NOON, desk.zhang, desk.li)
    assert desk.withdraw(NOON + timedelta(minutes=1)) == 2
    assert desk.withdraw(NOON + timedelta(minutes=2)) == 0
    desk.climb(NOON + timedelta(hours=2))
    assert len(desk.rungs()) == len(desk.rungs(desk.li)) == 2
    with desk.app.app_context():
        assert queries.unread_count(desk.street.code, desk.zhang.id) == 0


def test_at_night_only_urgent_news_climb(desk: Desk) -> None:
    desk.robot(user_id=desk.zhang.id)
    desk.robot(user_id=desk.li.id)
    desk.tell(NIGHT, desk.zhang)
    desk.tell(NIGHT, desk.li, urgent=True, subject=uuid7(NOON))
    desk.climb(NIGHT + timedelta(minutes=30))
    assert desk.rungs() == [("live", "offered")]
    assert ("wecom", "pending") in desk.rungs(desk.li)
    morning = datetime(2026, 11, 24, 7, tzinfo=LOCAL)
    desk.climb(morning - timedelta(seconds=1))
    assert len(desk.rungs()) == 1
    desk.climb(morning)
    assert desk.rungs()[1:] == [("web_push", "no_address")]
    desk.climb(morning + timedelta(minutes=2))
    assert desk.rungs()[2:] == [("wecom", "pending")]


def test_what_came_at_night_about_one_case_is_one_delivery_in_the_morning(desk: Desk) -> None:
    desk.robot(user_id=desk.zhang.id)
    for hour, kind in enumerate(("case.dispatched", "case.warned", "case.overdue")):
        desk.tell(NIGHT + timedelta(hours=hour), kind=kind)
    desk.tell(NIGHT, subject=uuid7(NOON))
    for minute in range(10):
        desk.climb(datetime(2026, 11, 24, 7, minute, tzinfo=LOCAL))
    pending = [rung for rung in desk.rungs() if rung == ("wecom", "pending")]
    assert len(pending) == 2  # one for each case
    first, second, third = (row for row in desk.told() if row.subject_id == CASE)
    assert (first.superseded_by, second.superseded_by) == (second.id, third.id)
    states = {row["kind"]: row["state"] for row in desk.reach()}
    assert set(states.values()) == {"waiting"}


def test_newer_news_take_over_without_putting_the_next_rung_off(desk: Desk) -> None:
    desk.robot(user_id=desk.zhang.id)
    desk.tell(NOON)
    desk.tell(NOON + timedelta(seconds=100), kind="case.warned")
    desk.climb(NOON + timedelta(seconds=120))
    assert [rung for rung in desk.rungs() if rung[0] == "wecom"] == [("wecom", "pending")]
    old, new = desk.told()
    assert (old.next_rung_at, old.superseded_by) == (None, new.id)
    assert new.rungs_used == 3


def test_news_that_are_not_urgent_do_not_take_over_urgent_ones(desk: Desk) -> None:
    desk.tell(NOON, urgent=True)
    desk.tell(NOON + timedelta(seconds=10), kind="case.many_reports")
    old, new = desk.told()
    assert old.superseded_by is None
    assert old.next_rung_at == NOON + timedelta(minutes=2)
    assert new.next_rung_at == NOON + timedelta(seconds=130)


def test_giving_up_is_not_put_off_by_newer_news(desk: Desk, owner_db: Connection) -> None:
    desk.tell(NOON)
    for minute in (2, 15):
        desk.climb(NOON + timedelta(minutes=minute))
    desk.tell(NOON + timedelta(minutes=40), kind="case.warned")
    desk.climb(NOON + timedelta(minutes=45))
    assert [row["kind"] for row in ledger(owner_db, "notification.not_reached")] == ["case.dispatched"]
    assert desk.told()[1].next_rung_at is not None


def test_after_a_standstill_the_rungs_come_one_by_one(desk: Desk) -> None:
    desk.tell(NOON)
    desk.climb(NOON + timedelta(hours=3))
    assert [channel for channel, _ in desk.rungs()] == ["live", "web_push", "wecom"]
    assert desk.told()[0].next_rung_at == NOON + timedelta(hours=3, minutes=13)


def test_a_robot_of_the_place_serves_everybody_below_and_the_nearest_one_counts(desk: Desk) -> None:
    add_robot(desk.street, place_code=desk.street.code, url="https://qyapi.weixin.qq.com/robot?key=street")
    near = add_robot(
        desk.street, "https://qyapi.weixin.qq.com/robot?key=area", place_code=desk.street.areas[0]
    )
    own = add_robot(desk.street, "https://qyapi.weixin.qq.com/robot?key=own", user_id=desk.li.id)
    other = factories.make_user("handler", desk.street.units[1], "wang")
    desk.tell(NOON, desk.zhang, desk.li, other)
    desk.climb(NOON + timedelta(minutes=2))
    with desk.app.app_context():
        found = dict(
            db.session.execute(
                select(Delivery.user_id, Delivery.address_id).where(Delivery.channel == "wecom")
            ).all()
        )
    assert found[desk.zhang.id] == near
    assert found[desk.li.id] == own
    assert found[other.id] not in (near, own)


def test_the_watcher_sees_who_was_not_reached(desk: Desk) -> None:
    desk.robot(user_id=desk.li.id)
    left = factories.make_user("handler", desk.street.units[0], "gone", active=False)
    desk.tell(NOON, desk.zhang, desk.li, left)
    found = {row["user_id"]: row for row in desk.reach()}
    assert {row["state"] for row in found.values()} == {"waiting"}  # everybody has the time of the ladder
    assert ("web_push", "no_address") in {
        (rung["channel"], rung["state"]) for rung in found[desk.zhang.id]["rungs"]
    }
    assert [rung["channel"] for rung in found[desk.li.id]["rungs"]] == ["live", "web_push"]
    with desk.app.app_context():
        service.mark_shown(desk.street.code, desk.zhang.id, [desk.told()[0].id], NOON)
        db.session.commit()
    desk.acknowledge(NOON, desk.li)
    for hour in range(1, 24):
        desk.climb(NOON + timedelta(hours=hour))
    states = {row["user_id"]: row["state"] for row in desk.reach()}
    assert states == {desk.zhang.id: "shown", desk.li.id: "acknowledged", left.id: "not_reached"}
    live = next(row for row in desk.reach() if row["user_id"] == desk.zhang.id)["rungs"][0]
    assert (live["state"], live["at"]) == ("shown", NOON)


def test_what_rolls_back_was_never_told(desk: Desk) -> None:
    with desk.app.app_context():
        service.tell(
            street_code=desk.street.code,
            place_code=desk.street.code,
            recipients=[desk.zhang.id],
            kind="case.closed",
            subject_kind="case",
            subject_id=CASE,
            data={},
            urgent=False,
            now=NOON,
        )
        db.session.rollback()
    assert (desk.told(), desk.rungs()) == ([], [])


def test_a_street_with_a_ladder_of_its_own_climbs_that(desk: Desk) -> None:
    document = {
        "rungs": [{"channel": "wecom", "after_s": 60, "urgent_after_s": 0}],
        "give_up_after_s": 60,
        "quiet": {"from": "00:00", "until": "00:00"},
    }
    with desk.app.app_context():
        preferences.set_policy(desk.street.code, document, NOON)
        preferences.set_policy(desk.street.code, document, NOON)
        db.session.commit()
    desk.tell(NIGHT)
    assert desk.rungs() == []
    desk.climb(NIGHT + timedelta(seconds=60))
    assert desk.rungs() == [("wecom", "no_address")]
    desk.climb(NIGHT + timedelta(seconds=120))
    assert desk.told()[0].given_up_at is not None


def test_a_changed_order_in_the_middle_of_a_ladder_sends_nothing_twice(desk: Desk) -> None:
    desk.robot(user_id=desk.zhang.id)
    desk.tell(NOON)
    desk.climb(NOON + timedelta(minutes=2))
    with desk.app.app_context():
        preferences.change_settings(
            desk.street.code,
            desk.zhang.id,
            channel_order=["sms", "web_push", "wecom"],
            language="zh",
            quiet=None,
        )
        db.session.commit()
    desk.climb(NOON + timedelta(minutes=15))
    assert [channel for channel, _ in desk.rungs()].count("wecom") == 1
    assert desk.told()[0].rungs_used == 4


# --- the doors -------------------------------------------------------------------------------------------


@pytest.fixture
def zhang(desk: Desk) -> tuple[Any, dict[str, str]]:
    client = desk.app.test_client()
    return client, factories.sign_in(client, "zhang")


def test_the_inbox_pages_newest_first_and_counts_what_is_unread(desk: Desk, zhang: Any) -> None:
    client, headers = zhang
    now = clock.now() - timedelta(hours=1)
    for n in range(5):
        desk.tell(now + timedelta(minutes=n), subject=uuid7(NOON), number=f"CY-{n}")
    desk.tell(now, desk.li, subject=uuid7(NOON))
    seen, cursor = [], None
    while True:
        query = {"limit": 2, "lang": "en"} | ({"cursor": cursor} if cursor else {})
        page = client.get("/api/v1/notifications", query_string=query, headers=headers).json
        seen += page["items"]
        assert page["unread"] == 5
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert [item["data"]["number"] for item in seen] == [f"CY-{n}" for n in (4, 3, 2, 1, 0)]
    assert seen[0]["title"].startswith("New task: ")
    ids = [seen[0]["id"], str(uuid7()), str(desk.told(desk.li)[0].id)]
    for _ in range(2):
        answer = client.post("/api/v1/notifications/acks", json={"ids": ids}, headers=headers)
        assert answer.json == {"unread": 4}
    assert desk.told(desk.li)[0].acknowledged_at is None
    page = client.get("/api/v1/notifications?unread_only=true", headers=headers).json
    assert [item["data"]["number"] for item in page["items"]] == ["CY-3", "CY-2", "CY-1", "CY-0"]
    bad = client.get("/api/v1/notifications?cursor=bm9uZQ", headers=headers)
    assert bad.json["type"] == "/problems/bad-request"


def test_reading_the_newest_of_a_case_reads_the_older_ones(desk: Desk, zhang: Any) -> None:
    client, headers = zhang
    for n, kind in enumerate(("case.dispatched", "case.warned", "case.overdue")):
        desk.tell(NOON + timedelta(minutes=n), kind=kind)
    middle = desk.told()[1].id
    answer = client.post("/api/v1/notifications/acks", json={"ids": [str(middle)]}, headers=headers)
    assert answer.json == {"unread": 1}
    assert [row.acknowledged_at is not None for row in desk.told()] == [True, True, False]


def test_shown_on_the_page_is_noted_and_does_not_stop_the_ladder(desk: Desk, zhang: Any) -> None:
    client, headers = zhang
    desk.tell(clock.now())
    ids = [str(desk.told()[0].id)]
    for _ in range(2):
        answer = client.post("/api/v1/notifications/shown", json={"ids": ids}, headers=headers)
        assert answer.status_code == 204
    (row,) = desk.told()
    assert row.shown_at is not None
    assert row.next_rung_at is not None


SETTINGS = {"channel_order": ["wecom", "sms"], "language": "en", "quiet": {"from": "21:00", "until": "08:00"}}


def test_settings_are_kept_and_work_for_the_next_telling(
    desk: Desk, zhang: Any, owner_db: Connection
) -> None:
    client, headers = zhang
    usual = client.get("/api/v1/notification-settings", headers=headers).json
    assert usual["channel_order"] == ["web_push", "wecom", "sms"]
    assert usual["quiet"] == usual["street_quiet"] == {"from": "22:00", "until": "07:00"}
    for _ in range(2):
        kept = client.put("/api/v1/notification-settings", json=SETTINGS, headers=headers)
        assert kept.status_code == 200, kept.text
    assert kept.json["channel_order"] == ["wecom", "sms", "web_push"]
    assert kept.json["quiet"] == SETTINGS["quiet"]
    assert len(ledger(owner_db, "notify_settings.changed")) == 1
    desk.tell(datetime(2026, 11, 23, 21, 30, tzinfo=LOCAL))
    assert desk.told()[0].next_rung_at == datetime(2026, 11, 24, 8, tzinfo=LOCAL)
    back = client.put("/api/v1/notification-settings", json=SETTINGS | {"quiet": None}, headers=headers)
    assert back.json["quiet"] == {"from": "22:00", "until": "07:00"}
    assert len(ledger(owner_db, "notify_settings.changed")) == 2


def test_settings_name_only_what_reaches_the_person(desk: Desk, zhang: Any) -> None:
    client, headers = zhang

    def reached() -> Any:
        return client.get("/api/v1/notification-settings", headers=headers).json["reached_by"]

    assert reached() == []  # no robot, no gateway for text messages, no browser
    desk.robot(place_code=desk.street.code)
    assert reached() == ["wecom"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"quiet": {"from": "23:00", "until": "07:00"}}, "quiet"),
        ({"quiet": {"from": "22:00", "until": "7:00"}}, "quiet"),
        ({"quiet": {"from": "22:00", "until": "16:01"}}, "quiet"),
        ({"quiet": {"from": "00:00", "until": "00:00"}}, "quiet"),
        ({"channel_order": ["sms", "sms"]}, "channel_order"),
        ({"channel_order": ["live"]}, None),
        ({"language": "fr"}, None),
    ],
)
def test_settings_that_do_not_hold_are_refused(zhang: Any, change: dict[str, Any], field: str | None) -> None:
    client, headers = zhang
    answer = client.put("/api/v1/notification-settings", json=SETTINGS | change, headers=headers)
    assert answer.status_code == 422
    assert field is None or field in answer.json["errors"]
