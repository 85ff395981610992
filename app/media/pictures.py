"""Opening, checking and shrinking pictures with Pillow. No database, no web, no store.

Everything here takes bytes that somebody else wrote: the kind is decided by content, the size is checked
before a single pixel is decoded, and what is served is drawn anew, so that nothing of the file but its
picture reaches another person.
"""

from __future__ import annotations

import io
import struct
import warnings
from dataclasses import dataclass

import pillow_heif
from PIL import Image, ImageCms

from app.core import problems
from app.core.problems import ProblemType
from app.media import exif, formats
from app.media.rules import Exif

MAX_PIXELS = 50_000_000
LARGE_PX, SMALL_PX = 1600, 320  # longer edge
SIZES = {"large": LARGE_PX, "small": SMALL_PX}
QUALITY = 82
SHARPER_THAN_NEEDED = 2.0  # Pillow first halves cheaply down to this many times the wanted size

pillow_heif.register_heif_opener(thumbnails=False)
# Pillow only warns of half-large bombs. The limit here is lower still; as an error it is caught below.
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)
# It also complains of every bent EXIF tag, which is the sender's business and nobody's here.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ORIENTATION = 0x0112
_SRGB = ImageCms.createProfile("sRGB")
# What Pillow and its plugins raise on bytes that are not what they say.
_DAMAGE = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    RuntimeError,  # the HEIF library's own limits
    struct.error,
)
_BOMB = (Image.DecompressionBombError, Image.DecompressionBombWarning)


class UnfitError(Exception):
    """These bytes are no picture that can be taken; ``kind`` says why."""

    def __init__(self, kind: ProblemType) -> None:
        super().__init__(kind.title)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Header:
    """What can be known of a picture without decoding it; sizes in pixels as shown."""

    kind: str
    width: int
    height: int
    exif: Exif


def read_header(data: bytes) -> Header:
    """Check that *data* may be taken, and read what it says about itself.

    Raises:
        UnfitError: where it is no picture, of another kind, too large, or not whole.
    """
    kind = formats.sniff(data)
    if kind is None:
        raise UnfitError(problems.PHOTO_WRONG_TYPE)
    if not formats.is_whole(data, kind):
        raise UnfitError(problems.PHOTO_DAMAGED)
    with _open(data, kind) as image:
        width, height = image.size
        if _orientation(image) >= 5:
            width, height = height, width
        return Header(kind, width, height, exif.read(image))


def draw(data: bytes, *sizes: str) -> dict[str, bytes]:
    """Draw the picture anew in the named *sizes* of :data:`SIZES`: JPEG, upright, sRGB, nothing else in it.

    Raises:
        UnfitError: where the picture cannot be decoded.
    """
    kind = formats.sniff(data)
    if kind is None:
        raise UnfitError(problems.PHOTO_WRONG_TYPE)
    drawn = {}
    with _open(data, kind) as image:
        try:
            turn = _TURNS.get(_orientation(image))
            picture: Image.Image = image
            for size in sorted(sizes, key=lambda name: -SIZES[name]):  # the small one out of the large one
                picture = _shrink(picture, SIZES[size])
                drawn[size] = _encode(picture.transpose(turn) if turn is not None else picture)
        except _BOMB as error:
            raise UnfitError(problems.PHOTO_TOO_MANY_PIXELS) from error
        except _DAMAGE as error:
            raise UnfitError(problems.PHOTO_DAMAGED) from error
    return drawn


def _open(data: bytes, kind: str) -> Image.Image:
    try:
        image = Image.open(io.BytesIO(data), formats=[kind.upper()])
    except _BOMB as error:
        raise UnfitError(problems.PHOTO_TOO_MANY_PIXELS) from error
    except _DAMAGE as error:
        raise UnfitError(problems.PHOTO_DAMAGED) from error
    if image.width * image.height > MAX_PIXELS:
        raise UnfitError(problems.PHOTO_TOO_MANY_PIXELS)
    return image


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 where there is none or none that exists."""
    try:
        told = exif.tags_of(image).get(_ORIENTATION, 1)
    except _DAMAGE:
        return 1
    return told if told in _TURNS else 1


def _shrink(picture: Image.Image, edge: int) -> Image.Image:
    """A copy in sRGB whose longer edge has at most *edge* pixels; one that is smaller stays as it is.

    Colours are converted after shrinking, which is cheaper; only palettes and odd depths come first.
    """
    wanted = _within(picture.size, edge)
    picture.draft(None, wanted)  # a JPEG can be decoded at a half or a quarter of its size
    if picture.mode.startswith("I;16"):
        picture = picture.point(lambda value: value / 256, "L")
    elif picture.mode in {"P", "PA", "LA", "1", "I", "F"}:
        picture = picture.convert("RGBA")
    if picture.size != wanted:
        picture = picture.resize(wanted, Image.Resampling.BICUBIC, reducing_gap=SHARPER_THAN_NEEDED)
    return _flat(_in_srgb(picture))


def _within(size: tuple[int, int], edge: int) -> tuple[int, int]:
    """The size with the same shape whose longer edge has at most *edge* pixels, the shorter at least one."""
    scale = min(1.0, edge / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _in_srgb(picture: Image.Image) -> Image.Image:
    """Colours as they were meant; a profile that cannot be read is passed over."""
    profile = picture.info.get("icc_profile")
    if not profile or picture.mode not in {"RGB", "RGBA", "CMYK", "L"}:
        return picture
    to = "RGBA" if picture.mode == "RGBA" else "RGB"
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        converted = ImageCms.profileToProfile(picture, source, _SRGB, outputMode=to)
    except (ImageCms.PyCMSError, *_DAMAGE):
        return picture
    return converted if converted is not None else picture


def _flat(picture: Image.Image) -> Image.Image:
    """RGB on white, without anything that came with the file."""
    if picture.mode == "RGBA":
        white = Image.new("RGB", picture.size, "white")
        white.paste(picture, mask=picture.getchannel("A"))
        picture = white
    picture = picture.convert("RGB") if picture.mode != "RGB" else picture.copy()
    picture.info = {}  # Pillow would write comments and profiles found here
    return picture


def _encode(picture: Image.Image) -> bytes:
    picture.info = {}
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=QUALITY, subsampling="4:2:0")
    return out.getvalue()
