"""``flask ledger``: seal what is final, verify what is sealed."""

from __future__ import annotations

import re

import click
from flask.cli import AppGroup

from app.core.extensions import db
from app.ledger import seal as sealing
from app.ledger import verify as verifying
from app.ledger.rules import Finding, noted_missing

ledger_cli = AppGroup("ledger", help="Seal and verify the ledger.")


@ledger_cli.command("seal")
def seal() -> None:
    """Seal everything that is final, as the worker does by itself."""
    done = sealing.seal_pending()
    db.session.commit()
    if done.busy:
        click.echo("Another sealer is at work; nothing done.")
        return
    click.echo(f"Sealed {done.rows} rows in {done.batches} batches.")


def _hashes(_context: click.Context, _parameter: click.Parameter, noted: tuple[str, ...]) -> set[str]:
    for text in noted:
        if not re.fullmatch(r"[0-9a-fA-F]{64}", text):
            raise click.BadParameter(f"{text} is not a hash of 64 hexadecimal digits")
    return {text.lower() for text in noted}


@ledger_cli.command("verify")
@click.option("--street", help="Code of one street; all streets where not given.")
@click.option(
    "--expect",
    "noted",
    multiple=True,
    callback=_hashes,
    help="A last hash that was noted earlier, which must still be there; may be given several times.",
)
def verify(street: str | None, noted: set[str]) -> None:
    """Find changed, removed and inserted rows and broken batches; exit code 1 where there are any."""
    wrong = 0
    count = verifying.Count(noted=noted)
    with db.engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        known = verifying.streets(connection)
        if street and street not in known:
            raise click.BadParameter(f"{street} has no ledger", param_hint="--street")
        for street_code in [street] if street else known:
            count = verifying.Count(noted=count.noted)
            for finding in verifying.verify(connection, street_code, count):
                wrong += 1
                _say(finding)
            click.echo(
                f"{street_code}: {count.rows} rows, {count.unsealed} of them not sealed yet, "
                f"{count.batches} batches, last hash {count.head or 'none'}"
            )
    for missing in sorted(count.noted):
        wrong += 1
        _say(noted_missing(street or "all streets", missing))
    if wrong:
        click.echo(f"{wrong} findings: the ledger is not what was sealed.", err=True)
        raise SystemExit(1)
    click.echo("The ledger is as it was sealed.")


def _say(finding: Finding) -> None:
    click.echo(f"{finding.street_code}: {finding.kind}: {finding.detail}")
