"""Every route as every role: with and without its verb, inside and outside the place, and as a stranger.

The routes come from the URL map, so a new one is tried without anybody thinking of it; where it wants a
body or a query, the test fails until ``EXAMPLES`` has one that works.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask_jwt_extended import create_access_token
from werkzeug.test import TestResponse

from app.cases.models import CaseFile
from app.cli.phone import Phone
from app.core import clock
from app.core.ids import uuid7
from app.core.pipeline import PUBLIC, SIGNED_IN
from app.ledger.models import LedgerRow
from app.people.models import PhoneLog, SignInSession, User
from app.people.rights import ROLES, VERB_ROLES
from tests import factories
from tests.browser import Browser
from tests.factories import PASSWORD, Street
from tests.integration import case_street
from tests.integration.case_street import SHOP
from tests.integration.test_board import add_check_in
from tests.integration.test_url_map import ROUTES

GUARDED = {route: verb for route, verb in ROUTES.items() if verb not in (PUBLIC, None)}
OWN = {route for route, verb in GUARDED.items() if verb in (SIGNED_IN, "log.sync", "photo.upload")}

POLICY = json.loads(factories.POLICY_FILE.read_text(encoding="utf-8"))
PHOTO = (Path(__file__).parents[1] / "data" / "photos" / "own_rubbish_gps.jpg").read_bytes()

# Maps are for everybody of the street: who stands at an edge must see what is beyond it.
WHOLE_STREET = {"GET /api/v1/places", "GET /api/v1/places/outlines", "GET /api/v1/places/locate"}

# A street has one policy: whoever sets it has a post at the street itself.
OF_THE_STREET = {"POST /api/v1/policies"}

# These look at what is sent and store nothing.
ONLY_LOOKING = {"POST /api/v1/policies/check", "POST /api/v1/policies/dry-run"}

# A position in this street lies in no unit of another one: for those from there the body is wrong.
# The other street has no catalogue to show or to file by, and no calendar to try a policy with.
WRONG_THERE = {
    ("POST /api/v1/checkpoints", 422),
    ("POST /api/v1/policies/dry-run", 409),
    ("GET /api/v1/catalogue", 409),
    ("POST /api/v1/cases", 409),
}

# Let in, but the world holds no bytes of a photo.
EMPTY_HANDED = {
    "GET /api/v1/cases/<uuid:case_id>/photos/<string(length=64):sha256>": "/problems/photo-not-here"
}


@dataclass
class World:
    """One of everything at the first area, and a second street. Names are those of URL parameters."""

    street: Street
    walker: User
    round_id: UUID
    proof_id: UUID
    checkpoint_id: UUID
    route_id: UUID
    schedule_id: UUID
    responsibility_id: UUID
    log_ids: dict[UUID, UUID]
    cases: dict[str, CaseFile]
    watcher: User
    version: int = 1  # of the street's policy
    sha256: str = hashlib.sha256(PHOTO).hexdigest()

    def marks(self) -> set[str]:
        """What must not show up in an answer to somebody from elsewhere."""
        things = (self.round_id, self.proof_id, self.checkpoint_id, self.route_id, self.schedule_id)
        things += tuple(case.id for case in self.cases.values())
        street = self.street
        return {str(thing) for thing in (*things, self.walker.id, self.responsibility_id)} | {
            street.areas[0],
            street.units[0],
            *street.communities[:2],
        }


Example = Callable[[World, User], dict[str, Any]]


def said(**members: Any) -> Example:
    """A step of a case, with an id of its own and words."""
    return lambda _w, _u: {"json": {"id": str(uuid7()), "text": "说明一下情况", **members}}


# The state that a case must be in for a step to be taken; any other route is tried on a dispatched one.
CASE_STATES = {
    "arbitration": "returned",
    "closing": "verified",
    "decisions": "acknowledged",
    "reopening": "closed",
    "resumption": "on_hold",
    "verification": "resolved",
}

EXAMPLES: dict[str, Example] = {
    "GET /api/v1/cases/export": lambda _w, _u: {
        "query_string": {"format": "csv", "from": "2026-11-01", "to": "2026-11-30"}
    },
    "GET /api/v1/cases/map": lambda _w, _u: {
        "query_string": {"west": 121.4, "south": 31.24, "east": 121.41, "north": 31.25}
    },
    "GET /api/v1/cases/near": lambda _w, _u: {"query_string": {"lat": factories.LAT, "lon": factories.LON}},
    "POST /api/v1/cases": lambda _w, user: {
        "json": {
            "id": str(uuid7()),
            "source": "hotline",
            "source_ref": f"12345-{user.username}",
            "class_key": SHOP,
            "lat": factories.LAT,
            "lon": factories.LON,
            "found_at": clock.now().isoformat(),
        }
    },
    "POST /api/v1/cases/<uuid:case_id>/arbitration": lambda world, _u: {
        "json": {"id": str(uuid7()), "text": "由你处理", "owner_id": str(world.walker.id)}
    },
    "POST /api/v1/cases/<uuid:case_id>/closing": said(),
    "POST /api/v1/cases/<uuid:case_id>/co-handlers": lambda world, _u: {
        "json": {"id": str(uuid7()), "user_id": str(world.walker.id)}
    },
    "POST /api/v1/cases/<uuid:case_id>/decisions": lambda world, _u: {
        "json": {
            "id": str(uuid7()),
            "text": "同意",
            "granted": False,
            "request_id": str(world.cases["acknowledged"].id),
        }
    },
    "POST /api/v1/cases/<uuid:case_id>/dispatch": lambda world, _u: {
        "json": {"id": str(uuid7()), "owner_id": str(world.walker.id)}
    },
    "POST /api/v1/cases/<uuid:case_id>/hold": lambda _w, _u: {
        "json": {
            "id": str(uuid7()),
            "text": "等配件",
            "until": (clock.now() + timedelta(days=1)).isoformat(),
        }
    },
    "POST /api/v1/cases/<uuid:case_id>/linking": lambda world, _u: {
        "json": {"id": str(uuid7()), "text": "同一件事", "parent_id": str(world.cases["resolved"].id)}
    },
    "POST /api/v1/cases/<uuid:case_id>/notes": said(),
    "POST /api/v1/cases/<uuid:case_id>/raising": said(),
    "POST /api/v1/cases/<uuid:case_id>/reopening": said(),
    "POST /api/v1/cases/<uuid:case_id>/resumption": said(),
    "POST /api/v1/cases/<uuid:case_id>/verification": said(passed=True),
    "POST /api/v1/cases/<uuid:case_id>/voiding": said(),
    "POST /api/v1/cases/<uuid:case_id>/watcher": lambda world, _u: {
        "json": {"id": str(uuid7()), "user_id": str(world.watcher.id)}
    },
    "GET /api/v1/places/locate": lambda _w, _u: {
        "query_string": {"lat": factories.LAT, "lon": factories.LON}
    },
    "POST /api/v1/checkpoints": lambda _w, user: {
        "json": {
            "id": str(uuid7()),
            "code": f"N{user.username[-3:]}",
            "name": "新点位",
            "kind": "entrance",
            "radius_m": 30,
            "lat": factories.LAT,
            "lon": factories.LON,
        }
    },
    "PATCH /api/v1/checkpoints/<uuid:checkpoint_id>": lambda _w, _u: {"json": {"name": "改名"}},
    "POST /api/v1/tag-sheets": lambda world, _u: {
        "json": {"id": str(uuid7()), "checkpoint_ids": [str(world.checkpoint_id)], "lang": "en"}
    },
    "POST /api/v1/routes": lambda world, _u: {
        "json": {
            "id": str(uuid7()),
            "name": "新路线",
            "place_code": world.street.units[0],
            "ordered": False,
            "checkpoint_ids": [str(world.checkpoint_id)],
        }
    },
    "POST /api/v1/schedules": lambda world, _u: {
        "json": {
            "id": str(uuid7()),
            "route_id": str(world.route_id),
            "assignee_id": str(world.walker.id),
            "starts_at_local": "2026-12-01T09:00",
            "recurrence": "FREQ=DAILY",
            "window_minutes": 60,
        }
    },
    "POST /api/v1/reviews/<uuid:proof_id>/decisions": lambda _w, _u: {
        "json": {"id": str(uuid7()), "decision": "accepted", "note": "照片与点位相符"}
    },
    "POST /api/v1/policies": lambda world, _u: {
        "json": {"street_code": world.street.code, "document": POLICY}
    },
    "POST /api/v1/policies/check": lambda _w, _u: {"json": {"document": POLICY}},
    "POST /api/v1/policies/dry-run": lambda _w, _u: {
        "json": {
            "document": POLICY,
            "limits": {
                "acknowledge": {"amount": 1, "unit": "work_hours"},
                "resolve": {"amount": 4, "unit": "work_hours"},
                "mode": "point",
                "urgent": False,
            },
            "starts_at": "2026-11-27T17:30:00+08:00",
        }
    },
    "PUT /api/v1/responsibilities/<uuid:responsibility_id>": lambda world, _u: {
        "path": f"/api/v1/responsibilities/{uuid7()}",
        "json": {
            "place_code": world.street.units[0],
            "selector_kind": "any",
            "duty": "owner",
            "user_id": str(world.walker.id),
        },
    },
    "PUT /api/v1/absences/<uuid:absence_id>": lambda _w, _u: {
        "json": {"starts_at": "2026-12-01T09:00:00+08:00", "ends_at": "2026-12-04T09:00:00+08:00"}
    },
    # everybody has noted an absence of their own under their own id
    "POST /api/v1/absences/<uuid:absence_id>/end": lambda _w, user: {
        "path": f"/api/v1/absences/{user.id}/end"
    },
    "POST /api/v1/sync": lambda world, user: {
        "json": {"log": str(world.log_ids[user.id]), "sent_at": clock.now().isoformat(), "entries": []}
    },
    "PUT /api/v1/logs/<uuid:log_id>": lambda _w, _u: {
        "json": {"device_id": str(uuid7()), "public_key": Phone(uuid7(), uuid7(), uuid7()).public_key}
    },
    "PUT /api/v1/photos/<string(length=64):sha256>": lambda _w, _u: {
        "data": PHOTO,
        "content_type": "image/jpeg",
    },
    "POST /api/v1/notifications/acks": lambda _w, _u: {"json": {"ids": [str(uuid7())]}},
    "POST /api/v1/notifications/shown": lambda _w, _u: {"json": {"ids": [str(uuid7())]}},
    "PUT /api/v1/notification-settings": lambda _w, _u: {
        "json": {"channel_order": ["sms"], "language": "en", "quiet": None}
    },
    "PUT /api/v1/push-subscriptions/<uuid:subscription_id>": lambda _w, user: {
        "json": Browser(f"https://fcm.googleapis.com/fcm/send/{user.id}").subscription
    },
    "PUT /api/v1/me/password": lambda _w, _u: {"json": {"current": PASSWORD, "new": "another good one"}},
}


@pytest.fixture
def world(database: str) -> World:
    street = factories.make_street()
    walker = factories.make_user("patroller", street.units[0])
    checkpoint = factories.make_checkpoint(street)
    walked = factories.make_round(street, walker, [checkpoint], state="started", started_at=clock.now())
    proof_id = add_check_in(walked, walker, 1, grade="doubtful", review_state="pending")
    route = factories.make_route(street, [checkpoint])
    schedule = factories.make_schedule(route, walker, generated_until=clock.now() + timedelta(days=7))
    factories.make_shift(walker, street.units[0])
    factories.make_rules_of_cases(street)
    factories.make_catalogue(street)
    with factories.writing() as session:
        session.add(
            LedgerRow(
                street_code=street.code,
                actor_kind="user",
                actor_id=walker.id,
                action="round.started",
                subject_kind="round",
                subject_id=str(walked.id),
                place_code=street.units[0],
                data={},
            )
        )
    named = factories.make_responsibility(walker, "handler", street.units[0])
    cases = case_street.cases_in_every_state(street)
    case_street.name_photo(cases["dispatched"], World.sha256, walker)
    return World(
        street,
        walker,
        walked.id,
        proof_id,
        checkpoint.id,
        route.id,
        schedule.id,
        named.id,
        {},
        cases,
        factories.make_user("supervisor", street.areas[0]),
    )


def person(app: Flask, world: World, role: str, place: str) -> Callable[[str], TestResponse]:
    """A signed-in person; calling them with a route tries it with everything the world has."""
    user = factories.make_user(role, place)
    now = clock.now()
    session_id, log_id = uuid7(), uuid7()
    with factories.writing() as session:
        session.add(
            SignInSession(
                id=session_id,
                user_id=user.id,
                started_at=now,
                last_used_at=now,
                expires_at=now + timedelta(days=1),
            )
        )
        session.add(
            PhoneLog(
                id=log_id,
                street_code=user.street_code,
                user_id=user.id,
                device_id=uuid7(),
                public_key=b"",
                registered_at=now,
            )
        )
    factories.make_absence(user, id=user.id)
    world.log_ids[user.id] = log_id
    with app.app_context():
        token = create_access_token(identity=str(user.id), additional_claims={"sid": str(session_id)})
    client = app.test_client()

    def ask(route: str) -> TestResponse:
        return client.open(**request_for(route, world, user), headers={"Authorization": f"Bearer {token}"})

    return ask


def request_for(route: str, world: World, user: User) -> dict[str, Any]:
    """Method, address and example of a route; parameters are the world's things, or unknown ids."""
    method, _, rule = route.partition(" ")
    path = []
    for part in rule.split("/"):
        if part.startswith("<"):
            name = part.strip("<>").partition(":")[2]
            if name == "case_id":
                path.append(str(world.cases[CASE_STATES.get(rule.rpartition("/")[2], "dispatched")].id))
                continue
            path.append(str(getattr(world, name, uuid7())))
        else:
            path.append(part)
    example = EXAMPLES[route](world, user) if route in EXAMPLES else {}
    return {"method": method, "path": "/".join(path)} | example


def has_verb(route: str, role: str) -> bool:
    verb = GUARDED[route]
    return verb == SIGNED_IN or role in VERB_ROLES[str(verb)]


def roles(route: str, *, allowed: bool) -> list[str]:
    return [role for role in ROLES if has_verb(route, role) is allowed]


def told(answer: TestResponse) -> str:
    return (
        f"{answer.status_code} {answer.text[:300] if answer.mimetype.endswith('json') else answer.mimetype}"
    )


@pytest.mark.parametrize("route", sorted(GUARDED))
def test_a_stranger_is_asked_to_sign_in(app: Flask, world: World, route: str) -> None:
    world.log_ids[world.walker.id] = uuid7()
    answer = app.test_client().open(**request_for(route, world, world.walker))
    assert answer.status_code == 401, told(answer)


@pytest.mark.parametrize("route", sorted(route for route in GUARDED if roles(route, allowed=False)))
def test_a_role_without_the_verb_is_refused(app: Flask, world: World, route: str) -> None:
    for role in roles(route, allowed=False):
        for place in (world.street.code, world.street.areas[0]):
            answer = person(app, world, role, place)(route)
            assert answer.status_code == 403, f"{role} at {place}: {told(answer)}"


@pytest.mark.parametrize("route", sorted(GUARDED))
def test_a_role_from_elsewhere_sees_and_changes_nothing(app: Flask, world: World, route: str) -> None:
    other = factories.make_street("310107991", west=121.43)
    elsewhere = [other.code] if route in WHOLE_STREET else [other.code, world.street.areas[1]]
    for role in roles(route, allowed=True):
        for place in elsewhere:
            answer = person(app, world, role, place)(route)
            about = f"{role} at {place}: {told(answer)}"
            if answer.status_code < 300:
                assert route.startswith("GET ") or route in OWN | ONLY_LOOKING, about
                seen = {mark for mark in world.marks() if mark in answer.text}
                assert not seen, f"{about} shows {seen}"
            else:
                refused = answer.status_code in (403, 404) or (route, answer.status_code) in WRONG_THERE
                assert refused, about


@pytest.mark.parametrize("route", sorted(GUARDED))
def test_a_role_with_the_verb_at_the_place_is_let_in(app: Flask, world: World, route: str) -> None:
    place = world.street.code if route in OF_THE_STREET else world.street.areas[0]
    for count, role in enumerate(roles(route, allowed=True)):
        answer = person(app, world, role, place)(route)
        # the first does it; those after may find it done
        fine = answer.status_code < 300 or (count > 0 and answer.status_code in (404, 409))
        fine = fine or (route in EMPTY_HANDED and answer.json["type"] == EMPTY_HANDED[route])
        assert fine, f"{role}: {told(answer)}"
