"""What a file says about when, where and with what it was taken. Everything in it may be nonsense."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from PIL import Image

from app.core.clock import SHANGHAI
from app.core.fields import EARLIEST, LATEST, visible
from app.media.rules import Exif

MAX_CAMERA = 80  # characters

_MAKE, _MODEL, _DATE_TIME = 0x010F, 0x0110, 0x0132
_EXIF_PART, _GPS_PART = 0x8769, 0x8825
_TAKEN, _DIGITIZED = 0x9003, 0x9004
_OFFSETS = {_TAKEN: 0x9011, _DIGITIZED: 0x9012, _DATE_TIME: 0x9010}
_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)")
# What the parser and the arithmetic raise on broken tags.
_NONSENSE = (ValueError, TypeError, OverflowError, ZeroDivisionError, LookupError, OSError, SyntaxError)


def read(image: Image.Image) -> Exif:
    """The EXIF facts of an opened picture; what is missing or nonsense is None."""
    try:
        tags = tags_of(image)
        main, detail, gps = dict(tags), dict(tags.get_ifd(_EXIF_PART)), dict(tags.get_ifd(_GPS_PART))
    except (*_NONSENSE, EOFError):
        return Exif()
    lat, lon = _position(gps)
    return Exif(taken_at=_taken_at(main | detail), lat=lat, lon=lon, camera=_camera(main))


def tags_of(image: Image.Image) -> Image.Exif:
    """The EXIF tags of an opened picture that can be had without decoding it.

    Pillow would decode a whole PNG to look for tags behind the pixels, and forget where that failed.
    """
    if image.format == "PNG" and "exif" not in image.info:
        return Image.Exif()
    return image.getexif()


def _taken_at(tags: dict[int, Any]) -> datetime | None:
    """The first time that can be read; one without an offset is Shanghai's."""
    for tag in (_TAKEN, _DIGITIZED, _DATE_TIME):
        try:
            moment = datetime.strptime(str(tags[tag]).strip("\x00 ")[:19], "%Y:%m:%d %H:%M:%S")  # noqa: DTZ007
            moment = moment.replace(tzinfo=_offset(tags.get(_OFFSETS[tag])) or SHANGHAI).astimezone(UTC)
        except _NONSENSE:
            continue
        if EARLIEST <= moment <= LATEST:
            return moment
    return None


def _offset(told: Any) -> timezone | None:
    found = _OFFSET.fullmatch(str(told or "").strip("\x00 "))
    if found is None:
        return None
    away = timedelta(hours=int(found[2]), minutes=int(found[3]))
    if away >= timedelta(hours=24):
        return None
    return timezone(-away if found[1] == "-" else away)


def _position(gps: dict[int, Any]) -> tuple[float | None, float | None]:
    lat = _degrees(gps.get(2), gps.get(1), "NS", 90.0)
    lon = _degrees(gps.get(4), gps.get(3), "EW", 180.0)
    if lat is None or lon is None or (lat == 0 and lon == 0):  # 0, 0 is what cameras without a fix write
        return None, None
    return lat, lon


def _degrees(parts: Any, side: Any, sides: str, most: float) -> float | None:
    """Degrees, minutes, seconds as signed decimal degrees."""
    try:
        whole, minutes, seconds = (float(part) for part in parts)
        letter = str(side).strip("\x00 ").upper()
        value = whole + minutes / 60 + seconds / 3600
    except _NONSENSE:
        return None
    if not math.isfinite(value) or not 0 <= value <= most or letter not in {*sides}:
        return None
    return -value if letter == sides[1] else value


def _camera(tags: dict[int, Any]) -> str | None:
    """Make and model in one line; the make only once, as many models repeat it."""
    make, model = (_words(tags.get(tag)) for tag in (_MAKE, _MODEL))
    if make and model.lower().startswith(make.lower()):
        make = ""
    return " ".join(word for word in (make, model) if word)[:MAX_CAMERA] or None


def _words(told: Any) -> str:
    text = told if isinstance(told, str) else ""
    return visible(text.encode("utf-8", "ignore").decode())  # lone surrogates cannot be stored
