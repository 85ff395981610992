"""Whether the installation is well: database, migrations, worker. Never a 500, always an answer in 2 s."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TookTooLong
from functools import cache
from typing import Any

import psycopg
from alembic.script import ScriptDirectory
from flask import current_app
from marshmallow import fields
from sqlalchemy.engine import make_url

from app.core.fields import Wire
from app.core.pipeline import PUBLIC, endpoint
from app.core.web import Blueprint

ANSWER_WITHIN_S = 1.5
WORKER_SILENT_AFTER_S = 30  # the worker ticks every second

# One thread: a database that swallows connections may hold up one look, not a thread per look.
_looker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="healthz")

blp = Blueprint("health", __name__, description="Health of the installation")


class CheckShape(Wire):
    """One check: passed or not, and why."""

    ok = fields.Boolean(required=True)
    detail = fields.String(required=True)


class HealthShape(Wire):
    """All checks."""

    database = fields.Nested(CheckShape, required=True)
    migrations = fields.Nested(CheckShape, required=True)
    worker = fields.Nested(CheckShape, required=True)


@blp.get("/healthz")
@endpoint(PUBLIC)
@blp.response(200, HealthShape)
@blp.alt_response(503, schema=HealthShape, description="At least one check failed")
def health() -> tuple[dict[str, dict[str, Any]], int]:
    """Say whether database, migrations and worker are well."""
    checks = look(current_app.config["SETTINGS"].database_url, _heads())
    return checks, 200 if all(check["ok"] for check in checks.values()) else 503


def look(database_url: str, heads: frozenset[str]) -> dict[str, dict[str, Any]]:
    """The three checks on a connection of their own, so that an exhausted pool is not a dead database.

    Args:
        heads: the newest migrations of this code.
    """
    try:
        applied, silent_s = _looker.submit(_ask, database_url).result(ANSWER_WITHIN_S)
    except (psycopg.Error, TookTooLong) as error:
        why = _reason(error)
        unknown = _check(False, "unknown while the database is away")
        return {"database": _check(False, why), "migrations": unknown, "worker": unknown}
    return {
        "database": _check(True, "answers"),
        "migrations": _migrations(applied, heads),
        "worker": _worker(silent_s),
    }


def _reason(error: psycopg.Error | TookTooLong) -> str:
    """Why the database gave no answer, without addresses or names of accounts: the page is public."""
    if isinstance(error, TookTooLong | psycopg.errors.QueryCanceled):
        return "does not answer in time"
    if isinstance(error, psycopg.OperationalError):
        return "cannot be reached"
    return f"refuses to answer ({type(error).__name__})"


def _check(ok: bool, detail: str) -> dict[str, Any]:
    return {"ok": ok, "detail": detail}


def _migrations(applied: frozenset[str], heads: frozenset[str]) -> dict[str, Any]:
    if applied == heads:
        return _check(True, "at head")
    return _check(False, f"database at {_listed(applied)}, code at {_listed(heads)}: run flask db upgrade")


def _worker(silent_s: float | None) -> dict[str, Any]:
    if silent_s is None:
        return _check(False, "no worker has ever ticked")
    if silent_s > WORKER_SILENT_AFTER_S:
        return _check(False, f"the last tick was {silent_s:.0f} s ago")
    return _check(True, f"ticked {max(silent_s, 0.0):.1f} s ago")


def _listed(revisions: frozenset[str]) -> str:
    return ", ".join(sorted(revisions)) or "nothing"


def _ask(database_url: str) -> tuple[frozenset[str], float | None]:
    """Applied migrations, and seconds since the last tick of any worker (None: never)."""
    url = make_url(database_url).set(drivername="postgresql")
    with psycopg.connect(
        url.render_as_string(hide_password=False),
        connect_timeout=2,
        autocommit=True,
        options="-c statement_timeout=1000",
    ) as connection:
        tables = connection.execute(
            "select to_regclass('alembic_version') is not null, to_regclass('worker_heartbeat') is not null"
        ).fetchone()
        if tables != (True, True):
            return frozenset(), None
        applied = connection.execute("select version_num from alembic_version").fetchall()
        silent = connection.execute(
            "select extract(epoch from clock_timestamp() - max(at))::float8 from worker_heartbeat"
        ).fetchone()
    return frozenset(row[0] for row in applied), silent[0] if silent else None


@cache
def _heads_of(directory: str) -> frozenset[str]:
    return frozenset(ScriptDirectory(directory).get_heads())


def _heads() -> frozenset[str]:
    return _heads_of(str(current_app.extensions["migrate"].directory))
