"""``flask responsibility``: who answers for what where, from a file and back, and what is missing."""

from __future__ import annotations

from pathlib import Path

import click
from flask.cli import AppGroup

from app.cases.catalogue.queries import current
from app.cases.csv_file import MAX_BYTES, FileUnreadable
from app.cases.responsibility import gap_words, queries
from app.cases.responsibility.file import write_matrix
from app.cases.responsibility.matrix import MatrixRefused, import_matrix
from app.cli.streets import chosen_street, street_option
from app.core import clock
from app.core.extensions import db

MAX_SHOWN = 50

responsibility = AppGroup("responsibility", help="Who answers for which class at which place.")


def run_import(street_code: str, file: Path, *, replace: bool = False) -> None:
    """Take *file* as one transaction and say what was done.

    Raises:
        click.ClickException: where it was refused, with one line for each fault.
    """
    with file.open("rb") as stream:
        raw = stream.read(MAX_BYTES + 1)
    try:
        done = import_matrix(raw, street_code, clock.now(), replace=replace)
    except FileUnreadable as error:
        db.session.rollback()
        raise click.ClickException(f"{file.name}: {error} Nothing was changed.") from error
    except MatrixRefused as refused:
        db.session.rollback()
        for fault in refused.faults[:MAX_SHOWN]:
            click.echo(f"{file.name}:{fault.line}: {fault.reason}", err=True)
        raise click.ClickException(f"{len(refused.faults)} bad line(s); nothing was changed.") from refused
    db.session.commit()
    click.echo(
        f"responsibilities: {done['added']} added, {done['ended']} ended, {done['unchanged']} unchanged"
    )


@responsibility.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--replace", is_flag=True, help="End the lines that FILE does not have.")
@street_option
def import_command(file: Path, replace: bool, street: str | None) -> None:
    """Take lines of the matrix from a CSV FILE, all of it or nothing.

    Columns: place_code, selector_kind (class, department, any), selector, duty (handler, owner, deputy,
    watcher, arbiter), username; optional: rank, starts_on, ends_on.
    """
    run_import(chosen_street(street), file, replace=replace)


@responsibility.command("export")
@street_option
def export_command(street: str | None) -> None:
    """Write the matrix as CSV, in the form that import reads."""
    code = chosen_street(street)
    usernames = {key: person.username for key, person in queries.people_of(code, clock.now()).items()}
    lines = [queries.line_of(row) for row in queries.matrix_of(code)]
    click.echo(write_matrix(lines, usernames), nl=False)


@responsibility.command("check")
@click.option("--lang", type=click.Choice(["zh", "en"]), default="zh", show_default=True)
@street_option
def check_command(lang: str, street: str | None) -> None:
    """Say which class has nobody to handle it, to answer for it or to watch it; exit 1 where one has."""
    code = chosen_street(street)
    if current(code) is None:
        raise click.ClickException("The street has no catalogue yet: `flask catalogue import FILE`.")
    found = queries.check(code, clock.now())
    for gap in found.gaps:
        click.echo(gap_words.sentence(gap, found.known, lang))
    if found.gaps:
        raise click.ClickException(f"{len(found.gaps)} gap(s) in the responsibility matrix.")
    click.echo("No gaps: every class has its people everywhere.")
