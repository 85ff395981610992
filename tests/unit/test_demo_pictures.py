"""Pictures of the demo day say what a phone would have written into them, and stay the same pictures."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PIL import Image, ImageChops

from app.cli import demo_pictures
from app.media import pictures

PHOTOS = Path(__file__).parents[2] / "data" / "photos"
AT = datetime(2027, 3, 5, 1, 2, 3, tzinfo=UTC)
HERE = (31.2416821, 121.4031974)
JPEGS = sorted(file.name for file in PHOTOS.glob("*.jpg") if "truncated" not in file.name)


@pytest.mark.parametrize("name", JPEGS)
def test_a_jpeg_gets_its_time_and_place_and_keeps_pixels_and_turn(name):
    before = (PHOTOS / name).read_bytes()
    after = demo_pictures.as_taken(before, AT, HERE, "one")
    header, was = pictures.read_header(after), pictures.read_header(before)
    assert header.exif.taken_at == AT
    assert (header.exif.lat, header.exif.lon) == pytest.approx(HERE, abs=1e-6)
    assert (header.width, header.height, header.exif.camera) == (was.width, was.height, was.exif.camera)
    with Image.open(io.BytesIO(before)) as one, Image.open(io.BytesIO(after)) as other:
        assert ImageChops.difference(one.convert("RGB"), other.convert("RGB")).getbbox() is None


def test_a_picture_taken_without_a_position_says_none():
    before = (PHOTOS / "own_rubbish_gps.jpg").read_bytes()
    header = pictures.read_header(demo_pictures.as_taken(before, AT, None, "one"))
    assert (header.exif.lat, header.exif.lon, header.exif.taken_at) == (None, None, AT)


def test_a_heic_gets_its_time_and_can_still_be_drawn():
    before = (PHOTOS / "own_stall.heic").read_bytes()
    after = demo_pictures.as_taken(before, AT, HERE, "one")
    assert pictures.read_header(after).exif.taken_at == AT
    assert pictures.draw(after, "small") == pictures.draw(before, "small")


@pytest.mark.parametrize("name", [*JPEGS, "own_stall.heic"])
def test_two_marks_are_two_photos_and_the_same_mark_is_one(name):
    picture = (PHOTOS / name).read_bytes()
    one, two = (demo_pictures.as_taken(picture, AT, HERE, mark) for mark in ("one", "two"))
    assert one != two
    assert one == demo_pictures.as_taken(picture, AT, HERE, "one")


def test_an_old_picture_says_what_it_always_said_and_a_truncated_one_stays_truncated():
    old = demo_pictures.as_it_is((PHOTOS / "own_rubbish_old.jpg").read_bytes(), "one")
    taken_at = pictures.read_header(old).exif.taken_at
    assert taken_at is not None
    assert taken_at.year == 2019
    with pytest.raises(pictures.UnfitError):
        pictures.read_header(demo_pictures.as_it_is((PHOTOS / "own_truncated.jpg").read_bytes(), "one"))
