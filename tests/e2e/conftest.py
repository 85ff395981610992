"""The whole stack, running for real, and people with browsers in front of it.

Pictures of every page go to ``var/screenshots``: they are made to be looked at.
"""

from __future__ import annotations

import json
import math
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from shutil import which
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect, sync_playwright

from app.core.geo import distance_m

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "var" / "screenshots"
PASSWORD = "ironfeet-demo"
START_WITHIN_S = 90
CHROMIUM_FLAGS = [
    "--no-sandbox",  # the tests may run as root, where Chromium has no sandbox to offer
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The pages come last: the demo day that they show would be in the way of the others."""
    items.sort(key=lambda item: item.path.name == "test_pages.py")


@dataclass
class Stack:
    """A running installation with the demo street and no demo day."""

    base_url: str
    var: Path
    process: subprocess.Popen[str]
    tokens: dict[str, str] = field(default_factory=dict)

    def call(self, username: str, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """One request of the API as *username*; the parsed answer."""
        if username not in self.tokens:
            self.tokens[username] = self._send(
                "POST", "/api/v1/sessions", {"username": username, "password": PASSWORD}, None
            )["access_token"]
        return self._send(method, path, body, self.tokens[username])

    def _send(self, method: str, path: str, body: dict[str, Any] | None, token: str | None) -> Any:
        headers = {"Content-Type": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base_url + path, data, headers, method=method)  # noqa: S310
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - the address is ours
            text = answer.read()
        return json.loads(text) if text else None

    def flask(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the installation as its administrator would."""
        script = f'. "{self.var}/env" && exec "{sys.executable}" -m flask "$@"'
        return subprocess.run(
            ["sh", "-c", script, "flask", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120
        )


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """Everything that ``make run`` starts, in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="ironfeet-e2e-") as folder:
        var = Path(folder)
        # The demo day is played for the pages, when the others have what they need.
        (var / "postgres").mkdir()
        (var / "postgres" / "demo-played.stamp").touch()
        port = _free_port()
        environ = {k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "SECRET_KEY"}}
        environ |= {
            "IRONFEET_VAR": folder,
            "PORT": str(port),
            "IRONFEET_MODE": "development",
            "WEB_WORKERS": "2",
        }
        output = (var / "stack.log").open("w+")
        process = subprocess.Popen(
            [sys.executable, "-m", "scripts.run", "serve"],
            cwd=ROOT,
            env=environ,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            _wait_until_running(process, var / "stack.log")
            yield Stack(f"http://127.0.0.1:{port}", var, process)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=30)
            output.close()


def _wait_until_running(process: subprocess.Popen[str], log: Path) -> None:
    deadline = time.monotonic() + START_WITHIN_S
    while "Ironfeet is running" not in log.read_text():
        if process.poll() is not None or time.monotonic() > deadline:
            pytest.fail(f"the stack did not start:\n{log.read_text()}")
        time.sleep(0.1)


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """The driver; its browser is the distribution's own."""
    with sync_playwright() as driver:
        driver.selectors.set_test_id_attribute("data-test")
        yield driver


def chromium_path(*, whole: bool = False) -> str:
    """Where the distribution put Chromium: its shell without a desktop's window, which costs a quarter less
    to run and is the same in all that a page sees, or the *whole* browser, which shows notifications.
    """
    for name in ("chromium", "chromium-browser") if whole else ("chromium-headless-shell", "chromium"):
        found = which(name)
        if found:
            return found
    raise RuntimeError("no Chromium: make test-setup installs it")


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """One headless Chromium for all tests; each person has a context of their own."""
    expect.set_options(timeout=15_000)
    launched = playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM_FLAGS)
    yield launched
    launched.close()


PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1440, "height": 900}


# Headless pages are always visible: what the page asks about it is answered for it
POCKET = """async () => {
  const turn = (state) => {
    Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => state })
    document.dispatchEvent(new Event('visibilitychange'))
  }
  turn('hidden')
  await new Promise((done) => setTimeout(done, 300))
  turn('visible')
  delete document.visibilityState
}"""


@dataclass
class Person:
    """Somebody in front of a browser. *faults* collects what the page complained about."""

    context: BrowserContext
    page: Page
    faults: list[str]

    def picture(self, name: str) -> Path:
        """Take a picture of what they see."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        path = PICTURES / f"{name}.png"
        self.page.screenshot(path=path)
        return path

    at: tuple[float, float] | None = None

    def stand_at(self, lat: float, lon: float, accuracy_m: float = 8.0) -> None:
        """Be at a position (WGS-84 degrees), from one moment to the next."""
        self.context.set_geolocation({"latitude": lat, "longitude": lon, "accuracy": accuracy_m})
        self.at = (lat, lon)

    def pocket(self) -> None:
        """Put the phone away and take it out again: the screen is off for a moment."""
        self.page.evaluate(POCKET)

    def ride_to(self, lat: float, lon: float) -> None:
        """Go there at 12 m/s, as fast as no one doubts: faster would rightly be graded doubtful."""
        if self.at is not None:
            from_lat, from_lon = self.at
            steps = math.ceil(distance_m(from_lat, from_lon, lat, lon) / 6)
            for step in range(1, steps):
                part = step / steps
                self.stand_at(from_lat + (lat - from_lat) * part, from_lon + (lon - from_lon) * part)
                self.page.wait_for_timeout(500)
        self.stand_at(lat, lon)


@pytest.fixture
def people(browser: Browser, stack: Stack) -> Iterator[Any]:
    """Makes people: ``people(PHONE, "zh-CN")``."""
    made: list[Person] = []

    def make(size: dict[str, int], locale: str = "zh-CN", **options: Any) -> Person:
        context = browser.new_context(
            base_url=stack.base_url,
            viewport=size,
            locale=locale,
            timezone_id="Asia/Shanghai",
            permissions=["geolocation", "camera"],
            has_touch=size == PHONE,
            is_mobile=size == PHONE,
            reduced_motion="reduce",
            **options,
        )
        context.set_default_timeout(15_000)
        page = context.new_page()
        person = Person(context, page, [])
        page.on("pageerror", lambda error: person.faults.append(str(error)))
        made.append(person)
        return person

    yield make
    for person in made:
        person.context.close()
        assert person.faults == []
