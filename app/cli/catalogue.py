"""``flask catalogue``: classes of problems, filing conditions and departments, from files and back."""

from __future__ import annotations

from pathlib import Path

import click
from flask.cli import AppGroup
from sqlalchemy import select

from app.cases.catalogue import rules as class_rules
from app.cases.catalogue.file import DepartmentIn, write_classes, write_conditions, write_departments
from app.cases.catalogue.importing import CatalogueRefused, Imported, import_catalogue
from app.cases.catalogue.queries import CatalogueVersion, catalogue_of
from app.cases.csv_file import MAX_BYTES, FileUnreadable
from app.cases.reference_models import Department
from app.cli.streets import chosen_street, street_option
from app.core import clock
from app.core.extensions import db

MAX_SHOWN = 50
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)

catalogue = AppGroup("catalogue", help="Classes of problems, their filing conditions, departments.")


def run_import(
    street_code: str, classes: Path, conditions: Path | None, departments: Path | None, *, name: str
) -> Imported:
    """Take the files as one transaction and say what was done.

    Raises:
        click.ClickException: where they were refused, with one line for each fault.
    """
    files = {"classes": classes, "conditions": conditions, "departments": departments}
    try:
        done = import_catalogue(
            street_code,
            _read(classes),
            _read(conditions) if conditions else None,
            _read(departments) if departments else None,
            name=name,
            now=clock.now(),
        )
    except FileUnreadable as error:
        db.session.rollback()
        raise click.ClickException(f"{error} Nothing was changed.") from error
    except CatalogueRefused as refused:
        db.session.rollback()
        for fault in refused.faults[:MAX_SHOWN]:
            file = files[fault.file]
            click.echo(f"{file.name if file else fault.file}:{fault.line}: {fault.reason}", err=True)
        raise click.ClickException(f"{len(refused.faults)} bad line(s); nothing was changed.") from refused
    db.session.commit()
    click.echo(
        f"catalogue: version {done.version}{'' if done.new else ' unchanged'}, {done.classes} classes, "
        f"{done.conditions} filing conditions, {done.departments} departments"
    )
    return done


def _read(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(MAX_BYTES + 1)


@catalogue.command("import")
@click.argument("classes", type=_FILE)
@click.option("--conditions", type=_FILE, help="CSV of filing conditions; without: those known are kept.")
@click.option("--departments", type=_FILE, help="CSV of departments; without: those known are kept.")
@click.option("--name", help="What to call the version; the name of the file, where not given.")
@street_option
def import_command(
    classes: Path, conditions: Path | None, departments: Path | None, name: str | None, street: str | None
) -> None:
    """Make CLASSES (CSV) the street's catalogue in force: a new version, all of it or nothing.

    Cases filed under an older version stay as they are. The same content again makes no version.
    """
    run_import(chosen_street(street), classes, conditions, departments, name=name or classes.stem)


@catalogue.command("export")
@click.argument("what", type=click.Choice(["classes", "conditions", "departments"]))
@street_option
def export_command(what: str, street: str | None) -> None:
    """Write the catalogue in force as CSV, in the form that import reads."""
    found = _in_force(chosen_street(street))
    if what == "classes":
        click.echo(write_classes(found.classes.values()), nl=False)
    elif what == "conditions":
        click.echo(write_conditions(found.classes.values()), nl=False)
    else:
        rows = db.session.scalars(
            select(Department).where(Department.street_code == found.street_code).order_by(Department.name)
        )
        known = [DepartmentIn(row.name, row.name_en, row.credit_code) for row in rows]
        click.echo(write_departments(known), nl=False)


@catalogue.command("check")
@street_option
def check_command(street: str | None) -> None:
    """Say what looks like a mistake in the catalogue in force; exit 1 where something does."""
    found = _in_force(chosen_street(street))
    odd = class_rules.oddities(found.classes.values(), found.departments)
    for what, why in odd:
        click.echo(f"{what} {why}")
    click.echo(f"catalogue: version {found.version} ({found.name}), {len(found.classes)} classes")
    if odd:
        raise click.ClickException(f"{len(odd)} thing(s) look like a mistake.")


def _in_force(street_code: str) -> CatalogueVersion:
    found = catalogue_of(street_code)
    if found is None:
        raise click.ClickException("The street has no catalogue yet: `flask catalogue import FILE`.")
    return found
