"""The whole way of a push into a real Firefox: our sender, a push service, the browser's own decryption."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import which
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection, select

from app.notify.models import Delivery, Notification, PushSubscription
from app.notify.vapid import vapid_key_of
from tests import push_service
from tests.integration.sending_office import Office
from tests.push_service import PushService

pytestmark = pytest.mark.e2e

SUBSCRIBED_WITHIN_S, PUSHED_WITHIN_S = 90, 30
PREFERENCES = {
    "dom.push.testing.allowInsecureServerURL": True,
    "dom.push.testing.ignorePermission": True,
    "permissions.default.desktop-notification": 1,
    "alerts.useSystemBackend": False,  # else showNotification fails without a desktop
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage_override.mstone": "ignore",
    "datareporting.policy.dataSubmissionEnabled": False,
    "toolkit.telemetry.reportingpolicy.firstRun": False,
    "app.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "extensions.systemAddon.update.enabled": False,
}


def firefox_path() -> str:
    """Where the distribution put Firefox."""
    found = which("firefox-esr") or which("firefox")
    if found is None:
        pytest.fail("Firefox is not installed: `make test-setup` installs firefox-esr by apt-get.")
    return found


def written(value: bool | int | str) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int) else f'"{value}"'


@contextmanager
def firefox(service: PushService, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A headless Firefox with a new profile on the service's page; nothing of it is left afterwards."""
    profile = folder / "profile"
    profile.mkdir()
    wishes = PREFERENCES | {"dom.push.serverURL": f"ws://127.0.0.1:{service.port}/"}
    lines = [f'user_pref("{name}", {written(value)});' for name, value in wishes.items()]
    (profile / "user.js").write_text("\n".join(lines))
    output = (folder / "firefox.log").open("wb")
    browser = subprocess.Popen(
        [firefox_path(), "--headless", "--no-remote", "--profile", str(profile), service.address],
        env=os.environ | {"HOME": str(folder), "MOZ_CRASHREPORTER_DISABLE": "1"},
        stdout=output,
        stderr=output,
        start_new_session=True,
    )
    try:
        yield browser
    finally:
        os.killpg(browser.pid, signal.SIGTERM)
        try:
            browser.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(browser.pid, signal.SIGKILL)
            browser.wait(10)
        output.close()


def subscribe(office: Office, service: PushService, person: Any) -> None:
    """Hand the browser's own subscription to the server, as the app does."""
    said = service.reports.get(timeout=SUBSCRIBED_WITHIN_S)
    assert "subscribed" in said, said
    found = said["subscribed"]
    client, headers = office.signed_in(person)
    kept = client.put(
        "/api/v1/push-subscriptions/01936fa0-0000-7000-8000-000000000001",
        json={"endpoint": found["endpoint"], **found["keys"], "label": "Firefox ESR"},
        headers=headers,
    )
    assert kept.status_code == 204, kept.text


def test_a_real_firefox_decrypts_and_shows_what_we_send_until_it_is_gone(
    app: Flask, monkeypatch: pytest.MonkeyPatch, owner_db: Connection, tmp_path: Path
) -> None:
    office = Office(app, monkeypatch)
    wang = office.person()
    with push_service.running(vapid_key_of(app.config["SETTINGS"]).public_key) as service:
        with firefox(service, tmp_path):
            subscribe(office, service, wang)
            subject = office.tell(wang, data={"place_zh": "曹杨新村街道第三网格"})
            office.send()
            got = service.reports.get(timeout=PUSHED_WITHIN_S)
            said = got["pushed"]
            assert said["title"] == "新任务：跨门营业"
            assert said["subject_id"] == str(subject)
            assert got["shown"] == [[said["title"], said["body"]]]
            assert service.posted[0]["urgency"] == "high"

            # newer news of the same case replace it on the screen
            office.tell(wang, subject=subject, kind="case.overdue", data={"place_zh": "长" * 2000})
            office.send()
            got = service.reports.get(timeout=PUSHED_WITHIN_S)
            assert [title for title, _ in got["shown"]] == ["已超时：跨门营业（共2条未读）"]

            # the service worker says by its receipt that it was opened: nothing more comes of it
            receipt = {"receipts": [{"token": got["pushed"]["receipt"], "event": "opened"}]}
            told = app.test_client().post("/api/v1/notifications/receipts", json=receipt)
            assert told.status_code == 204
            open_rows = select(Notification.id).where(Notification.acknowledged_at.is_(None))
            assert owner_db.scalars(open_rows).all() == []
        # the browser has gone: the service says so, and the server forgets it
        office.tell(wang)
        office.send()
    assert office.states() == ["sent", "sent", "gone"]
    assert owner_db.scalars(select(PushSubscription.id)).all() == []
    assert owner_db.scalar(select(Delivery.error).where(Delivery.state == "gone")) == (
        "the push service answered 410"
    )
