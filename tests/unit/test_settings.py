"""Production starts with safe settings or not at all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from config import DEVELOPMENT_SECRET, SettingsError, read_settings

SECRET = "0123456789abcdef0123456789abcdef"
GOOD = {"SECRET_KEY": SECRET, "DATABASE_URL": "postgresql://app@db/ironfeet"}

BUCKET = {
    "PHOTO_S3_ENDPOINT": "https://s3.example:9000",
    "PHOTO_S3_BUCKET": "photos",
    "PHOTO_S3_ACCESS_KEY": "AKIAKEPT",
    "PHOTO_S3_SECRET_KEY": "kept4me",
}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"SECRET_KEY": ""}, "SECRET_KEY"),
        ({"SECRET_KEY": DEVELOPMENT_SECRET}, "SECRET_KEY"),
        ({"SECRET_KEY": SECRET[:31]}, "SECRET_KEY"),
        ({"SECRET_KEY": "x" * 64}, "SECRET_KEY"),
        ({"SECRET_KEY": "012345678" * 8}, "SECRET_KEY"),
        ({"DATABASE_URL": ""}, "^DATABASE_URL"),
        ({"DATABASE_URL": "mysql://app:word@db/ironfeet"}, "^DATABASE_URL is not"),
        ({"DATABASE_URL": "postgresql+asyncpg://app@db/ironfeet"}, "^DATABASE_URL is not"),
        ({"DATABASE_URL": "ironfeet"}, "^DATABASE_URL is not"),
        ({"OWNER_DATABASE_URL": "sqlite:///x"}, "^OWNER_DATABASE_URL is not"),
        ({"DATABASE_POOL_SIZE": "many"}, "^DATABASE_POOL_SIZE is 'many'"),
        ({"DATABASE_POOL_SIZE": "0"}, "^DATABASE_POOL_SIZE"),
        ({"DATABASE_POOL_SIZE": "-1"}, "^DATABASE_POOL_SIZE"),
        ({"DATABASE_POOL_SIZE": "٣"}, "^DATABASE_POOL_SIZE"),
        ({"DATABASE_POOL_SIZE": ""}, "^DATABASE_POOL_SIZE"),
        ({"IRONFEET_MODE": "prod"}, "IRONFEET_MODE"),
        ({"TILE_DATUM": "cgcs2000"}, "TILE_DATUM"),
        ({"PHOTO_DIR": "var/photos"}, "^PHOTO_DIR is 'var/photos'"),
        (
            {"PHOTO_S3_BUCKET": "photos"},
            "^PHOTO_S3_ENDPOINT, PHOTO_S3_ACCESS_KEY, PHOTO_S3_SECRET_KEY missing",
        ),
        (BUCKET | {"PHOTO_S3_SECRET_KEY": ""}, "^PHOTO_S3_SECRET_KEY missing"),
        (BUCKET | {"PHOTO_S3_ENDPOINT": "s3.example"}, "^PHOTO_S3_ENDPOINT is not"),
        (BUCKET | {"PHOTO_S3_ENDPOINT": "https://s3.example/path"}, "^PHOTO_S3_ENDPOINT is not"),
        (BUCKET | {"PHOTO_S3_BUCKET": "b"}, "^PHOTO_S3_BUCKET is 'b'"),
        (BUCKET | {"PHOTO_S3_BUCKET": "My_Photos"}, "^PHOTO_S3_BUCKET is 'My_Photos'"),
        (BUCKET | {"PHOTO_S3_BUCKET": "a..b"}, "^PHOTO_S3_BUCKET is 'a..b'"),
    ],
)
def test_a_bad_setting_is_refused_by_name(change, named):
    with pytest.raises(SettingsError, match=named):
        read_settings(GOOD | change)


def test_a_password_in_an_address_is_not_repeated():
    with pytest.raises(SettingsError) as refused:
        read_settings(GOOD | {"DATABASE_URL": "mysql://app:kept4me@db/ironfeet"})
    assert "kept4me" not in str(refused.value)


def test_keys_of_the_bucket_are_not_repeated():
    with pytest.raises(SettingsError) as refused:
        read_settings(GOOD | BUCKET | {"PHOTO_S3_ENDPOINT": "https://user:kept4me@s3.example"})
    assert "kept4me" not in str(refused.value)
    shown = repr(read_settings(GOOD | BUCKET).photos)
    assert "kept4me" not in shown and "AKIAKEPT" not in shown


def test_photos_lie_where_systemd_makes_a_folder_unless_told_otherwise():
    assert read_settings(GOOD).photos.folder == "/var/lib/ironfeet/photos"
    assert read_settings(GOOD | {"PHOTO_DIR": "/srv/photos"}).photos.folder == "/srv/photos"
    assert read_settings(GOOD | {"IRONFEET_MODE": "testing"}).photos.folder == "var/photos"
    assert read_settings(GOOD | BUCKET).photos.s3_region == "us-east-1"


def test_the_driver_may_be_named():
    assert read_settings(GOOD | {"DATABASE_URL": "postgresql+psycopg://app@db/x"}).database_url.endswith(
        "app@db/x"
    )


def test_production_is_the_default():
    assert read_settings(GOOD).is_production


def test_development_needs_no_secret():
    settings = read_settings({"IRONFEET_MODE": "development", "DATABASE_URL": "postgres://a@b/c"})
    assert settings.secret_key == DEVELOPMENT_SECRET
    assert settings.database_url == settings.owner_database_url == "postgresql+psycopg://a@b/c"


def test_the_server_itself_does_not_start_with_the_default_secret():
    root = Path(__file__).resolve().parents[2]
    environ = {
        "DATABASE_URL": GOOD["DATABASE_URL"],
        "SECRET_KEY": DEVELOPMENT_SECRET,
        "PATH": "/usr/bin:/bin",
    }
    ran = subprocess.run(
        [sys.executable, "-c", "import wsgi"], cwd=root, env=environ, capture_output=True, text=True
    )
    assert ran.returncode != 0
    assert ran.stderr.startswith("ironfeet: SECRET_KEY is missing, a default, shorter")
    assert "Traceback" not in ran.stderr
