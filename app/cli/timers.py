"""``flask timers``: what is wrong with what is due. ``flask calendar``: working days and hours."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import click
from flask.cli import AppGroup

from app.cases import audit as case_audit
from app.core import clock
from app.core.extensions import db
from app.timers import audit, calendars, service
from app.timers.calendar_rules import CalendarRefused

# What ``flask timers audit`` looks at; a package whose subjects need timers adds its check here.
CHECKS: tuple[audit.Check, ...] = (*audit.CHECKS, *case_audit.CHECKS)

_WORDS = {
    "missing": "has no calendar: flask calendar import FILE --street {street}",
    "year_missing": "has a calendar up to {last_year} only: deadlines are counted as Monday to Friday; "
    "import this year",
    "year_ending": "has a calendar up to {last_year}: import the next year before it begins",
}

timers_cli = AppGroup("timers", help="What is due.")
calendar_cli = AppGroup("calendar", help="Working days and hours of the streets.")


@timers_cli.command("audit")
def audit_command() -> None:
    """Find timers that failed or are overdue, and what should have a timer; exit code 1 where there are any."""
    now = clock.now()
    found = [finding for check in CHECKS for finding in check(now)]
    for finding in found:
        click.echo(
            f"{finding.street_code}: {finding.kind}: {finding.subject_kind} {finding.subject_id}: "
            f"{finding.detail}"
        )
    if found:
        click.echo(f"{len(found)} findings.", err=True)
        raise SystemExit(1)
    click.echo("Everything that is due is taken care of.")


@timers_cli.command("retry")
def retry_command() -> None:
    """Try the timers again that were given up, after the cause was repaired."""
    tried = service.retry_failed(clock.now(), actor_kind="cli")
    db.session.commit()
    click.echo(f"{tried} timers are tried again.")


@calendar_cli.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--street", help="Code of one street; all streets where not given.")
def import_command(file: Path, street: str | None) -> None:
    """Take in holidays and make-up days of whole years from FILE (JSON, as data/workdays_cn.json).

    A file that says something new makes a new version; the same again changes nothing.
    """
    import_calendar(file, [street] if street else calendars.streets())


def import_calendar(file: Path, street_codes: list[str]) -> None:
    """Import *file* for the streets, all or none, and say what was done.

    Raises:
        click.ClickException: where it was refused.
    """
    if not street_codes:
        raise click.ClickException("there are no streets yet: flask places import")
    try:
        content = file.read_text(encoding="utf-8")
        done = {
            code: calendars.import_days(code, content, clock.now(), actor_kind="cli") for code in street_codes
        }
    except (OSError, UnicodeDecodeError, CalendarRefused) as error:
        _refuse(f"{file}: nothing was imported: {error}")
    db.session.commit()
    for code, made in done.items():
        click.echo(
            f"calendar of {code}: "
            + (f"version {made.version}, {made.first_year}–{made.last_year}" if made else "unchanged")
        )


@calendar_cli.command("hours")
@click.option("--street", required=True, help="Code of the street.")
@click.argument("hours", nargs=-1, required=True)
def hours_command(street: str, hours: tuple[str, ...]) -> None:
    """Set the working hours of a street, for example 09:00-11:30 13:00-17:30: a new version."""
    try:
        made = calendars.set_hours(street, hours, clock.now(), actor_kind="cli")
    except (CalendarRefused, calendars.CalendarMissing) as error:
        _refuse(str(error))
    db.session.commit()
    click.echo(f"calendar of {street}: " + (f"version {made.version}" if made else "unchanged"))


@calendar_cli.command("check")
def check_command() -> None:
    """Find streets whose calendar is missing or running out; exit code 1 where there are any."""
    found = calendars.troubles(clock.now())
    for street, wrong, last_year in found:
        click.echo(f"{street} " + _WORDS[wrong].format(street=street, last_year=last_year))
    if found:
        raise SystemExit(1)
    click.echo("Every street has its calendar.")


def _refuse(why: str) -> NoReturn:
    db.session.rollback()
    raise click.ClickException(why)
