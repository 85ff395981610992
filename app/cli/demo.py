"""``flask demo``: the demonstration street, in development only.

Everything comes from ``data/``: the outlines of Caoyang Xincun, checkpoints, invented staff, routes and
schedules. Loading it again changes nothing.
"""

from __future__ import annotations

import csv
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import click
from flask.cli import AppGroup
from sqlalchemy import select

from app.cli import catalogue, responsibility
from app.cli.places import run_import
from app.cli.policy import import_policy
from app.cli.timers import import_calendar
from app.core import clock, current
from app.core.extensions import db
from app.core.ids import uuid7
from app.patrols import planning
from app.patrols.models import Route, Schedule
from app.people.models import Post, User
from app.people.passwords import hash_password
from app.places import imports
from app.places.models import Checkpoint, Place

DATA = Path(__file__).resolve().parents[2] / "data"
DEMO_PASSWORD = "ironfeet-demo"  # noqa: S105 - refused in production below
DEMO_STREET = "310107005"
_NAMESPACE = UUID("6f2d7c52-7d0b-5c1e-9b1a-310107005000")

demo = AppGroup("demo", help="The demonstration street; refused in production.")


def refuse_in_production() -> None:
    """Demo accounts have a password that everybody can read.

    Raises:
        click.ClickException: in production.
    """
    if current.settings().is_production:
        raise click.ClickException("demo data and demo accounts do not exist in production")


def demo_id(*words: str) -> UUID:
    """The same id for the same words on every installation, so that loading twice makes nothing twice."""
    return uuid5(_NAMESPACE, "/".join(words))


@demo.command("load")
def load_command() -> None:
    """Load the demonstration street: places, checkpoints, calendar, staff, routes and schedules."""
    refuse_in_production()
    run_import("places", imports.import_places, DATA / "caoyang.geojson")
    run_import("checkpoints", imports.import_checkpoints, DATA / "demo" / "checkpoints.csv")
    import_calendar(DATA / "workdays_cn.json", [DEMO_STREET])
    import_policy(DEMO_STREET, DATA / "demo" / "policy.json")
    catalogue.run_import(
        DEMO_STREET,
        DATA / "categories.csv",
        DATA / "filing_conditions.csv",
        DATA / "departments.csv",
        name="Ironfeet 178",
    )
    added = load_staff()
    db.session.commit()
    click.echo(f"staff: {added} added")
    responsibility.run_import(DEMO_STREET, DATA / "demo" / "responsibilities.csv")
    routes, schedules = load_routes(clock.now())
    db.session.commit()
    click.echo(f"routes: {routes} added, schedules: {schedules} added")


def load_staff() -> int:
    """Add the demo accounts that do not exist yet; returns how many."""
    with (DATA / "demo" / "staff.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    known = set(db.session.scalars(select(User.username)))
    new = [row for row in rows if row["username"] not in known]
    for row in new:
        user = User(
            id=uuid7(),
            street_code=DEMO_STREET,
            username=row["username"],
            display_name=row["display_name"],
            display_name_en=row["display_name_en"],
            password_hash=hash_password(DEMO_PASSWORD),
            password_changed_at=clock.now(),
            demo=True,
        )
        db.session.add(user)
        db.session.flush()
        db.session.add(Post(id=uuid7(), user_id=user.id, role=row["role"], place_code=row["place_code"]))
    db.session.flush()
    return len(new)


def load_routes(now: datetime) -> tuple[int, int]:
    """Add the demo routes and schedules that do not exist yet; returns how many of each.

    The schedules begin yesterday, so that a street loaded at night has a day to look back on.
    """
    document = json.loads((DATA / "demo" / "routes.json").read_text(encoding="utf-8"))
    in_street = select(Checkpoint.code, Checkpoint.id).where(Checkpoint.street_code == DEMO_STREET)
    checkpoints: dict[str, UUID] = {row.code: row.id for row in db.session.execute(in_street)}
    people: dict[str, UUID] = {
        row.username: row.id for row in db.session.execute(select(User.username, User.id))
    }
    scope = frozenset(db.session.scalars(select(Place.code).where(Place.street_code == DEMO_STREET)))
    planner = planning.Planner(None, DEMO_STREET, scope, actor_kind="cli")
    today = now.astimezone(clock.SHANGHAI).replace(hour=0, minute=0, second=0, microsecond=0)
    routes = schedules = 0
    for plan in document["routes"]:
        route_id = demo_id("route", plan["code"])
        if db.session.get(Route, route_id) is None:
            planning.create_route(_route_body(route_id, plan, checkpoints), planner, now)
            routes += 1
        for wanted in plan["schedules"]:
            schedule_id = demo_id("schedule", plan["code"], wanted["starts_at_time"])
            if db.session.get(Schedule, schedule_id) is not None:
                continue
            body = {
                "id": schedule_id,
                "route_id": route_id,
                "assignee_id": people[plan["assignee"]],
                "starts_at_local": f"{today - timedelta(days=1):%Y-%m-%d}T{wanted['starts_at_time']}",
                "recurrence": wanted["recurrence"],
                "window_minutes": wanted["window_minutes"],
            }
            planning.create_schedule(body, planner, today - timedelta(days=1))
            schedules += 1
    return routes, schedules


def _route_body(route_id: UUID, plan: dict[str, Any], checkpoints: dict[str, UUID]) -> dict[str, Any]:
    return {
        "id": route_id,
        "name": plan["name"],
        "name_en": plan["name_en"],
        "place_code": plan["place_code"],
        "ordered": plan["ordered"],
        "checkpoint_ids": [checkpoints[code] for code in plan["checkpoints"]],
    }
