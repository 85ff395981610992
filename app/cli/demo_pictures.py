"""The pictures of ``data/photos`` as a phone would have taken them at a time and place of the demo day. Pure.

The pixels stay as they are. A phone writes when and where into the file, so these do, too; otherwise every
picture of the demo would be doubted for being as old as the day on which it was drawn.
"""

from __future__ import annotations

import io
import re
from datetime import datetime

from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from app.core.clock import SHANGHAI

_SOI, _APP1, _COMMENT, _SCAN = b"\xff\xd8", 0xE1, 0xFE, 0xDA
_EXIF = b"Exif\x00\x00"
_EXIF_PART, _GPS_PART = 0x8769, 0x8825
_DATE_TIME, _TAKEN, _TAKEN_OFFSET = 0x0132, 0x9003, 0x9011
_WRITTEN_TIME = re.compile(rb"\d{4}:\d\d:\d\d \d\d:\d\d:\d\d")


def as_taken(picture: bytes, at: datetime, where: tuple[float, float] | None, mark: str) -> bytes:
    """*picture* as taken at *at* and *where* (WGS-84 latitude and longitude; None: it says no place).

    Args:
        mark: makes the bytes those of one shot: two with other marks are other photos.
    """
    if not picture.startswith(_SOI):
        return _heic_as_taken(picture, at, mark)
    return _marked(_with_exif(picture, _exif(picture, at, where)), mark)


def as_it_is(picture: bytes, mark: str) -> bytes:
    """A JPEG *picture* which says of itself what it always said."""
    return _marked(picture, mark)


def _local(at: datetime) -> str:
    return f"{at.astimezone(SHANGHAI):%Y:%m:%d %H:%M:%S}"


def _exif(picture: bytes, at: datetime, where: tuple[float, float] | None) -> bytes:
    with Image.open(io.BytesIO(picture)) as image:
        tags = image.getexif()
        details = dict(tags.get_ifd(_EXIF_PART))
    tags[_DATE_TIME] = _local(at)
    tags[_EXIF_PART] = details | {_TAKEN: _local(at), _TAKEN_OFFSET: "+08:00"}
    tags[_GPS_PART] = {}
    if where is not None:
        tags[_GPS_PART] = {1: "N", 2: _parts(where[0]), 3: "E", 4: _parts(where[1])}
    return tags.tobytes()


def _parts(degrees: float) -> tuple[IFDRational, IFDRational, IFDRational]:
    """Degrees, minutes, seconds to a thousandth."""
    whole, thousandths = divmod(round(degrees * 3_600_000), 3_600_000)
    minutes, thousandths = divmod(thousandths, 60_000)
    return IFDRational(whole), IFDRational(minutes), IFDRational(thousandths, 1000)


def _with_exif(picture: bytes, exif: bytes) -> bytes:
    """The JPEG with *exif* in place of what it had."""
    kept, at = [], len(_SOI)
    while picture[at] == 0xFF and picture[at + 1] != _SCAN:
        length = 2 + int.from_bytes(picture[at + 2 : at + 4], "big")
        segment = picture[at : at + length]
        if not (segment[1] == _APP1 and segment[4:].startswith(_EXIF)):
            kept.append(segment)
        at += length
    body = exif if exif.startswith(_EXIF) else _EXIF + exif
    return _SOI + _segment(_APP1, body) + b"".join(kept) + picture[at:]


def _marked(picture: bytes, mark: str) -> bytes:
    return _SOI + _segment(_COMMENT, mark.encode()) + picture[len(_SOI) :]


def _segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(body) + 2).to_bytes(2, "big") + body


def _heic_as_taken(picture: bytes, at: datetime, mark: str) -> bytes:
    """A HEIC file keeps its length and its place; a box that readers pass over is hung behind."""
    box = mark.encode()
    dated = _WRITTEN_TIME.sub(_local(at).encode(), picture)
    return dated + (len(box) + 8).to_bytes(4, "big") + b"free" + box
