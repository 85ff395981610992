"""What bytes are, by their content: the kinds of pictures that are taken, and whether the end is there.

Pure. A name or a header may say anything; these look at the bytes. A picture whose end is missing is
refused at the door, before any decoder is started.
"""

from __future__ import annotations

KINDS = ("jpeg", "png", "webp", "heif")

_JPEG_START, _JPEG_END = b"\xff\xd8\xff", b"\xff\xd9"
_PNG_START, _PNG_END = b"\x89PNG\r\n\x1a\n", b"\x00\x00\x00\x00IEND\xaeB\x60\x82"
_HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
_SOS = 0xDA  # start of scan: from here on the picture itself
_NO_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a segment behind them


def sniff(data: bytes) -> str | None:
    """The kind of picture, one of :data:`KINDS`, or None where it is none of these."""
    if data.startswith(_JPEG_START):
        return "jpeg"
    if data.startswith(_PNG_START):
        return "png"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if data[4:8] == b"ftyp" and data[8:12] in _HEIF_BRANDS:
        return "heif"
    return None


def is_whole(data: bytes, kind: str) -> bool:
    """True where the end of a picture of *kind* is there. Bytes after the end do no harm: phones hang
    short films behind their photos."""
    return {"jpeg": _jpeg_is_whole, "png": _png_is_whole, "webp": _webp_is_whole, "heif": _heif_is_whole}[
        kind
    ](data)


def _jpeg_is_whole(data: bytes) -> bool:
    """An end marker after the first scan; one before it may be that of an embedded small picture."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == _SOS:
            return data.find(_JPEG_END, at) >= 0
        if marker == 0xFF:  # padding
            at += 1
        elif marker in _NO_LENGTH:
            at += 2
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return False


def _png_is_whole(data: bytes) -> bool:
    return _PNG_END in data


def _webp_is_whole(data: bytes) -> bool:
    return int.from_bytes(data[4:8], "little") + 8 <= len(data)


def _heif_is_whole(data: bytes) -> bool:
    """The boxes that describe and hold the picture are there to their ends."""
    at, seen = 0, set()
    while at + 8 <= len(data):
        length, box = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        if length == 1:
            length = int.from_bytes(data[at + 8 : at + 16], "big")
        elif length == 0:  # to the end of the file
            length = len(data) - at
        if length < 8 or at + length > len(data):
            break
        seen.add(box)
        at += length
    return {b"meta", b"mdat"} <= seen
