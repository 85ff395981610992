"""What people do in front of the browsers, and what a supervisor asks the API meanwhile."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import combinations
from typing import Any

from playwright.sync_api import Page, expect

from app.core import clock
from app.core.geo import distance_m
from app.core.ids import uuid7
from tests.e2e.conftest import PASSWORD, Stack

WITHIN_S = 25


def eventually(question: Callable[[], Any], what: str) -> Any:
    """Ask again until the answer is true; the answer."""
    deadline = time.monotonic() + WITHIN_S
    while True:
        answer = question()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"{what} did not come about"
        time.sleep(0.2)


@dataclass
class Plan:
    """A round whose window is open now, with its stops in walking order."""

    name: str
    stops: list[dict[str, Any]]


def plan_round(stack: Stack, name: str, stops: int, number: int = 1) -> Plan:
    """What an administrator does to have a round of patrol *number* walked now, in grid unit *number*:
    a route and a schedule of one occurrence.
    """
    unit = f"310107005-G{number}"
    spots = stack.call("admin1", "GET", f"/api/v1/checkpoints?place={unit}")["items"]
    outside = [spot for spot in spots if spot["kind"] not in {"lift", "basement", "stairwell"}]
    # the two that are closest come first, so that nobody walks long between them
    close = min(combinations(outside, 2), key=lambda pair: _between(*pair))
    chosen = [*close, *(spot for spot in outside if spot not in close)][:stops]
    staff = stack.call("admin1", "GET", f"/api/v1/staff?place={unit}")["items"]
    walker = next(person for person in staff if person["username"] == f"patrol{number}")
    route_id = str(uuid7())
    stack.call(
        "admin1",
        "POST",
        "/api/v1/routes",
        {
            "id": route_id,
            "name": name,
            "name_en": "Evening round",
            "place_code": unit,
            "ordered": True,
            "checkpoint_ids": [spot["id"] for spot in chosen],
        },
    )
    opens = clock.now().astimezone(clock.SHANGHAI) - timedelta(minutes=10)
    stack.call(
        "admin1",
        "POST",
        "/api/v1/schedules",
        {
            "id": str(uuid7()),
            "route_id": route_id,
            "assignee_id": walker["id"],
            "starts_at_local": f"{opens:%Y-%m-%dT%H:%M}",
            "recurrence": "FREQ=DAILY;COUNT=1",
            "window_minutes": 180,
        },
    )
    return Plan(name, chosen)


def _between(one: dict[str, Any], other: dict[str, Any]) -> float:
    return distance_m(one["lat"], one["lon"], other["lat"], other["lon"])


def board_round(stack: Stack, plan: Plan) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The round and its check-ins as the board has them."""
    days = (clock.now() - timedelta(minutes=10), clock.now())
    for on in {f"{day.astimezone(clock.SHANGHAI):%Y-%m-%d}" for day in days}:
        board = stack.call("admin1", "GET", f"/api/v1/board?on={on}")
        for row in board["rounds"]:
            if row["route_name"] == plan.name:
                return row, [c for c in board["check_ins"] if c["round_id"] == row["id"]]
    raise AssertionError("the round is not on the board")


def sign_in(page: Page, username: str, path: str) -> None:
    page.goto(path)
    page.locator("input[name=username]").fill(username)
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("form button.primary").click()


def go_on_duty(stack: Stack, page: Page, username: str) -> None:
    """Sign in to the field app and be on duty, unless another test has left *username* so."""
    on_duty = stack.call(username, "GET", "/api/v1/field/feed")["shift"] is not None
    sign_in(page, username, "/field/")
    if not on_duty:
        page.get_by_test_id("start-shift").click()
    page.get_by_test_id("end-shift").wait_for()
    expect(page.get_by_test_id("unsent")).to_contain_text(re.compile("全部已上传|All sent"))


def go_off_duty(page: Page) -> None:
    """End the shift, so that the next test finds the person as it expects them."""
    page.context.set_offline(False)
    page.goto("/field/")
    page.get_by_test_id("end-shift").click()
    page.get_by_test_id("end-shift-sure").click()
    page.get_by_test_id("start-shift").wait_for()
    expect(page.get_by_test_id("unsent")).to_contain_text(re.compile("全部已上传|All sent"))


def settings_of(stack: Stack, username: str) -> dict[str, Any]:
    """How *username* is told."""
    return dict(stack.call(username, "GET", "/api/v1/notification-settings"))


@contextmanager
def settings_kept(stack: Stack, username: str) -> Iterator[dict[str, Any]]:
    """How *username* is told; as it was again when the test is over."""
    before = settings_of(stack, username)
    try:
        yield before
    finally:
        own = before["quiet"] if before["quiet"] != before["street_quiet"] else None
        kept = {"channel_order": before["channel_order"], "language": before["language"], "quiet": own}
        stack.call(username, "PUT", "/api/v1/notification-settings", kept)
