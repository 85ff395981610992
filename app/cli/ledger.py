"""``flask ledger``: seal what is final, verify what is sealed."""

from __future__ import annotations

import click
from flask.cli import AppGroup

from app.core.extensions import db
from app.ledger import seal as sealing
from app.ledger import verify as verifying

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


@ledger_cli.command("verify")
@click.option("--street", help="Code of one street; all streets where not given.")
def verify(street: str | None) -> None:
    """Find changed, removed and inserted rows and broken batches; exit code 1 where there are any."""
    wrong = 0
    with db.engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        known = verifying.streets(connection)
        if street and street not in known:
            raise click.BadParameter(f"{street} has no ledger", param_hint="--street")
        for street_code in [street] if street else known:
            count = verifying.Count()
            for finding in verifying.verify(connection, street_code, count):
                wrong += 1
                click.echo(f"{finding.street_code}: {finding.kind}: {finding.detail}")
            click.echo(
                f"{street_code}: {count.rows} rows, {count.unsealed} of them not sealed yet, "
                f"{count.batches} batches, last hash {count.head or 'none'}"
            )
    if wrong:
        click.echo(f"{wrong} findings: the ledger is not what was sealed.", err=True)
        raise SystemExit(1)
    click.echo("The ledger is as it was sealed.")
