"""``flask notify``: group robots, and a street's own ladder and quiet hours."""

from __future__ import annotations

import json
from typing import TextIO
from uuid import UUID

import click
from flask.cli import AppGroup

from app.core import clock
from app.core.extensions import db
from app.notify import preferences, robots
from app.notify.addresses import origin
from app.notify.robots import RobotError
from app.notify.rules import PolicyError

notify = AppGroup("notify", help="How people are told.")


@notify.command("add-robot")
@click.argument("file", type=click.File("r"))
@click.option("--place", help="Code of the place: for everybody with a post there or below.")
@click.option("--user", help="User name: for this person alone.")
def add_robot(file: TextIO, place: str | None, user: str | None) -> None:
    """Take the WeCom webhook address in FILE (- for the keyboard) for a place or a person.

    The address is a secret, so it is not given on the command line.
    """
    try:
        robot_id = robots.add(file.read().strip(), username=user, place_code=place, now=clock.now())
    except RobotError as error:
        db.session.rollback()
        raise click.ClickException(f"{error} Nothing was changed.") from error
    db.session.commit()
    click.echo(f"Robot {robot_id} is on.")


@notify.command("robots")
def list_robots() -> None:
    """List the robots that are on, without their keys."""
    on = list(robots.in_use())
    if not on:
        click.echo("No robot is on.")
    for robot in on:
        whose = robot.place_code or f"user {robot.user_id}"
        click.echo(f"{robot.id}  {robot.street_code}  {whose}  {origin(robot.address)}")


@notify.command("remove-robot")
@click.argument("robot_id", type=click.UUID)
def remove_robot(robot_id: UUID) -> None:
    """Turn a robot off."""
    if not robots.remove(robot_id):
        raise click.ClickException("There is no such robot that is on.")
    db.session.commit()
    click.echo("It is off.")


@notify.command("set-policy")
@click.argument("street")
@click.argument("file", type=click.File("rb"))
def set_policy(street: str, file: TextIO) -> None:
    """Give STREET (its code) the ladder and quiet hours in FILE (JSON, as app/notify/policy.json)."""
    try:
        document = json.loads(file.read())
        if not isinstance(document, dict):
            raise PolicyError("A policy is a JSON object.")
        preferences.set_policy(street, document, clock.now())
    except ValueError as error:
        db.session.rollback()
        raise click.ClickException(f"{error} Nothing was changed.") from error
    db.session.commit()
    click.echo("The policy is in force; ladders that have begun go on by it.")
