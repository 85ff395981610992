"""``flask places``: the tree of places and the checkpoints, from files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click
from flask.cli import AppGroup

from app.core.extensions import db
from app.places import imports

MAX_SHOWN = 50

places = AppGroup("places", help="Import places and checkpoints from files.")


def run_import(what: str, act: Callable[[str], imports.Imported], file: Path) -> None:
    """Run *act* on the text of *file* as one transaction and say what it did.

    Raises:
        click.ClickException: where it was refused, with one line for each fault.
    """
    try:
        content = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise click.ClickException(f"{file} cannot be read: {error}") from error
    try:
        done = act(content)
    except imports.ImportRefused as refused:
        db.session.rollback()
        lines = [f"{file}: nothing was imported, {len(refused.faults)} fault(s):"]
        lines += [f"  {fault}" for fault in refused.faults[:MAX_SHOWN]]
        if len(refused.faults) > MAX_SHOWN:
            lines.append(f"  … and {len(refused.faults) - MAX_SHOWN} more")
        raise click.ClickException("\n".join(lines)) from None
    db.session.commit()
    click.echo(
        f"{what}: {done.added} added, {done.changed} changed, "
        f"{done.removed} removed, {done.unchanged} unchanged"
    )


@places.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def import_command(file: Path) -> None:
    """Make the places of the streets in FILE (GeoJSON) what the file says; all or nothing."""
    run_import("places", imports.import_places, file)


@places.command("import-checkpoints")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def import_checkpoints_command(file: Path) -> None:
    """Add or change the checkpoints in FILE (CSV); all or nothing."""
    run_import("checkpoints", imports.import_checkpoints, file)
