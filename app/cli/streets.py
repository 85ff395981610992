"""Which street a command is for: the one named, or the only one there is."""

from __future__ import annotations

import click
from sqlalchemy import select

from app.core.extensions import db
from app.places.models import Place

street_option = click.option("--street", help="Code of the street; not needed where there is only one.")


def chosen_street(code: str | None) -> str:
    """The street's code.

    Raises:
        click.ClickException: where there is no such street, or none was named and there are several.
    """
    codes = list(db.session.scalars(select(Place.code).where(Place.level == "street").order_by(Place.code)))
    if not codes:
        raise click.ClickException("There is no street yet; load one with `flask places import` first.")
    if code is None and len(codes) > 1:
        raise click.ClickException(f"There are several streets; name one with --street: {', '.join(codes)}")
    if code is not None and code not in codes:
        raise click.ClickException(f"There is no street {code!r}; there is {', '.join(codes)}.")
    return code or codes[0]
