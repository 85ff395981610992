"""``flask policy``: the escalation policy of a street, checked, put in force, and tried beforehand."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click
from flask.cli import AppGroup

from app.cases.policy import queries as policy_queries
from app.cases.policy import versions as policies
from app.cases.policy.timeline import Assumptions, timeline
from app.cases.policy.timeline_words import words
from app.cli.streets import chosen_street, street_option
from app.core import clock, problems
from app.core.extensions import db
from app.core.fields import EARLIEST, LATEST
from app.core.problems import Problem

MAX_BYTES = 1024 * 1024
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)

policy = AppGroup("policy", help="Who is told and who takes over when a case is not moving.")


def import_policy(street_code: str, file: Path) -> int:
    """Put the policy in *file* in force as one transaction, and say which version it is.

    Raises:
        click.ClickException: where it has faults, a line for each.
    """
    content = _read(file)
    try:
        version = policies.save_policy(street_code, content, None, clock.now())
    except Problem as refused:
        db.session.rollback()
        raise _told(file, refused) from refused
    db.session.commit()
    click.echo(f"policy of {street_code}: version {version} is in force")
    return version


def _read(file: Path) -> Any:
    with file.open("rb") as stream:
        raw = stream.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        raise click.ClickException(f"{file} is larger than {MAX_BYTES} bytes.")
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise click.ClickException(f"{file} is not JSON: {error}") from error


def _told(file: Path, refused: Problem) -> click.ClickException:
    if refused.kind != problems.POLICY_FAULTY:
        return click.ClickException(str(refused))
    faults = refused.members["faults"]
    lines = [f"  {fault['path']}: {fault['zh']} {fault['en']}" for fault in faults]
    return click.ClickException("\n".join([f"{file}: {len(faults)} fault(s), nothing was saved:", *lines]))


@policy.command("import")
@click.argument("file", type=_FILE)
@street_option
def import_command(file: Path, street: str | None) -> None:
    """Put the policy in FILE (JSON) in force for cases filed from now on.

    Cases keep the version they were filed under. The same content again makes no version.
    """
    import_policy(chosen_street(street), file)


@policy.command("check")
@click.argument("file", type=_FILE)
def check_command(file: Path) -> None:
    """Say what is wrong with the policy in FILE; nothing is stored. Exit code 1 where something is."""
    try:
        found = policies.sound(_read(file))
    except Problem as refused:
        raise _told(file, refused) from refused
    click.echo(f"{file}: {found.name}, {found.name_en}: {len(found.rules)} rules, no fault")


def _moment(_context: click.Context, _parameter: click.Parameter, value: str) -> datetime:
    """An ISO time with its offset, or a local time of Shanghai."""
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} is no time such as 2026-11-27T17:30+08:00") from None
    at = at if at.tzinfo else at.replace(tzinfo=clock.SHANGHAI)
    if not EARLIEST <= at <= LATEST:
        raise click.BadParameter(f"{value} is not a time of these centuries")
    return at


def _minutes(amount: float | None) -> timedelta | None:
    return None if amount is None else timedelta(minutes=amount)


_AFTER = click.FloatRange(0, 60 * 24 * 366)


@policy.command("dry-run")
@click.option("--class", "class_key", required=True, help="Key of a class in the catalogue: M-09005.")
@click.option("--starts", callback=_moment, required=True, help="When the case is filed: 2026-11-27T17:30.")
@click.option("--file", type=_FILE, help="A policy that is not in force yet; without: the one in force.")
@click.option("--lang", type=click.Choice(["zh", "en"]), default="zh", show_default=True)
@click.option("--off-duty", is_flag=True, help="No handler is on duty.")
@click.option("--accepted", type=_AFTER, help="Minutes from dispatch to acceptance; without: never.")
@click.option("--resolved", type=_AFTER, help="Minutes from acceptance to resolved; without: never.")
@click.option("--verified", type=_AFTER, help="Minutes from resolved to verified; without: never.")
@street_option
def dry_run_command(
    *,
    class_key: str,
    starts: datetime,
    file: Path | None,
    lang: str,
    off_duty: bool,
    accepted: float | None,
    resolved: float | None,
    verified: float | None,
    street: str | None,
) -> None:
    """Show the whole timeline that the policy would give a case, a line for each moment."""
    code = chosen_street(street)
    assumed = Assumptions(
        on_duty=not off_duty,
        acknowledged_after=_minutes(accepted),
        resolved_after=_minutes(resolved),
        verified_after=_minutes(verified),
    )
    try:
        found = policies.sound(_read(file)) if file else policies.load_policy(code)
        limits = policy_queries.limits_of(code, class_key)
        moments = timeline(found, limits, policy_queries.calendar_of(code), starts, assumed)
    except Problem as refused:
        raise _told(file or Path("policy"), refused) from refused
    for line in words(moments, lang):
        click.echo(line)
