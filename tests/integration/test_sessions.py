"""Signing in, staying signed in over a bad line, and being signed out when something is wrong."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, text
from werkzeug.test import TestResponse

from app.core import clock
from app.core.extensions import db
from app.people import guessing, passwords, sessions
from app.worker import JOBS, Worker
from tests import factories
from tests.factories import PASSWORD, Street

SESSIONS = "/api/v1/sessions"


@pytest.fixture
def street(database: str) -> Street:
    street = factories.make_street()
    factories.make_user("supervisor", street.areas[0], "sup")
    return street


def sign_in(client: FlaskClient, password: str = PASSWORD, username: str = "sup") -> TestResponse:
    return client.post(SESSIONS, json={"username": username, "password": password})


def csrf(client: FlaskClient) -> dict[str, str]:
    cookie = client.get_cookie("ironfeet_csrf")
    return {"X-CSRF-Token": cookie.value if cookie else ""}


def token(client: FlaskClient) -> str:
    cookie = client.get_cookie("ironfeet_refresh", path=SESSIONS)
    assert cookie is not None
    return cookie.value


def refresh(client: FlaskClient, with_token: str | None = None) -> TestResponse:
    if with_token is not None:
        client.set_cookie("ironfeet_refresh", with_token, path=SESSIONS)
    return client.post(f"{SESSIONS}/refresh", headers=csrf(client))


def bearer(answer: TestResponse) -> dict[str, str]:
    assert answer.json is not None
    return {"Authorization": f"Bearer {answer.json['access_token']}"}


def problem(answer: TestResponse) -> tuple[int, str]:
    assert answer.content_type == "application/problem+json"
    assert answer.json is not None
    return answer.status_code, answer.json["type"].removeprefix("/problems/")


def ledger(owner_db: Connection, *actions: str) -> list[tuple[str, dict[str, Any]]]:
    rows = owner_db.execute(
        text("select action, data from ledger_row where action = any(:a) order by id"), {"a": list(actions)}
    )
    return [(row.action, row.data) for row in rows]


def test_signing_in_tells_who_one_is_and_sets_guarded_cookies(client: FlaskClient, street: Street) -> None:
    answer = sign_in(client, username="  SUP ")
    assert answer.status_code == 200
    assert answer.json is not None
    user = answer.json["user"]
    area = street.areas[0]
    assert user["posts"] == [
        {
            "role": "supervisor",
            "place_code": area,
            "place_name": f"测试{area}",
            "place_name_en": f"Test {area}",
        }
    ]
    assert "review.decide" in user["verbs"]
    assert "staff.manage" not in user["verbs"]
    assert answer.json["expires_in"] == 900
    kept, readable = answer.headers.getlist("Set-Cookie")
    assert kept.startswith("ironfeet_refresh=")
    assert "HttpOnly" in kept
    assert f"Path={SESSIONS}" in kept
    assert "HttpOnly" not in readable
    assert "SameSite=Strict" in kept
    assert "SameSite=Strict" in readable
    assert client.get("/api/v1/me", headers=bearer(answer)).json == user


def test_only_the_hash_of_a_refresh_token_is_stored(
    client: FlaskClient, street: Street, owner_db: Connection
) -> None:
    sign_in(client)
    stored = owner_db.execute(text("select token_hash from refresh_token")).scalar_one()
    assert len(stored) == 32
    assert token(client).encode() not in bytes(stored)


def test_unknown_inactive_and_wrong_look_the_same(client: FlaskClient, street: Street) -> None:
    factories.make_user("patroller", street.units[0], "gone", active=False)
    answers = [
        sign_in(client, "wrong-password"),
        sign_in(client, username="nobody"),
        sign_in(client, username="gone"),
    ]
    assert {problem(answer) for answer in answers} == {(401, "wrong-credentials")}
    assert len({answer.data for answer in answers}) == 1


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"username": "sup"},
        {"username": "sup", "password": "\x00"},
        {"username": "\ud800", "password": "x"},
        {"username": ["sup"], "password": {"a": 1}},
        {"username": "sup", "password": "x" * 201},
        {"username": "sup", "password": "x", "admin": True},
    ],
)
def test_a_malformed_sign_in_is_a_422(client: FlaskClient, street: Street, body: dict[str, Any]) -> None:
    assert problem(client.post(SESSIONS, json=body)) == (422, "invalid")


def test_failures_slow_down_then_lock_then_let_in_again(
    client: FlaskClient, street: Street, owner_db: Connection
) -> None:
    at = clock.now()
    seen = []
    with clock.frozen(at):
        assert [problem(sign_in(client, "wrong"))[0] for _ in range(3)] == [401, 401, 401]
        slowed = sign_in(client)
        assert problem(slowed) == (429, "too-many-requests")
        assert slowed.headers["Retry-After"] == "2"
    for _ in range(5):
        at += timedelta(seconds=20)
        with clock.frozen(at):
            seen.append(problem(sign_in(client, "wrong"))[1])
    assert seen == ["wrong-credentials"] * 5
    with clock.frozen(at + timedelta(minutes=14)):
        assert problem(sign_in(client)) == (429, "account-locked")
    with clock.frozen(at + timedelta(minutes=16)):
        assert sign_in(client).status_code == 200
    failed = ledger(owner_db, "sign_in.failed")
    assert [data["failures"] for _, data in failed] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert [data["locked"] for _, data in failed] == [False] * 7 + [True]


def test_guesses_that_arrive_together_all_count(app: Flask, street: Street, owner_db: Connection) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: sign_in(app.test_client(), "wrong").status_code, range(24)))
    checked = answers.count(401)
    assert set(answers) <= {401, 429}
    assert owner_db.execute(text("select failures from sign_in_failure")).scalar_one() == checked
    assert 3 <= checked < 8  # the delays stop the rest before their password is looked at


def test_a_hash_of_weaker_parameters_is_renewed_at_sign_in(
    client: FlaskClient, street: Street, owner_db: Connection
) -> None:
    look = text("select password_hash from app_user")
    before = owner_db.execute(look).scalar_one()
    sign_in(client)
    after = owner_db.execute(look).scalar_one()
    assert passwords.is_outdated(before)
    assert not passwords.is_outdated(after)
    assert sign_in(client).status_code == 200


def test_refreshing_rotates_and_keeps_the_csrf_word(client: FlaskClient, street: Street) -> None:
    sign_in(client)
    first, word = token(client), csrf(client)
    answer = refresh(client)
    assert answer.status_code == 200
    assert token(client) != first
    assert csrf(client) == word
    assert client.get("/api/v1/me", headers=bearer(answer)).status_code == 200


def test_a_lost_answer_signs_nobody_out(client: FlaskClient, street: Street) -> None:
    sign_in(client)
    held = token(client)
    for _ in range(5):
        assert refresh(client, held).status_code == 200
    assert refresh(client).status_code == 200


def test_a_dead_token_ends_the_family_at_once(
    client: FlaskClient, street: Street, owner_db: Connection
) -> None:
    access = bearer(sign_in(client))
    first = token(client)
    refresh(client)
    refresh(client)  # its successor is used: the first is dead
    newest = token(client)
    assert problem(refresh(client, first)) == (401, "session-ended")
    assert problem(refresh(client, newest)) == (401, "session-ended")
    assert problem(client.get("/api/v1/me", headers=access)) == (401, "session-ended")
    assert ledger(owner_db, "session.ended") == [("session.ended", {"reason": "token_reused"})]


def test_an_unused_twin_dies_with_the_use_of_the_other(client: FlaskClient, street: Street) -> None:
    sign_in(client)
    first = token(client)
    refresh(client, first)
    stolen = token(client)
    refresh(client, first)
    assert refresh(client).status_code == 200
    assert problem(refresh(client, stolen)) == (401, "session-ended")


def test_two_tabs_refreshing_together_both_stay(app: Flask, client: FlaskClient, street: Street) -> None:
    sign_in(client)
    held, word = token(client), csrf(client)

    def tab(_: int) -> int:
        other = app.test_client()
        other.set_cookie("ironfeet_refresh", held, path=SESSIONS)
        other.set_cookie("ironfeet_csrf", word["X-CSRF-Token"])
        return other.post(f"{SESSIONS}/refresh", headers=word).status_code

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(tab, range(8))) == [200] * 8


def test_sessions_end_after_thirty_idle_and_ninety_days(client: FlaskClient, street: Street) -> None:
    start = clock.now()
    sign_in(client)
    for day in (29, 58, 87):
        with clock.frozen(start + timedelta(days=day)):
            assert refresh(client, token(client)).status_code == 200
    last = token(client)
    with clock.frozen(start + timedelta(days=91)):
        assert problem(refresh(client, last)) == (401, "session-ended")


@pytest.mark.parametrize("header", ["", "other", "ünïcode"])
def test_a_refresh_without_the_csrf_word_is_refused(client: FlaskClient, street: Street, header: str) -> None:
    sign_in(client)
    answer = client.post(f"{SESSIONS}/refresh", headers={"X-CSRF-Token": header} if header else {})
    assert problem(answer) == (403, "csrf")
    assert refresh(client).status_code == 200


def test_a_planted_csrf_cookie_does_not_fit(client: FlaskClient, street: Street) -> None:
    sign_in(client)
    client.set_cookie("ironfeet_csrf", "planted")
    assert problem(refresh(client)) == (403, "csrf")


def test_refreshing_without_or_with_an_unknown_token(client: FlaskClient, street: Street) -> None:
    assert problem(client.post(f"{SESSIONS}/refresh")) == (401, "not-signed-in")
    sign_in(client)
    assert problem(refresh(client, "made-up")) == (401, "session-ended")


def test_signing_out_ends_this_session_only(
    app: Flask, client: FlaskClient, street: Street, owner_db: Connection
) -> None:
    here, there = bearer(sign_in(client)), bearer(sign_in(app.test_client()))
    left = token(client)
    assert client.delete(f"{SESSIONS}/current", headers=here).status_code == 204
    assert client.get_cookie("ironfeet_refresh", path=SESSIONS) is None
    assert problem(client.get("/api/v1/me", headers=here)) == (401, "session-ended")
    assert client.get("/api/v1/me", headers=there).status_code == 200
    client.set_cookie("ironfeet_csrf", "x")
    assert refresh(client, left).status_code in (401, 403)
    assert ledger(owner_db, "session.ended") == [("session.ended", {"reason": "signed_out"})]


def test_signing_out_everywhere_ends_them_all(app: Flask, client: FlaskClient, street: Street) -> None:
    sessions = [bearer(sign_in(app.test_client())) for _ in range(3)]
    assert client.delete(SESSIONS, headers=sessions[0]).status_code == 204
    assert [client.get("/api/v1/me", headers=one).status_code for one in sessions] == [401] * 3


@pytest.mark.parametrize(
    "change",
    ["update app_user set active = false", "update sign_in_session set expires_at = now()"],
)
def test_an_access_token_dies_with_person_and_session(
    client: FlaskClient, street: Street, owner_db: Connection, change: str
) -> None:
    access = bearer(sign_in(client))
    owner_db.execute(text(change))
    assert problem(client.get("/api/v1/me", headers=access)) == (401, "session-ended")


@pytest.mark.parametrize("value", ["Bearer x", "Bearer a.b.c", "Basic eDp5", "Bearer ", ""])
def test_a_broken_access_token_is_a_401(client: FlaskClient, street: Street, value: str) -> None:
    assert problem(client.get("/api/v1/me", headers={"Authorization": value}))[0] == 401


def test_a_post_counts_from_its_first_day_to_its_last_in_shanghai(
    client: FlaskClient, street: Street
) -> None:
    today = clock.now().astimezone(clock.SHANGHAI).date()
    for name, days in (("past", (-9, -1)), ("now", (0, 0)), ("future", (1, 9))):
        starts_on, ends_on = (today + timedelta(days=day) for day in days)
        factories.make_user("leader", street.code, name, starts_on=starts_on, ends_on=ends_on)
    seen = {}
    for name in ("past", "now", "future"):
        headers = bearer(sign_in(client, username=name))
        seen[name] = client.get("/api/v1/staff", headers=headers).status_code
    assert seen == {"past": 403, "now": 200, "future": 403}


def test_changing_the_password_ends_the_other_sessions(
    app: Flask, client: FlaskClient, street: Street, owner_db: Connection
) -> None:
    here, there = bearer(sign_in(client)), bearer(sign_in(app.test_client()))
    change = {"current": PASSWORD, "new": "another good one"}
    assert client.put("/api/v1/me/password", headers=here, json=change).status_code == 204
    assert client.get("/api/v1/me", headers=here).status_code == 200
    assert client.get("/api/v1/me", headers=there).status_code == 401
    assert sign_in(client).status_code == 401
    assert sign_in(client, "another good one").status_code == 200
    assert [action for action, _ in ledger(owner_db, "user.password_changed")] == ["user.password_changed"]


def test_a_weak_or_unproven_change_changes_nothing(
    client: FlaskClient, street: Street, owner_db: Connection
) -> None:
    here = bearer(sign_in(client))

    def change(current: str, new: str) -> tuple[int, str]:
        body = {"current": current, "new": new}
        return problem(client.put("/api/v1/me/password", headers=here, json=body))

    assert change(PASSWORD, "short") == (422, "weak-password")
    assert change(PASSWORD, "1234567890") == (422, "weak-password")
    assert change("wrong", "another good one") == (401, "wrong-credentials")
    assert owner_db.execute(text("select failures from sign_in_failure")).scalar_one() == 1
    assert sign_in(client).status_code == 200


def test_old_sessions_are_forgotten_with_their_tokens(
    app: Flask, client: FlaskClient, street: Street, owner_db: Connection
) -> None:
    sign_in(client)
    old = token(client)
    sign_in(client)
    owner_db.execute(
        text(
            "update sign_in_session set ended_at = now() - interval '91 days' where id = (select session_id"
            " from refresh_token where token_hash = sha256(:t))"
        ),
        {"t": old.encode()},
    )
    with app.app_context():
        assert [sessions.forget_old_sessions(clock.now()), sessions.forget_old_sessions(clock.now())] == [
            1,
            0,
        ]
        db.session.commit()
    assert refresh(client).status_code == 200
    assert owner_db.execute(text("select count(distinct session_id) from refresh_token")).scalar_one() == 1


def test_a_name_that_nobody_has_is_slowed_down_and_locked_alike(
    client: FlaskClient, street: Street, owner_db: Connection
) -> None:
    at = clock.now()
    seen: dict[str, list[tuple[int, str, str | None]]] = {"sup": [], " NoBody": []}
    for name, answers in seen.items():
        for number in range(14):
            with clock.frozen(at + timedelta(seconds=7 * number)):
                answer = sign_in(client, "wrong", username=name)
                answers.append((*problem(answer), answer.headers.get("Retry-After")))
    assert seen["sup"] == seen[" NoBody"]
    assert {kind for _, kind, _ in seen["sup"]} == {
        "wrong-credentials",
        "too-many-requests",
        "account-locked",
    }
    assert {data["failures"] for _, data in ledger(owner_db, "sign_in.failed")} == set(range(1, 9))
    stored = owner_db.execute(text("select name_hash, failures from sign_in_failure")).all()
    assert [(len(row.name_hash), row.failures) for row in stored] == [(32, 8), (32, 8)]


def test_guesses_at_a_name_that_nobody_has_all_count(
    app: Flask, street: Street, owner_db: Connection
) -> None:
    with ThreadPoolExecutor(8) as pool:
        tries = pool.map(lambda _: sign_in(app.test_client(), username="nobody").status_code, range(24))
        checked = list(tries).count(401)
    assert owner_db.execute(text("select failures from sign_in_failure")).scalar_one() == checked
    assert 3 <= checked < 8


def test_failures_are_forgotten_after_a_day_or_a_success(
    app: Flask, client: FlaskClient, street: Street, owner_db: Connection
) -> None:
    count = text("select count(*) from sign_in_failure")
    sign_in(client, "wrong")
    sign_in(client)
    assert owner_db.execute(count).scalar_one() == 0
    sign_in(client, username="nobody")
    with app.app_context():
        assert guessing.forget_old(clock.now() + timedelta(hours=23)) == 0
        assert guessing.forget_old(clock.now() + timedelta(hours=25)) == 1
        db.session.commit()
    assert owner_db.execute(count).scalar_one() == 0


@pytest.fixture
def production(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Turns the running application into a production one."""
    settings = replace(app.config["SETTINGS"], mode="production")
    return lambda: monkeypatch.setitem(app.config, "SETTINGS", settings)


def test_a_demo_account_is_nobody_in_production(
    client: FlaskClient, street: Street, owner_db: Connection, production: Callable[[], None]
) -> None:
    factories.make_user("leader", street.code, "demo", demo=True)
    access = bearer(sign_in(client, username="demo"))
    assert client.get("/api/v1/me", headers=access).status_code == 200
    production()
    assert problem(client.get("/api/v1/me", headers=access)) == (401, "session-ended")
    assert problem(refresh(client)) == (401, "session-ended")
    refused = sign_in(client, username="demo")
    assert problem(refused) == (401, "wrong-credentials")
    assert refused.data == sign_in(client, username="nobody").data
    assert sign_in(client).status_code == 200, "everybody else is let in"


def test_a_new_password_makes_a_demo_account_a_real_one(
    app: Flask, client: FlaskClient, street: Street, production: Callable[[], None]
) -> None:
    factories.make_user("leader", street.code, "demo", demo=True)
    production()
    with app.app_context():
        assert sessions.reset_password("demo", "handed-over-on-paper")
        db.session.commit()
    assert sign_in(client, "handed-over-on-paper", "demo").status_code == 200


def test_the_worker_says_that_there_are_demo_accounts(
    app: Flask, street: Street, production: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    factories.make_user("leader", street.code, "demo", demo=True)
    (job,) = (job for job in JOBS if job.name == "accounts.warn_of_demo")
    Worker(app, (job,)).tick(job)
    assert caplog.messages == []
    production()
    Worker(app, (job,)).tick(job)
    assert caplog.messages == ["1 demo accounts are in this production database; none of them may sign in"]
