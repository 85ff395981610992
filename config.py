"""Settings, read once from the environment; production refuses what is unsafe.

The two modes are ``development`` (``make run``: demo accounts, demo data, plain http on this machine)
and ``production``. ``testing`` is development with nothing loaded.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

DEVELOPMENT_SECRET = "development-only-secret-never-for-production"  # noqa: S105 - refused in production
MIN_SECRET_LENGTH = 32
MIN_SECRET_KINDS = 10  # different characters
DATABASE_SCHEMES = ("postgres", "postgresql", "postgresql+psycopg")
DEVELOPMENT_PHOTO_DIR = "var/photos"
PRODUCTION_PHOTO_DIR = "/var/lib/ironfeet/photos"  # made by the systemd units
_ORIGIN = re.compile(r"https?://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(:[0-9]{1,5})?")
MODES = ("development", "testing", "production")


class SettingsError(RuntimeError):
    """A setting is missing or unsafe; the text says which and what to do."""


@dataclass(frozen=True, slots=True)
class PhotoSettings:
    """Where photos are kept: in a folder, or, where ``s3_endpoint`` is given, in a bucket.

    Attributes:
        s3_endpoint: ``https://host[:port]``; plain http for a store on the same machine or network only.
    """

    folder: str
    s3_endpoint: str = ""
    s3_bucket: str = ""
    s3_region: str = ""
    s3_access_key: str = field(default="", repr=False)
    s3_secret_key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the processes of one installation need to know.

    Attributes:
        mode: ``development``, ``testing`` or ``production``.
        secret_key: root secret, at least 32 characters, 10 different ones; all other keys are derived from it.
        database_url: SQLAlchemy URL of the application's role (may not change the ledger).
        owner_database_url: URL of the role that owns the tables, used by migrations only.
        tile_url: XYZ template of an optional background map, or "" for the bundled outline only.
        tile_datum: datum of those tiles: ``wgs84``, ``gcj02`` or ``bd09``.
        tile_attribution: the credit line that the tile provider asks for.
        tag_sheet_font: TrueType file with Chinese characters for tag sheets, or "" to look for one.
        photos: where photos are kept.
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
    photos: PhotoSettings = PhotoSettings(DEVELOPMENT_PHOTO_DIR)

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
    if mode == "production" and _is_weak(secret):
        raise SettingsError(
            f"SECRET_KEY is missing, a default, shorter than {MIN_SECRET_LENGTH} characters, or of fewer "
            f"than {MIN_SECRET_KINDS} different ones. "
            "Make one with: python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"
        )
    database_url = _database_url(environ, "DATABASE_URL")
    if not database_url:
        raise SettingsError("DATABASE_URL is missing: give the address of a PostgreSQL with PostGIS.")
    datum = environ.get("TILE_DATUM", "wgs84")
    if datum not in {"wgs84", "gcj02", "bd09"}:
        raise SettingsError(f"TILE_DATUM is {datum!r}; use wgs84, gcj02 or bd09.")
    return Settings(
        mode=mode,
        secret_key=secret,
        database_url=database_url,
        owner_database_url=_database_url(environ, "OWNER_DATABASE_URL") or database_url,
        tile_url=environ.get("TILE_URL", ""),
        tile_datum=datum,
        tile_attribution=environ.get("TILE_ATTRIBUTION", ""),
        tag_sheet_font=environ.get("TAG_SHEET_FONT", ""),
        pool_size=_pool_size(environ.get("DATABASE_POOL_SIZE", "8")),
        photos=_photos(environ, mode),
    )


def _is_weak(secret: str) -> bool:
    return (
        len(secret) < MIN_SECRET_LENGTH or len(set(secret)) < MIN_SECRET_KINDS or secret == DEVELOPMENT_SECRET
    )


def _database_url(environ: Mapping[str, str], name: str) -> str:
    """The address in variable *name* with the psycopg 3 driver named in it, or "" where there is none."""
    url = environ.get(name, "")
    scheme, _, rest = url.partition("://")
    if url and (scheme not in DATABASE_SCHEMES or not rest):
        # the address may hold a password: it is not repeated
        raise SettingsError(f"{name} is not a database address; use postgresql://user:password@host/database")
    return f"postgresql+psycopg://{rest}" if url else ""


def _pool_size(text: str) -> int:
    if not re.fullmatch("[0-9]{1,3}", text) or not int(text):
        raise SettingsError(f"DATABASE_POOL_SIZE is {text!r}; use a whole number from 1 to 999.")
    return int(text)


def _photos(environ: Mapping[str, str], mode: str) -> PhotoSettings:
    """The store of photos; a half-described bucket is refused rather than passed over."""
    usual = PRODUCTION_PHOTO_DIR if mode == "production" else DEVELOPMENT_PHOTO_DIR
    folder = environ.get("PHOTO_DIR", "") or usual
    if mode == "production" and not os.path.isabs(folder):  # noqa: PTH117 - a text, no path of this machine
        raise SettingsError(f"PHOTO_DIR is {folder!r}; give the whole path, beginning with /.")
    names = ("ENDPOINT", "BUCKET", "REGION", "ACCESS_KEY", "SECRET_KEY")
    given = {name: environ.get(f"PHOTO_S3_{name}", "") for name in names}
    missing = [f"PHOTO_S3_{name}" for name in names if not given[name] and name != "REGION"]
    if not any(given.values()):
        return PhotoSettings(folder)
    if missing:
        raise SettingsError(f"{', '.join(missing)} missing: photos in S3 need all of them.")
    if not _ORIGIN.fullmatch(given["ENDPOINT"]):
        # the address may hold a password: it is not repeated
        raise SettingsError("PHOTO_S3_ENDPOINT is not an address; use https://host or https://host:port")
    return PhotoSettings(
        folder,
        s3_endpoint=given["ENDPOINT"],
        s3_bucket=given["BUCKET"],
        s3_region=given["REGION"] or "us-east-1",
        s3_access_key=given["ACCESS_KEY"],
        s3_secret_key=given["SECRET_KEY"],
    )
