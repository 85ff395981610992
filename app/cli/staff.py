"""``flask staff``: people and posts from a file."""

from __future__ import annotations

import os
from pathlib import Path

import click
from flask.cli import AppGroup

from app.core.extensions import db
from app.people.passwords import first_password
from app.people.sessions import reset_password
from app.people.staff_file import MAX_BYTES, MAX_ERRORS, StaffFileError
from app.people.staff_import import Imported, StaffRefused, import_staff

staff = AppGroup("staff", help="People and their posts.")

_WORDS = {
    "people_added": "people added",
    "people_changed": "people changed",
    "posts_added": "posts added",
    "posts_changed": "posts changed",
}


@staff.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--passwords-out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="New file for the first passwords of new people who have none in FILE; readable by you only.",
)
def import_command(file: Path, passwords_out: Path | None) -> None:
    """Take people and posts from a CSV FILE (UTF-8 or GB18030), all of it or nothing.

    Columns: username, display_name, role, place_code; optional: display_name_en, phone, starts_on,
    ends_on, password. One line is one post. Known people keep their password; nobody is removed.
    """
    with file.open("rb") as stream:
        raw = stream.read(MAX_BYTES + 1)
    try:
        result = import_staff(raw)
        _keep(result, passwords_out)
    except StaffFileError as error:
        db.session.rollback()
        raise click.ClickException(f"{file.name}: {error} Nothing was changed.") from error
    except StaffRefused as refused:
        db.session.rollback()
        for row in refused.bad[:MAX_ERRORS]:
            click.echo(f"{file.name}:{row.line}: {row.reason}", err=True)
        raise click.ClickException(f"{len(refused.bad)} bad rows; nothing was changed.") from refused
    told = [f"{result.changes[name]} {words}" for name, words in _WORDS.items() if result.changes[name]]
    click.echo(", ".join(told) or "Nothing to change.")


def _keep(result: Imported, passwords_out: Path | None) -> None:
    """Commit, with the first passwords on disk before."""
    if not result.first_passwords:
        db.session.commit()
    elif passwords_out is None:
        db.session.rollback()
        raise click.ClickException(
            f"{len(result.first_passwords)} new people have no password in the file: "
            "give --passwords-out FILE to write first ones to. Nothing was changed."
        )
    else:
        _commit_with_passwords(result.first_passwords, passwords_out)


def _commit_with_passwords(words: dict[str, str], out: Path) -> None:
    """Write passwords to a new file that only its owner may read, then commit; neither without the other."""
    try:
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        db.session.rollback()
        raise click.ClickException(f"{out}: {error.strerror}. Nothing was changed.") from error
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write("username,password\n")
            stream.writelines(f"{name},{word}\n" for name, word in words.items())
            stream.flush()
            os.fsync(stream.fileno())
        db.session.commit()
    except BaseException:
        out.unlink(missing_ok=True)
        raise


@staff.command("password")
@click.argument("username")
@click.option(
    "--passwords-out",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="New file for the password; readable by you only.",
)
def password_command(username: str, passwords_out: Path) -> None:
    """Give USERNAME a new random password, for who has forgotten theirs; lifts a lock, ends all sessions."""
    password = first_password()
    if not reset_password(username.strip().lower(), password):
        raise click.ClickException(f"There is nobody with the user name {username!r}.")
    _commit_with_passwords({username.strip().lower(): password}, passwords_out)
    click.echo(f"Written to {passwords_out}.")
