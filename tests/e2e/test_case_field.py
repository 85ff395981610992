"""A patroller photographs a problem without network; it becomes one case, with its photos. The person on
duty takes it on, walks there, puts it right and shows it; another person looks and verifies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import PHONE, ROOT, Person, Stack
from tests.e2e.steps import WITHIN_S, eventually, go_off_duty, go_on_duty, sign_in

PHOTOS = ROOT / "tests" / "data" / "photos"
STALL = "M-09005"  # 跨门营业
WITHIN_MS = WITHIN_S * 1000
OnDuty = Callable[[str, tuple[float, float]], Person]


def _spot(stack: Stack, unit: str) -> tuple[float, float]:
    """A spot of the unit where no other test reports anything: it would be joined."""
    spots = stack.call("admin1", "GET", f"/api/v1/checkpoints?place={unit}")["items"]
    return spots[-1]["lat"], spots[-1]["lon"]


def _cases(stack: Stack, address: str) -> list[dict[str, Any]]:
    """The cases at *address* as the board has them, live and ended."""
    found = []
    for view in ("live", "ended"):
        board = stack.call("leader1", "GET", f"/api/v1/cases?view={view}&limit=200")
        found += [card for card in board["items"] if card["address"] == address]
    return found


@pytest.fixture
def on_duty(stack: Stack, people: Callable[..., Person]) -> Iterator[OnDuty]:
    """Makes people on duty at a spot, with all on the phone that it needs without network."""
    made: list[Person] = []

    def make(username: str, at: tuple[float, float]) -> Person:
        person: Person = people(PHONE, "zh-CN")
        person.stand_at(*at)
        with person.page.expect_response("**/api/v1/catalogue"):
            go_on_duty(stack, person.page, username)
        person.page.evaluate("navigator.serviceWorker.ready.then(() => null)")
        expect(person.page.get_by_test_id("recording")).to_contain_text("正在记录位置")
        made.append(person)
        return person

    yield make
    for person in made:
        go_off_duty(person.page)


def _fill_in(page: Page, address: str, photos: list[str], search: str = "kmyy") -> None:
    """The form of a report: photos, the class by its initials, the address."""
    page.get_by_test_id("report").first.click()
    page.get_by_test_id("files-before").set_input_files([PHOTOS / name for name in photos])
    expect(page.get_by_test_id("taken")).to_have_count(len(photos))
    page.get_by_test_id("pick-class").click()
    page.get_by_test_id("class-search").fill(search)
    page.get_by_test_id("class").first.click()
    page.get_by_test_id("address").fill(address)


def _reopen(person: Person) -> Page:
    """The page is killed, without a word, and opened again."""
    person.page.close()
    page = person.context.new_page()
    page.on("pageerror", lambda error: person.faults.append(str(error)))
    page.goto("/field/")
    person.page = page
    return page


def test_a_report_without_network_is_one_case_with_its_photos(stack: Stack, on_duty: OnDuty) -> None:
    address = "曹杨路 100 号"
    patroller = on_duty("patrol1", _spot(stack, "310107005-G1"))
    page = patroller.page
    patroller.context.set_offline(True)
    _fill_in(page, address, ["own_rubbish_gps.jpg", "own_bikes_orient6.jpg"])
    patroller.picture("case-1-form-offline")

    page = _reopen(patroller)  # the camera had the phone throw the page away
    page.get_by_test_id("report").click()
    expect(page.get_by_test_id("resumed")).to_be_visible()
    expect(page.get_by_test_id("taken")).to_have_count(2)
    expect(page.get_by_test_id("address")).to_have_value(address)
    page.get_by_test_id("send-report").dblclick()
    expect(page.get_by_test_id("receipt")).to_contain_text("已记录，等网络恢复自动上报")
    expect(page.get_by_test_id("unsent")).to_contain_text("2 张照片")
    patroller.picture("case-2-kept-offline")
    assert _cases(stack, address) == []

    page = _reopen(patroller)
    patroller.context.set_offline(False)
    expect(page.get_by_test_id("unsent")).to_contain_text("全部已上传", timeout=WITHIN_MS)
    page.goto("/field/reports")
    case = _cases(stack, address)
    assert len(case) == 1
    expect(page.get_by_test_id("case").filter(has_text=case[0]["number"])).to_be_visible()
    patroller.picture("case-3-reported")
    _photos_have_arrived(stack, case[0]["id"], 2)


def _photos_have_arrived(stack: Stack, case_id: str, count: int) -> None:
    def arrived() -> bool:
        photos = stack.call("leader1", "GET", f"/api/v1/cases/{case_id}")["photos"]
        return len(photos) == count and all(photo["state"] in {"stored", "ready"} for photo in photos)

    eventually(arrived, "the photos")


def test_from_report_to_closed_by_three_people(
    stack: Stack, on_duty: OnDuty, people: Callable[..., Person]
) -> None:
    address = "曹杨路 200 号"
    spot = _spot(stack, "310107005-G2")
    handler = on_duty("handler1", (spot[0] + 0.0007, spot[1]))  # 78 m away
    patroller = on_duty("patrol2", spot)
    page = patroller.page
    _fill_in(page, address, ["own_stall_far.jpg"])
    page.get_by_test_id("send-report").click()
    expect(page.get_by_test_id("receipt")).to_contain_text("已上报 CY", timeout=WITHIN_MS)
    patroller.picture("case-4-receipt")
    case = _cases(stack, address)[0]
    assert case["class_key"] == STALL

    _handle(stack, handler, case, spot)
    _verify(stack, people, case["id"])
    page.goto(f"/field/cases/{case['id']}")
    expect(page.get_by_test_id("state")).to_contain_text("已结案", timeout=WITHIN_MS)
    expect(page.get_by_test_id("case-photos")).to_contain_text("处置后")
    patroller.picture("case-9-reporter-sees-the-end")
    timeline = [e["step"] for e in stack.call("leader1", "GET", f"/api/v1/cases/{case['id']}")["events"]]
    assert timeline.count("accept") == timeline.count("resolve") == timeline.count("verify_pass") == 1
    assert "arrive" in timeline


def _handle(stack: Stack, handler: Person, case: dict[str, Any], spot: tuple[float, float]) -> None:
    """The one on duty accepts, walks there (on scene by position), resolves with a photo."""

    page = handler.page

    def state() -> str:
        return str(stack.call("leader1", "GET", f"/api/v1/cases/{case['id']}")["state"])

    page.goto("/field/cases")
    task = page.get_by_test_id("tasks").get_by_test_id("case").filter(has_text=case["number"])
    expect(task).to_contain_text("接单还剩", timeout=WITHIN_MS)
    handler.picture("case-5-tasks")
    task.click()
    expect(page.get_by_test_id("case-photos").get_by_test_id("picture").first).to_be_visible()
    handler.picture("case-6-case")
    page.get_by_test_id("step-accept").click()
    expect(page.get_by_test_id("state")).to_contain_text("已接单")
    page.get_by_test_id("way").click()
    assert "coordinate=gaode" in (page.get_by_test_id("way-amap").get_attribute("href") or "")
    handler.picture("case-7-way")
    page.keyboard.press("Escape")
    eventually(lambda: state() == "acknowledged", "the acceptance")
    handler.ride_to(*spot)
    # A position is kept every 3 s; they leave the phone when it is full, or when it goes into the pocket
    for north in (0.0001, 0.0, 0.0001):
        page.wait_for_timeout(3_100)
        handler.stand_at(spot[0] + north, spot[1])
    page.wait_for_timeout(500)
    handler.pocket()
    eventually(lambda: state() == "on_scene", "the arrival")
    page.get_by_test_id("step-resolve").click()
    page.get_by_test_id("files-after").set_input_files(PHOTOS / "own_ebike_lift_nogps.jpg")
    page.get_by_test_id("step-text").fill("已收回店内")
    handler.picture("case-8-resolve")
    page.get_by_test_id("step-sure").click()
    expect(page.get_by_test_id("state")).to_contain_text("待核查")
    eventually(lambda: state() == "resolved", "the end of the work")


def _verify(stack: Stack, people: Callable[..., Person], case_id: str) -> None:
    """Who did not take part looks, with before and after beside each other, and closes it."""
    checker: Person = people(PHONE, "zh-CN")
    page = checker.page
    sign_in(page, "supervisor1", "/field/")
    expect(page.get_by_test_id("tab-cases")).to_be_visible()
    page.goto(f"/field/cases/{case_id}")
    expect(page.get_by_test_id("case-photos")).to_contain_text("处置前")
    expect(page.get_by_test_id("case-photos").get_by_test_id("picture")).to_have_count(2)
    checker.picture("case-8-verify")
    page.get_by_test_id("step-verify_pass").click()
    page.get_by_test_id("step-sure").click()
    closed = lambda: stack.call("leader1", "GET", f"/api/v1/cases/{case_id}")["state"] == "closed"  # noqa: E731
    eventually(closed, "the verification")


def test_somebody_has_reported_it_already(stack: Stack, on_duty: OnDuty) -> None:
    """The second report of the same thing joins the case, with its photo, also without network."""
    address = "曹杨路 300 号"
    spot = _spot(stack, "310107005-G3")
    first = on_duty("patrol3", spot)
    page = first.page
    _fill_in(page, address, ["own_rubbish_gps.jpg"])
    page.get_by_test_id("send-report").click()
    expect(page.get_by_test_id("receipt")).to_contain_text("已上报 CY", timeout=WITHIN_MS)

    page.goto("/field/")
    expect(page.get_by_test_id("unsent")).to_contain_text("全部已上传")
    first.context.set_offline(True)
    _fill_in(page, "", ["own_stall_far.jpg"])
    page.get_by_test_id("send-report").click()
    near = page.get_by_test_id("near").first
    expect(near).to_contain_text(address)
    first.picture("case-near")
    near.get_by_test_id("join").click()
    expect(page.get_by_test_id("receipt")).to_contain_text("已记录")
    first.context.set_offline(False)
    number = _cases(stack, address)[0]["number"]
    expect(page.get_by_test_id("receipt")).to_contain_text(f"已加入案件 {number}", timeout=WITHIN_MS)
    first.picture("case-joined")
    page.get_by_test_id("receipt-look").click()
    expect(page.get_by_text(number)).to_be_visible()
    case = _cases(stack, address)
    assert [one["reports"] for one in case] == [1]  # no second case; and one person counts once
    _photos_have_arrived(stack, case[0]["id"], 2)


def test_put_right_on_the_spot(stack: Stack, people: Callable[..., Person]) -> None:
    """即查即改: a photo before and one after, and the case is closed at once; a pin says where it was."""
    address = "曹杨路 400 号"
    patroller: Person = people(PHONE, "zh-CN")
    page = patroller.page
    with page.expect_response("**/api/v1/catalogue"):
        sign_in(page, "patrol4", "/field/")
    expect(page.get_by_test_id("report")).to_be_visible()  # not on duty: no position is read
    page.get_by_test_id("report").click()
    page.get_by_test_id("fixed").check()
    heic = PHOTOS / "own_stall.heic"  # no browser but Apple's reads it: it goes as it is
    page.get_by_test_id("files-before").set_input_files(heic)
    page.get_by_test_id("files-after").set_input_files(PHOTOS / "landscape_6.jpg")
    expect(page.get_by_test_id("taken")).to_have_count(2)
    page.get_by_test_id("pick-class").click()
    page.get_by_test_id("class-search").fill("跨门")
    page.get_by_test_id("class").first.click()
    page.get_by_test_id("address").fill(address)
    page.get_by_test_id("send-report").click()
    expect(page.get_by_text("还不知道在哪里")).to_be_visible()
    patroller.picture("case-nowhere")
    page.get_by_test_id("nowhere-pin").click()
    expect(page.locator("canvas")).to_be_visible()
    patroller.picture("case-pin")
    page.get_by_test_id("pin-sure").click()
    patroller.picture("case-fixed-form")
    page.get_by_test_id("send-report").click()
    expect(page.get_by_test_id("receipt")).to_contain_text("已上报并结案 CY", timeout=WITHIN_MS)
    case = _cases(stack, address)
    assert [(one["state"], one["fixed_on_spot"]) for one in case] == [("closed", True)]
    _photos_have_arrived(stack, case[0]["id"], 2)


def test_a_report_from_nowhere_is_asked_about_and_goes_all_the_same(
    stack: Stack, people: Callable[..., Person]
) -> None:
    """On duty without a position and without network: one question, and the case says that it is vague."""
    address = "曹杨路 500 号"
    patroller: Person = people(PHONE, "zh-CN")  # stands nowhere: the phone finds no position
    page = patroller.page
    with page.expect_response("**/api/v1/catalogue"):
        go_on_duty(stack, page, "patrol5")
    patroller.context.set_offline(True)
    _fill_in(page, address, ["own_stall_far.jpg"])
    page.get_by_test_id("send-report").click()
    expect(page.get_by_test_id("nowhere")).to_contain_text("还不知道在哪里")
    patroller.picture("case-nowhere-on-duty")
    page.get_by_test_id("nowhere-send").click()
    expect(page.get_by_test_id("receipt")).to_contain_text("已记录")
    patroller.context.set_offline(False)
    expect(page.get_by_test_id("receipt")).to_contain_text("已上报 CY", timeout=WITHIN_MS)
    case = _cases(stack, address)[0]
    vague = f"位置不准（约 {round(case['accuracy_m'])} 米）"
    page.get_by_text("看这个案件").click()
    expect(page.get_by_test_id("vague")).to_contain_text(vague)
    patroller.picture("case-vague")
    page.get_by_test_id("way").click()
    expect(page.get_by_test_id("way-vague")).to_contain_text(vague)
    patroller.picture("case-vague-way")
    page.locator("dialog .cross").click()
    page.goto("/field/")
    go_off_duty(page)
