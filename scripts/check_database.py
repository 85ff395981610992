"""Says in one sentence what keeps an outside database from being used; run inside the virtual environment."""

from __future__ import annotations

import os
import sys

import psycopg
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

POSTGRES_AT_LEAST = 130000  # 64-bit transaction ids by pg_current_xact_id()


def complaint(address: str) -> str | None:
    """What is wrong with the database at *address*, or None; PostGIS is added where the role may."""
    try:
        url = make_url(address).set(drivername="postgresql")
    except ArgumentError:
        return "is not a database address; use postgresql://user:password@host/database"
    try:
        with psycopg.connect(
            url.render_as_string(hide_password=False), connect_timeout=5, autocommit=True
        ) as db:
            if db.info.server_version < POSTGRES_AT_LEAST:
                return f"is PostgreSQL {db.info.server_version // 10000}; 13 or newer is needed"
            if db.execute("select 1 from pg_extension where extname = 'postgis'").fetchone() is None:
                db.execute("create extension postgis")
    except psycopg.OperationalError as error:
        return f"cannot be reached: {_first_line(error)}"
    except psycopg.Error as error:
        return f"has no PostGIS and it cannot be added: {_first_line(error)}"
    return None


def _first_line(error: psycopg.Error) -> str:
    return str(error).strip().splitlines()[0]


def main() -> int:
    """Check DATABASE_URL and OWNER_DATABASE_URL."""
    for name in ("OWNER_DATABASE_URL", "DATABASE_URL"):
        if found := complaint(os.environ[name]):
            print(f"{name} {found}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
