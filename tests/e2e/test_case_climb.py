"""A case that nobody takes on climbs until a named person watches over it, rung by the worker of a running
installation; the watcher can neither check it nor close it before somebody else has checked."""

from __future__ import annotations

from typing import Any

import psycopg
from playwright.sync_api import expect

from tests.e2e.conftest import Stack
from tests.e2e.handset import Handset
from tests.e2e.steps import eventually
from tests.e2e.test_case_console import TRADE, at_console, refused, send, state_of, take_step

UNIT = "310107005-G4"
CHAIN = 8  # more than the demo street's policy has steps from 点到人 to 盯到人


def hurry(stack: Stack, case_id: str) -> None:
    """Let the time to accept be over now, instead of in half an hour."""
    lines = (stack.var / "env").read_text(encoding="utf-8").splitlines()
    found = next(line for line in lines if "DATABASE_URL=" in line and "OWNER_" not in line)
    address = found.partition("=")[2].strip("'\"").replace("+psycopg", "")
    with psycopg.connect(address) as connection:
        connection.execute(
            "update timer set due_at = now(), try_at = now() where subject_id = %s"
            " and kind = 'case.acknowledge' and state = 'pending'",
            [case_id],
        )


def username_of(stack: Stack, person_id: str) -> str:
    staff = stack.call("admin1", "GET", "/api/v1/staff")["items"]
    return next(str(one["username"]) for one in staff if one["id"] == person_id)


def part(case: dict[str, Any], name: str) -> str:
    return next(str(one["person"]["id"]) for one in case["people"] if one["part"] == name)


def climbed(stack: Stack, case_id: str) -> list[str]:
    """Let nobody act until the case is watched; its modes in the order in which it had them."""
    modes = [state_of(stack, case_id)["mode"]]
    for _ in range(CHAIN):
        if modes[-1] == "watch":
            break
        version = state_of(stack, case_id)["version"]
        hurry(stack, case_id)
        eventually(lambda: state_of(stack, case_id)["version"] > version, "the next step")  # noqa: B023
        mode = state_of(stack, case_id)["mode"]
        modes += [] if mode == modes[-1] else [mode]
    return modes


def test_ignored_until_it_is_watched(stack: Stack, people: Any) -> None:
    spot = stack.call("admin1", "GET", f"/api/v1/checkpoints?place={UNIT}")["items"][0]
    case_id = Handset(stack, "patrol1").report(TRADE, spot["lat"], spot["lon"], text="一直没人来")
    leader = at_console(people, "leader1", f"/cases/{case_id}")
    expect(leader.page.get_by_test_id("timeline")).to_contain_text("派单")
    assert climbed(stack, case_id) == ["point", "assign", "watch"]
    expect(leader.page.get_by_test_id("timeline")).to_contain_text("盯到人")  # without a touch
    leader.page.set_viewport_size({"width": 1440, "height": 2400})
    leader.picture("climb-1-leader")

    case = state_of(stack, case_id)
    owner = Handset(stack, username_of(stack, case["owner"]["id"]))
    owner.accept(case_id)
    owner.resolve(case_id, "收进去了")
    watcher = at_console(people, username_of(stack, part(case, "watcher")), f"/cases/{case_id}")
    expect(watcher.page.get_by_test_id("hint")).to_contain_text("核查通过以后才能结案")
    for step in ("close", "verify"):
        expect(watcher.page.get_by_test_id(f"do-{step}")).to_have_count(0)
    name = username_of(stack, part(case, "watcher"))
    assert refused(stack, name, f"/api/v1/cases/{case_id}/closing") == 409
    watcher.picture("climb-2-watcher-waits")
    desk = at_console(people, "dispatcher2", f"/cases/{case_id}")
    take_step(desk.page, "verify")
    desk.page.get_by_test_id("verdict-yes").check()
    send(desk.page)
    take_step(watcher.page, "close", "核查过了，结案。")
    send(watcher.page)
    expect(watcher.page.get_by_test_id("state")).to_have_text("已结案")
    watcher.picture("climb-3-closed")
