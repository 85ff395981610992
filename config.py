"""Settings, read once from the environment; production refuses what is unsafe.

The two modes are ``development`` (``make run``: demo accounts, demo data, plain http on this machine)
and ``production``. ``testing`` is development with nothing loaded.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

DEVELOPMENT_SECRET = "development-only-secret-never-for-production"  # noqa: S105 - refused in production
MIN_SECRET_LENGTH = 32
MODES = ("development", "testing", "production")


class SettingsError(RuntimeError):
    """A setting is missing or unsafe; the text says which and what to do."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the processes of one installation need to know.

    Attributes:
        mode: ``development``, ``testing`` or ``production``.
        secret_key: root secret, at least 32 characters; all other keys are derived from it.
        database_url: SQLAlchemy URL of the application's role (may not change the ledger).
        owner_database_url: URL of the role that owns the tables, used by migrations only.
        tile_url: XYZ template of an optional background map, or "" for the bundled outline only.
        tile_datum: datum of those tiles: ``wgs84``, ``gcj02`` or ``bd09``.
        tile_attribution: the credit line that the tile provider asks for.
        tag_sheet_font: TrueType file with Chinese characters for tag sheets, or "" to look for one.
    """

    mode: str
    secret_key: str
    database_url: str
    owner_database_url: str
    tile_url: str = ""
    tile_datum: str = "wgs84"
    tile_attribution: str = ""
    tag_sheet_font: str = ""
    pool_size: int = 8

    @property
    def is_production(self) -> bool:
        """True where demo accounts and default secrets must not exist."""
        return self.mode == "production"


def read_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings from *environ*.

    Raises:
        SettingsError: where a setting is missing, unknown or unsafe for its mode.
    """
    mode = environ.get("IRONFEET_MODE", "production")
    if mode not in MODES:
        raise SettingsError(f"IRONFEET_MODE is {mode!r}; use one of {', '.join(MODES)}.")
    secret = environ.get("SECRET_KEY", "")
    if mode != "production" and not secret:
        secret = DEVELOPMENT_SECRET
    if mode == "production" and (len(secret) < MIN_SECRET_LENGTH or secret == DEVELOPMENT_SECRET):
        raise SettingsError(
            f"SECRET_KEY is missing, a default, or shorter than {MIN_SECRET_LENGTH} characters. "
            "Make one with: python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"
        )
    database_url = _psycopg_url(environ.get("DATABASE_URL", ""))
    if not database_url:
        raise SettingsError("DATABASE_URL is missing: give the address of a PostgreSQL with PostGIS.")
    datum = environ.get("TILE_DATUM", "wgs84")
    if datum not in {"wgs84", "gcj02", "bd09"}:
        raise SettingsError(f"TILE_DATUM is {datum!r}; use wgs84, gcj02 or bd09.")
    return Settings(
        mode=mode,
        secret_key=secret,
        database_url=database_url,
        owner_database_url=_psycopg_url(environ.get("OWNER_DATABASE_URL", "")) or database_url,
        tile_url=environ.get("TILE_URL", ""),
        tile_datum=datum,
        tile_attribution=environ.get("TILE_ATTRIBUTION", ""),
        tag_sheet_font=environ.get("TAG_SHEET_FONT", ""),
        pool_size=int(environ.get("DATABASE_POOL_SIZE", "8")),
    )


def _psycopg_url(url: str) -> str:
    """Name the psycopg 3 driver in a plain ``postgres://`` or ``postgresql://`` address."""
    for plain in ("postgres://", "postgresql://"):
        if url.startswith(plain):
            return "postgresql+psycopg://" + url.removeprefix(plain)
    return url
