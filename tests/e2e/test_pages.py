"""Every page of both apps, in the sizes and languages that it is seen in, after a day on the demo street: pictures to be
looked at, and what a machine can judge: words, sizes, contrast, targets, nothing cut, nothing complained of."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect

from app.core import clock
from app.core.ids import uuid7
from tests.e2e.conftest import DESKTOP, PHONE, PICTURES, ROOT, Stack
from tests.e2e.steps import Plan, plan_round, sign_in

CHECKS = Path(__file__).with_name("page_checks.js").read_text(encoding="utf-8")
NARROW = {"width": 360, "height": 740}
KEYS = {
    key
    for file in (ROOT / "pwa" / "src" / "messages").glob("*.json")
    for key in json.loads(file.read_text(encoding="utf-8"))
}
KEY_LIKE = re.compile(r"\b[a-z_]+\.[a-z_.]+\b")
CHINESE = re.compile(r"[\u3400-\u9fff]+")
REJECTED, ACCEPTED = "离点位两百米，请说明。", "已电话核实，人在现场。"
# How one asks for Chinese, in whatever language; what a person wrote; and what the app said in passing
# before the language was changed
OWN_WORDS = {"中文", REJECTED, ACCEPTED, "已接单，已记下", "已记下跳过原因"}
WAKE_LOCK = (
    "if (navigator.wakeLock) navigator.wakeLock.request = async () => ({ released: false, release() {} })"
)
LOADING = re.compile("正在打开地图|Opening the map|正在读取|Loading")


# What another tab would say whose language was changed
SPEAK = "lang => dispatchEvent(new StorageEvent('storage', { key: 'ironfeet.language', newValue: lang }))"


class Album:
    """Takes the pictures of one app in both languages and notes what is wrong."""

    def __init__(self, app: str, page: Page, data: set[str]) -> None:
        self.app, self.page, self.lang = app, page, "zh"
        self.data = sorted(data | OWN_WORDS, key=len, reverse=True)
        self.wrong: list[str] = []
        page.on("pageerror", lambda error: self.wrong.append(f"page error: {error}"))
        page.on("console", self._console)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.wrong.append(f"console: {message.text}")

    def take(self, name: str) -> None:
        """Pictures of what is shown in the size that the app is made for, in Chinese in the other one, too; and
        of the field app the hardest case, large text on the narrowest phone.
        """
        expect(self.page.get_by_text(LOADING)).to_have_count(0)
        own = {"phone": PHONE} if self.app == "field" else {"desktop": DESKTOP}
        self._take_in("en", name, own)
        self._take_in("zh", name, {"desktop": DESKTOP, "phone": PHONE} | own)
        self._resize(own.popitem()[1])

    def _take_in(self, lang: str, name: str, sizes: dict[str, dict[str, int]]) -> None:
        self.lang = lang
        self.page.evaluate(SPEAK, lang)
        for size, viewport in sizes.items():
            self._resize(viewport)
            self.page.screenshot(path=PICTURES / f"{self.app}-{name}-{size}-{self.lang}.png")
            self._judge(f"{name}, {size}", targets=size == "phone" and self.app == "field")
        if self.app == "field":
            self._resize(NARROW)
            self.page.evaluate("document.documentElement.classList.add('large-text')")
            self._judge(f"{name}, narrow and large", targets=True)
            self.page.screenshot(path=PICTURES / f"{self.app}-{name}-large-{self.lang}.png")
            self.page.evaluate("document.documentElement.classList.remove('large-text')")

    def _resize(self, viewport: dict[str, int]) -> None:
        self.page.set_viewport_size({"width": viewport["width"], "height": viewport["height"]})
        self.page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def _judge(self, where: str, *, targets: bool) -> None:
        found = self.page.evaluate(CHECKS, {"targets": targets})
        self.wrong += [f"{self.app} {where} {self.lang}: {problem}" for problem in found["problems"]]
        for text in found["texts"]:
            if KEYS & set(KEY_LIKE.findall(text)):
                self.wrong.append(f"{self.app} {where} {self.lang}: a key instead of words: {text}")
            if self.lang == "en" and self._has_chinese_words(text):
                self.wrong.append(f"{self.app} {where} {self.lang}: not English: {text}")

    def _has_chinese_words(self, text: str) -> bool:
        for known in self.data:
            text = text.replace(known, "")
        return CHINESE.search(text) is not None

    def close(self) -> None:
        """End with everything that was wrong, each once."""
        assert not self.wrong, "\n".join(dict.fromkeys(self.wrong))


def chinese_data(found: Any) -> set[str]:
    """Chinese texts in an answer of the API that have no English beside them."""
    if isinstance(found, list):
        return set().union(*map(chinese_data, found))
    if not isinstance(found, dict):
        return set()
    own = {
        value
        for key, value in found.items()
        if isinstance(value, str) and CHINESE.search(value) and not found.get(f"{key}_en")
    }
    return own.union(*map(chinese_data, found.values()))


@pytest.fixture(scope="module")
def day(stack: Stack) -> set[str]:
    """A day on the demo street has been played; Chinese texts of its data that have no English."""
    played = stack.flask("demo", "play", "--base-url", stack.base_url)
    assert played.returncode == 0, played.stdout + played.stderr
    PICTURES.mkdir(parents=True, exist_ok=True)
    now = clock.now().astimezone(clock.SHANGHAI)
    boards = [f"/board?on={day:%Y-%m-%d}" for day in (now, now - timedelta(days=1))]
    asked = ["/places", "/checkpoints?place=310107005", "/staff", *boards, "/routes", "/schedules"]
    data = chinese_data([stack.call("leader1", "GET", f"/api/v1{path}") for path in asked])
    for state in ("open", "decided"):
        data |= chinese_data(stack.call("leader1", "GET", f"/api/v1/reviews?state={state}"))
    return data | chinese_data(stack.call("patrol1", "GET", "/api/v1/field/feed"))


def decide(stack: Stack, which: Callable[[dict[str, Any]], bool], decision: str, note: str) -> None:
    """supervisor1 decides the first open check-in that *which* is true for."""
    items = stack.call("supervisor1", "GET", "/api/v1/reviews?state=open")["items"]
    proof_id = next(item["proof_id"] for item in items if which(item))
    body = {"id": str(uuid7()), "decision": decision, "note": note}
    stack.call("supervisor1", "POST", f"/api/v1/reviews/{proof_id}/decisions", body)


@pytest.fixture
def album(browser: Browser, stack: Stack, day: set[str]) -> Iterator[Callable[[str, dict[str, int]], Album]]:
    """Makes an album of an app, of a browser that opens in a size."""
    contexts: list[BrowserContext] = []

    def make(app: str, size: dict[str, int]) -> Album:
        context = browser.new_context(
            base_url=stack.base_url,
            viewport={"width": size["width"], "height": size["height"]},
            locale="zh-CN",
            timezone_id="Asia/Shanghai",
            reduced_motion="reduce",
            permissions=["geolocation", "camera"],
            has_touch=size == PHONE,
        )
        context.set_default_timeout(15_000)
        context.add_init_script(WAKE_LOCK)
        contexts.append(context)
        return Album(app, context.new_page(), day)

    yield make
    for context in contexts:
        context.close()


@pytest.mark.parametrize(("app", "lang", "says"), [("console", "en", "Sign in"), ("field", "zh", "登录")])
def test_the_language_is_that_of_last_time_and_follows_another_tab(
    browser: Browser, stack: Stack, app: str, lang: str, says: str
) -> None:
    """And the next tab follows in its turn."""
    context = browser.new_context(base_url=stack.base_url)
    one, other = context.new_page(), context.new_page()
    one.goto(f"/{app}/")
    one.evaluate("lang => localStorage.setItem('ironfeet.language', lang)", lang)
    one.reload()
    expect(one.locator("form button.primary")).to_contain_text(says)
    other.goto(f"/{app}/")
    other.get_by_role("button", name={"en": "中文", "zh": "English"}[lang], exact=True).first.click()
    expect(one.locator("form button.primary")).to_contain_text({"en": "登录", "zh": "Sign in"}[lang])
    context.close()


def test_console_pages(stack: Stack, album: Callable[..., Album]) -> None:
    """All pages of the console stand as they should."""
    pictures = album("console", DESKTOP)
    decide(stack, lambda _: True, "accepted", ACCEPTED)
    page = pictures.page
    page.goto("/console/")
    expect(page.locator("input[name=username]")).to_be_visible()
    pictures.take("sign-in")
    sign_in(page, "supervisor1", "/console/")
    _today(pictures)
    page.goto("/console/reviews")
    page.locator(".queue .item").first.wait_for()
    pictures.take("reviews")
    page.locator(".segments button").nth(1).click()
    page.locator(".queue .item").first.wait_for()
    pictures.take("reviews-decided")
    page.goto("/console/plan")
    page.locator("article.route").first.wait_for()
    pictures.take("plan")
    page.locator("article.route").first.locator(".row button").first.click()
    pictures.take("plan-schedule")
    page.goto("/console/plan")
    page.locator("article.route").first.wait_for()
    page.locator(
        "section.sheet > header button, section.sheet > .row button, section.sheet > button"
    ).first.click()
    pictures.take("plan-route")
    page.goto("/console/tags")
    page.locator("select").first.select_option("310107005-G1")
    page.locator("button.primary").first.click()
    pictures.take("tags")
    _others(pictures)
    pictures.close()


def _today(pictures: Album) -> None:
    page = pictures.page
    page.locator("button.round").first.wait_for()
    pictures.take("today")
    walked = page.locator("button.round", has=page.locator(".chip.started, .chip.finished, .chip.late"))
    if not walked.count():  # before the first windows open, the day before is what one looks back on
        page.locator(".picker button").first.click()
    walked.first.click()
    page.locator(".panel ol li").first.wait_for()
    pictures.take("today-round")
    page.locator(".panel .track button").first.click()
    page.locator(".panel .track button.primary").click()
    page.locator(".panel .track button.primary").wait_for(state="detached")
    pictures.take("today-track")


def _sign_out(page: Page) -> None:
    page.get_by_role("button", name=re.compile("退出|Sign out")).click()
    page.locator("input[name=username]").wait_for()


def _others(pictures: Album) -> None:
    """What a leader sees, and somebody without any right at the console."""
    page = pictures.page
    _sign_out(page)
    sign_in(page, "leader1", "/console/ledger")
    page.locator("table tbody tr").first.wait_for()
    pictures.take("ledger")
    _sign_out(page)
    sign_in(page, "patrol1", "/console/")
    page.locator("main.page").get_by_role("link").first.wait_for()
    pictures.take("no-right")


def test_field_pages(stack: Stack, album: Callable[..., Album]) -> None:
    """All pages of the field app stand as they should, on the narrowest phone and in large text, too."""
    plan = plan_round(stack, "晚间小巡", 4)
    first = plan.stops[0]
    pictures = album("field", PHONE)
    page = pictures.page
    page.context.set_geolocation({"latitude": first["lat"], "longitude": first["lon"], "accuracy": 8})
    page.goto("/field/")
    expect(page.locator("input[name=username]")).to_be_visible()
    pictures.take("sign-in")
    sign_in(page, "patrol1", "/field/")
    page.get_by_test_id("round").first.wait_for()
    if page.get_by_test_id("end-shift").count():  # another test has left patrol1 on duty
        _end_shift(page)
    pictures.take("home")
    page.get_by_test_id("start-shift").click()
    page.get_by_test_id("end-shift").wait_for()
    pictures.take("home-on-duty")
    row = next(
        r
        for r in stack.call("patrol1", "GET", "/api/v1/field/feed")["rounds"]
        if r["route_name"] == plan.name
    )
    page.locator(f"a[href$='{row['id']}']").click()
    _round(pictures, plan)
    decide(stack, lambda item: item["round"]["id"] == row["id"], "rejected", REJECTED)
    shows = {"decisions": page.get_by_test_id("decision").first}
    for name in ("decisions", "attention", "looks", "settings"):
        page.goto(f"/field/{name}")
        shows.get(name, page.locator("h1")).wait_for()
        pictures.take(name)
    page.locator("section", has=page.get_by_test_id("sign-out")).locator("button").first.click()
    page.locator("dialog input[autocomplete=new-password]").wait_for()
    pictures.take("password")
    page.locator("dialog .cross").click()
    page.get_by_test_id("sign-out").click()
    pictures.take("sign-out")
    page.goto("/field/")
    page.get_by_test_id("end-shift").click()
    pictures.take("end-shift")
    page.locator("dialog .cross").click()
    _end_shift(page)
    page.goto("/field/settings")
    page.get_by_test_id("sign-out").click()
    page.get_by_test_id("sign-out-sure").click()
    page.locator("input[name=username]").wait_for()
    sign_in(page, "leader1", "/field/")
    page.locator("main .button.primary").wait_for()
    pictures.take("not-field")
    pictures.close()


def _end_shift(page: Page) -> None:
    page.get_by_test_id("end-shift").click()
    page.get_by_test_id("end-shift-sure").click()
    page.get_by_test_id("start-shift").wait_for()
    expect(page.get_by_test_id("unsent")).to_contain_text(re.compile("全部已上传|All sent"))


def _round(pictures: Album, plan: Plan) -> None:
    page = pictures.page
    page.get_by_test_id("start-round").wait_for()
    pictures.take("round-planned")
    page.get_by_test_id("start-round").click()
    page.get_by_test_id("check-in").click()
    page.get_by_test_id("check-in-sure").click()
    page.get_by_test_id("check-in-sure").wait_for(state="detached")
    second = plan.stops[1]
    page.context.set_geolocation(
        {"latitude": second["lat"] + 0.002, "longitude": second["lon"], "accuracy": 12}
    )
    page.get_by_test_id("check-in").click()
    page.locator("dialog .note.doubt").wait_for()
    pictures.take("check-in-doubtful")
    page.get_by_test_id("check-in-sure").click()
    page.get_by_test_id("check-in-sure").wait_for(state="detached")
    page.get_by_test_id("skip").click()
    pictures.take("skip")
    page.locator("dialog label").first.click()
    page.get_by_test_id("skip-sure").click()
    page.get_by_test_id("skip-sure").wait_for(state="detached")
    expect(page.get_by_test_id("stop").nth(1)).to_contain_text(re.compile("存疑|Doubtful"))
    pictures.take("round")
    page.get_by_test_id("map-tab").click()
    page.locator("canvas").wait_for()
    pictures.take("round-map")
    page.get_by_role("tab").first.click()
    page.get_by_test_id("check-in").click()
    page.get_by_test_id("scan").click()
    page.get_by_test_id("camera").wait_for()
    pictures.take("scan")
    page.locator("dialog .cross").click()
    page.get_by_test_id("end-round").click()
    pictures.take("end-round")
    page.locator("dialog .button.quiet").first.click()
    page.get_by_test_id("end-sure").click()
    page.get_by_test_id("end-sure").wait_for(state="detached")
