"""Group robots and text messages for real: what is sent, at what pace, and what an answer decides."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, select

from app.core import clock
from app.notify.models import ChannelAddress
from app.people.models import User
from config import SmsSettings
from tests import peer
from tests.integration.sending_office import Office
from tests.integration.test_notify import add_robot
from tests.peer import Peer, answer, wecom_answer


def test_a_robot_gets_twenty_messages_a_minute_and_none_is_lost(office: Office, outside: Peer) -> None:
    outside.behaviour = wecom_answer()
    robot = add_robot(office.street, outside.origin + "/robot?key=1", place_code=office.street.code)
    now = clock.now()
    people = [office.person() for _ in range(45)]
    for person in people:
        office.tell(person, now=now)
        office.queue(person, "wecom", robot, outside.origin)
    for seconds, count in ((0, 20), (30, 20), (61, 40), (90, 40), (122, 45)):
        office.send(now + timedelta(seconds=seconds))
        assert len(outside.received) == count, seconds
    assert set(office.states("wecom")) == {"sent"}
    assert {row.attempt for row in office.deliveries("wecom")} == {1}


def test_a_robot_names_the_person_and_keeps_to_its_size(office: Office, outside: Peer) -> None:
    outside.behaviour = wecom_answer()
    wang = office.person(phone="138 0000 0000")
    robot = add_robot(office.street, outside.origin + "/robot?key=1", user_id=wang.id)
    office.set_up(wecom_mention_phones=True)
    office.monkeypatch.setattr("app.notify.words.LONGEST_VALUE", 2000)
    office.tell(wang, data={"place_zh": "很长的地名" * 300})
    office.queue(wang, "wecom", robot, outside.origin)
    office.send()
    body = json.loads(outside.received[0].body)
    assert body["msgtype"] == "text"
    assert body["text"]["content"].startswith(f"{wang.display_name}：新任务：跨门营业\n很长的地名")
    assert len(body["text"]["content"].encode()) <= 2048
    assert body["text"]["mentioned_mobile_list"] == ["13800000000"]
    assert outside.received[0].path == "/robot?key=1"


@pytest.mark.parametrize(
    ("behaviour", "state", "error", "active"),
    [
        (wecom_answer(0), "sent", "", True),
        (wecom_answer(45009), "pending", "the robot answered errcode 45009", True),
        (wecom_answer(-1), "pending", "the robot answered errcode -1", True),
        (wecom_answer(93000), "gone", "the robot answered errcode 93000", False),
        (wecom_answer(40008), "failed", "the robot answered errcode 40008", True),
        (wecom_answer("true"), "failed", "the robot answered errcode None", True),
        (answer(200, b"<html>"), "failed", "the robot answered errcode None", True),
        (answer(502), "pending", "the robot answered 502", True),
    ],
)
def test_a_robots_errcode_decides(
    office: Office,
    outside: Peer,
    owner_db: Connection,
    *,
    behaviour: peer.Behaviour,
    state: str,
    error: str,
    active: bool,
) -> None:
    outside.behaviour = behaviour
    wang = office.person()
    robot = add_robot(office.street, outside.origin + "/robot?key=1", user_id=wang.id)
    office.tell(wang)
    office.queue(wang, "wecom", robot, outside.origin)
    office.send()
    (row,) = office.deliveries("wecom")
    assert (row.state, row.error) == (state, error)
    assert owner_db.scalar(select(ChannelAddress.active)) is active


def sms(office: Office, **settings: Any) -> User:
    office.set_up(sms=SmsSettings(**settings))
    wang = office.person(phone="+86 138-0000-0000")
    office.tell(wang, data={"class_zh": 'A"&{phone}'})
    office.queue(wang, "sms", wang.id, "sms")
    return wang


def test_a_text_goes_out_as_json_with_what_the_gateway_wants(office: Office, outside: Peer) -> None:
    outside.behaviour = answer(200, b'{"code": "OK"}')
    sms(
        office,
        url=outside.origin + "/sms",
        body={"to": ["{phone}"], "msg": {"text": "【铁脚板】{text}"}, "type": 1},
        headers={"Authorization": "Bearer word"},
        success='"code": "OK"',
    )
    office.send()
    assert office.states("sms") == ["sent"]
    (got,) = outside.received
    assert got.headers["authorization"] == "Bearer word"
    assert json.loads(got.body) == {
        "to": ["+8613800000000"],
        "msg": {"text": '【铁脚板】新任务：A"&{phone} 编号CY-1。点开接单，或写明理由退回。'},
        "type": 1,
    }


def test_a_text_goes_out_as_a_form_or_in_the_address(office: Office, outside: Peer) -> None:
    sms(office, url=outside.origin + "/sms", format="form", body={"m": "{phone}", "t": "{text}"})
    office.send()
    assert outside.received[0].body.startswith(b"m=%2B8613800000000&t=%E6%96%B0")
    assert outside.received[0].headers["content-type"] == "application/x-www-form-urlencoded"
    sms(office, url=outside.origin + "/sms?to={phone}&t={text}", method="GET")
    office.send()
    assert outside.received[1].path.startswith("/sms?to=%2B8613800000000&t=%E6%96%B0")
    assert (outside.received[1].method, outside.received[1].body) == ("GET", b"")


@pytest.mark.parametrize(
    ("behaviour", "state", "error"),
    [
        (answer(200, b"balance too low"), "failed", "the gateway did not say that it took the message"),
        (answer(401), "failed", "the gateway answered 401"),
        (answer(429, Retry_After="30"), "pending", "the gateway answered 429"),
        (answer(500), "pending", "the gateway answered 500"),
        (peer.close_at_once, "pending", "broken: RemoteDisconnected"),
    ],
)
def test_a_gateway_must_say_that_it_took_the_text(
    office: Office,
    outside: Peer,
    caplog: pytest.LogCaptureFixture,
    *,
    behaviour: peer.Behaviour,
    state: str,
    error: str,
) -> None:
    outside.behaviour = behaviour
    caplog.set_level("DEBUG")
    sms(office, url=outside.origin + "/{phone}", body={"t": "{text}"}, success="^OK")
    office.send()
    (row,) = office.deliveries("sms")
    assert (row.state, row.error) == (state, error)
    assert "1380000" not in caplog.text + row.error


def test_who_has_no_number_that_can_be_dialled_is_not_texted(office: Office, outside: Peer) -> None:
    office.set_up(sms=SmsSettings(url=outside.origin + "/{phone}/{text}"))
    wang = office.person(phone="ask at the desk")
    office.tell(wang)
    office.queue(wang, "sms", wang.id, "sms")
    office.send()
    assert (office.states("sms"), outside.received) == (["gone"], [])
