"""The operator's commands for robots and policies: what they keep, refuse and never show."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import Connection, select, text

from app.notify.models import ChannelAddress, NotifyPolicy
from tests import factories

URL = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=693a91f6-kept4me"


def run(app: Flask, *arguments: str, typed: str = "") -> Result:
    return app.test_cli_runner().invoke(args=["notify", *arguments], input=typed)


def test_a_robot_is_kept_listed_without_its_key_replaced_and_turned_off(
    app: Flask, owner_db: Connection
) -> None:
    street = factories.make_street()
    for _ in range(2):
        added = run(app, "add-robot", "-", "--place", street.areas[0], typed=URL + "\n")
        assert added.exit_code == 0, added.output
    listed = run(app, "robots").output
    assert len(listed.splitlines()) == 1
    assert street.areas[0] in listed
    assert "kept4me" not in listed + added.output
    robot_id = listed.split()[0]
    assert run(app, "remove-robot", robot_id).exit_code == 0
    assert run(app, "remove-robot", robot_id).exit_code == 1
    assert owner_db.scalars(select(ChannelAddress.active)).all() == [False, False]
    rows = owner_db.scalars(
        text("select data from ledger_row where action = 'channel_address.changed'")
    ).all()
    assert len(rows) == 4
    assert "kept4me" not in json.dumps(rows)


@pytest.mark.parametrize(
    ("arguments", "typed", "said"),
    [
        (["--place", "nowhere"], URL, "no place with the code nowhere"),
        (["--user", "nobody"], URL, "nobody with the user name nobody"),
        ([], URL, "of one person or of one place"),
        (["--place", "x", "--user", "y"], URL, "of one person or of one place"),
        (["--place", "x"], "https://evil.example/kept4me", "not on the list"),
        (["--place", "x"], "http://qyapi.weixin.qq.com/kept4me", "Not an https address"),
    ],
)
def test_a_robot_that_will_not_do_is_refused(
    app: Flask, database: str, arguments: list[str], typed: str, said: str
) -> None:
    refused = run(app, "add-robot", "-", *arguments, typed=typed)
    assert refused.exit_code == 1
    assert said in refused.output
    assert "kept4me" not in refused.output


POLICY = {
    "rungs": [{"channel": "wecom", "after_s": 0, "urgent_after_s": 0}],
    "give_up_after_s": 600,
    "quiet": {"from": "21:00", "until": "08:00"},
}


def test_a_policy_is_kept_or_refused_with_its_reason(app: Flask, owner_db: Connection) -> None:
    street = factories.make_street().code
    assert run(app, "set-policy", street, "-", typed=json.dumps(POLICY)).exit_code == 0
    assert owner_db.scalar(select(NotifyPolicy.document)) == POLICY
    wrong: list[Any] = [POLICY | {"rungs": []}, [], 7]
    for document in wrong:
        refused = run(app, "set-policy", street, "-", typed=json.dumps(document))
        assert (refused.exit_code, "Nothing was changed." in refused.output) == (1, True)
    assert run(app, "set-policy", street, "-", typed="{").exit_code == 1
    assert "no street" in run(app, "set-policy", "310", "-", typed=json.dumps(POLICY)).output
    assert owner_db.scalar(select(NotifyPolicy.document)) == POLICY
