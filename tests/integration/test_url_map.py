"""Every route declares a verb that somebody has, or is on the short list of what anybody may call."""

from __future__ import annotations

import pytest
from flask import Flask

from app.core.pipeline import PUBLIC, SIGNED_IN, declared_verb
from app.people.rights import VERB_ROLES
from app.wiring import create_app
from config import read_settings

OPEN_TO_ANYBODY = {
    "GET /api/v1/openapi.json",
    "GET /api/v1/settings",
    "GET /healthz",
    "POST /api/v1/notifications/receipts",
    "POST /api/v1/sessions",
    "POST /api/v1/sessions/refresh",
}
OWN_THINGS = {
    "GET /api/v1/absences",
    "PUT /api/v1/absences/<uuid:absence_id>",
    "POST /api/v1/absences/<uuid:absence_id>/end",
    "DELETE /api/v1/sessions",
    "DELETE /api/v1/sessions/current",
    "GET /api/v1/me",
    "GET /api/v1/me/looks",
    "PUT /api/v1/me/password",
    "GET /api/v1/notification-settings",
    "PUT /api/v1/notification-settings",
    "GET /api/v1/notifications",
    "POST /api/v1/notifications/acks",
    "POST /api/v1/notifications/shown",
    "GET /api/v1/push-key",
    "PUT /api/v1/push-subscriptions/<uuid:subscription_id>",
    "DELETE /api/v1/push-subscriptions/<uuid:subscription_id>",
}


def routes(app: Flask) -> dict[str, str | None]:
    """The verb of every ``METHOD /rule``; None where a route declares nothing."""
    found = {}
    for rule in app.url_map.iter_rules():
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            found[f"{method} {rule.rule}"] = declared_verb(app.view_functions[rule.endpoint])
    return found


def make_app() -> Flask:
    """The application without a database behind it, for its map."""
    return create_app(read_settings({"IRONFEET_MODE": "testing", "DATABASE_URL": "postgresql:///nowhere"}))


ROUTES = routes(make_app())


def test_every_route_declares_a_verb_that_exists() -> None:
    known = {PUBLIC, SIGNED_IN, *VERB_ROLES}
    assert {route: verb for route, verb in ROUTES.items() if verb not in known} == {}


def test_only_the_listed_routes_are_open_to_anybody() -> None:
    assert {route for route, verb in ROUTES.items() if verb == PUBLIC} <= OPEN_TO_ANYBODY


def test_only_the_listed_routes_ask_for_no_more_than_signing_in() -> None:
    assert {route for route, verb in ROUTES.items() if verb == SIGNED_IN} == OWN_THINGS


@pytest.mark.parametrize(
    "path", ["/api/v1//me", "//api/v1/me", "/api/v1/me/", "/healthz/", "/api//v1/settings"]
)
def test_a_path_that_is_nearly_right_is_a_404_and_no_redirect(path: str) -> None:
    answer = make_app().test_client().get(f"http://elsewhere.example{path}")
    assert (answer.status_code, answer.content_type) == (404, "application/problem+json")
    assert "Location" not in answer.headers
    assert b"elsewhere" not in answer.data
