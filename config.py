"""Settings, read once from the environment; production refuses what is unsafe.

The two modes are ``development`` (``make run``: demo accounts, demo data, plain http on this machine)
and ``production``. ``testing`` is development with nothing loaded.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

DEVELOPMENT_SECRET = "development-only-secret-never-for-production"  # noqa: S105 - refused in production
MIN_SECRET_LENGTH = 32
MIN_SECRET_KINDS = 10  # different characters
DATABASE_SCHEMES = ("postgres", "postgresql", "postgresql+psycopg")
DEVELOPMENT_PHOTO_DIR = "var/photos"
PRODUCTION_PHOTO_DIR = "/var/lib/ironfeet/photos"  # made by the systemd units
_ORIGIN = re.compile(r"https?://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(:[0-9]{1,5})?")
_BUCKET = re.compile(r"(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")  # S3's rule for the name of a bucket
MODES = ("development", "testing", "production")


# The push services of Chrome and Edge on Android and desktop, Firefox, Safari, Edge on Windows. A * stands
# for one or more names. Whoever signs in names an endpoint, so the server calls these hosts only.
PUSH_HOSTS = (
    "fcm.googleapis.com",
    "*.push.services.mozilla.com",
    "web.push.apple.com",
    "*.push.apple.com",
    "*.notify.windows.com",
)
VAPID_CONTACT = "mailto:postmaster@localhost"
WECOM_HOSTS = ("qyapi.weixin.qq.com",)
# order of the curve P-256 (FIPS 186-4): a private key is below it
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


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
class SmsSettings:
    """How a text message is handed to the operator's gateway; no *url*, no text messages.

    Attributes:
        url: may hold ``{phone}`` and ``{text}``, which are then written for an address.
        format: of the body: ``json`` or ``form``.
        body: JSON object whose strings may hold ``{phone}`` and ``{text}``.
        headers: names and values, for example an Authorization.
        success: regular expression that is found in the answer where the message was taken.
    """

    url: str = field(default="", repr=False)
    method: str = "POST"
    format: str = "json"
    body: dict[str, Any] = field(default_factory=dict, repr=False)
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    success: str = ""


@dataclass(frozen=True, slots=True)
class ChannelSettings:
    """How people are told.

    Attributes:
        vapid_private_key: of Web Push, P-256, 32 bytes; empty: derived from the root secret.
        vapid_contact: whom a push service may write to: ``mailto:`` or ``https:``.
        push_hosts: hosts of push services that may be called.
        wecom_hosts: hosts of group robots that may be called.
        wecom_mention_phones: name the person to WeCom by phone number, so that it rings for them.
        send_deadline_s: for one message, from looking up the name to the last byte of the answer.
    """

    vapid_private_key: bytes = field(default=b"", repr=False)
    vapid_contact: str = VAPID_CONTACT
    push_hosts: tuple[str, ...] = PUSH_HOSTS
    wecom_hosts: tuple[str, ...] = WECOM_HOSTS
    wecom_mention_phones: bool = False
    sms: SmsSettings = field(default_factory=SmsSettings)
    send_deadline_s: float = 10.0


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
        channels: how people are told.
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
    channels: ChannelSettings = field(default_factory=ChannelSettings)

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
        channels=_channels(environ),
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
    if not _BUCKET.fullmatch(given["BUCKET"]):
        raise SettingsError(
            f"PHOTO_S3_BUCKET is {given['BUCKET']!r}; use 3 to 63 of a-z, 0-9, points and hyphens."
        )
    return PhotoSettings(
        folder,
        s3_endpoint=given["ENDPOINT"],
        s3_bucket=given["BUCKET"],
        s3_region=given["REGION"] or "us-east-1",
        s3_access_key=given["ACCESS_KEY"],
        s3_secret_key=given["SECRET_KEY"],
    )


def _channels(environ: Mapping[str, str]) -> ChannelSettings:
    contact = environ.get("VAPID_CONTACT", "") or VAPID_CONTACT
    if not re.fullmatch(r"mailto:[^@\s]+@[^@\s]+|https://\S+", contact):
        raise SettingsError(f"VAPID_CONTACT is {contact!r}; use mailto:name@host or https://….")
    mention = environ.get("WECOM_MENTION_PHONES", "no")
    if mention not in {"yes", "no"}:
        raise SettingsError(f"WECOM_MENTION_PHONES is {mention!r}; use yes or no.")
    deadline = environ.get("SEND_DEADLINE_S", "10")
    if not re.fullmatch("[0-9]{1,2}", deadline) or not int(deadline):
        raise SettingsError(f"SEND_DEADLINE_S is {deadline!r}; use whole seconds from 1 to 99.")
    return ChannelSettings(
        vapid_private_key=_vapid_key(environ.get("VAPID_PRIVATE_KEY", "")),
        vapid_contact=contact,
        push_hosts=_hosts(environ, "PUSH_ENDPOINT_HOSTS", PUSH_HOSTS),
        wecom_hosts=_hosts(environ, "WECOM_HOSTS", WECOM_HOSTS),
        wecom_mention_phones=mention == "yes",
        sms=_sms(environ),
        send_deadline_s=float(deadline),
    )


def _vapid_key(text: str) -> bytes:
    """The private key in VAPID_PRIVATE_KEY; a wrong one is not repeated."""
    if not text:
        return b""
    try:
        key = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (ValueError, binascii.Error):
        key = b""
    if len(key) != 32 or not 0 < int.from_bytes(key) < P256_ORDER:
        raise SettingsError("VAPID_PRIVATE_KEY is not a P-256 private key: 32 bytes in base64url.")
    return key


def _hosts(environ: Mapping[str, str], name: str, default: tuple[str, ...]) -> tuple[str, ...]:
    text = environ.get(name, "")
    if not text.strip():
        return default
    hosts = tuple(host.strip().lower() for host in text.split(","))
    wrong = [host for host in hosts if not re.fullmatch(r"(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)*", host)]
    if wrong:
        raise SettingsError(f"{name}: {wrong[0]!r} is not a host such as push.example.com or *.example.com.")
    return hosts


def _sms(environ: Mapping[str, str]) -> SmsSettings:
    url = environ.get("SMS_URL", "")
    if not url:
        return SmsSettings()
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise SettingsError("SMS_URL is not an http address.")  # it may hold a key: it is not repeated
    method, form = environ.get("SMS_METHOD", "POST"), environ.get("SMS_FORMAT", "json")
    if method not in {"GET", "POST"} or form not in {"json", "form"}:
        raise SettingsError("SMS_METHOD is GET or POST, SMS_FORMAT is json or form.")
    body = _json_object(environ, "SMS_BODY")
    headers = _json_object(environ, "SMS_HEADERS")
    if any(not isinstance(value, str) or re.search(r"[\r\n]", value) for value in headers.values()):
        raise SettingsError("SMS_HEADERS: every value must be a text of one line.")
    told = url + json.dumps(body)
    if "{phone}" not in told or "{text}" not in told:
        raise SettingsError("SMS_URL or SMS_BODY must say where {phone} and {text} go.")
    success = environ.get("SMS_SUCCESS", "")
    try:
        re.compile(success)
    except re.error as error:
        raise SettingsError(f"SMS_SUCCESS is not a regular expression: {error}.") from error
    return SmsSettings(url, method, form, body, headers, success)


def _json_object(environ: Mapping[str, str], name: str) -> dict[str, Any]:
    try:
        found = json.loads(environ.get(name, "") or "{}")
    except ValueError as error:
        raise SettingsError(f"{name} is not JSON.") from error
    if not isinstance(found, dict):
        raise SettingsError(f'{name} must be a JSON object such as {{"mobile": "{{phone}}"}}.')
    return found
