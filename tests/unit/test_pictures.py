"""What is taken as a picture and what is not; what is served shows the picture and tells nothing else."""

from __future__ import annotations

import io
import struct
import time
import zipfile
import zlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pillow_heif
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageCms

from app.core import problems
from app.media import exif, formats, pictures
from app.media.pictures import LARGE_PX, SMALL_PX, UnfitError
from app.media.rules import Exif

PHOTOS = Path(__file__).parents[1] / "data" / "photos"
FILES = {path.name: path.read_bytes() for path in sorted(PHOTOS.iterdir())}
WHOLE = {name: body for name, body in FILES.items() if name != "own_truncated.jpg"}


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def scene(mode: str = "RGB", size: tuple[int, int] = (400, 300)) -> Image.Image:
    """A picture with a red left, a blue right, and a white upper edge."""
    image = Image.new("RGB", size, (200, 30, 30))
    image.paste((30, 30, 200), (size[0] // 2, 0, *size))
    image.paste("white", (0, 0, size[0], size[1] // 10))
    return image.convert(mode)


def drawn(body: bytes, size: str = "large") -> Image.Image:
    image = Image.open(io.BytesIO(pictures.draw(body, size)[size]))
    image.load()
    return image


def near(image: Image.Image, at: tuple[float, float], colour: tuple[int, int, int], within: int = 40) -> bool:
    """True where the picture has about *colour* at a place given in shares of width and height."""
    pixel = image.getpixel((int(at[0] * image.width), int(at[1] * image.height)))
    assert isinstance(pixel, tuple)
    return all(abs(a - b) <= within for a, b in zip(pixel, colour, strict=True))


RED, BLUE, WHITE = (200, 30, 30), (30, 30, 200), (255, 255, 255)


def assert_scene(image: Image.Image) -> None:
    assert image.mode == "RGB"
    assert near(image, (0.2, 0.6), RED), image.getpixel((80, 180))
    assert near(image, (0.8, 0.6), BLUE), image.getpixel((320, 180))


# ---- what is taken


@pytest.mark.parametrize("name", WHOLE)
def test_every_real_photo_is_taken_and_drawn_in_both_sizes(name: str) -> None:
    header = pictures.read_header(WHOLE[name])
    both = pictures.draw(WHOLE[name], "small", "large")
    for size, edge in (("large", LARGE_PX), ("small", SMALL_PX)):
        image = Image.open(io.BytesIO(both[size]))
        assert image.format == "JPEG"
        assert max(image.size) == min(edge, max(header.width, header.height))
        assert abs(image.width / image.height - header.width / header.height) < 0.02


@pytest.mark.parametrize(
    ("name", "taken_at", "place"),
    [
        ("own_rubbish_gps.jpg", datetime(2026, 11, 16, 1, 41, 20, tzinfo=UTC), (31.244417, 121.402865)),
        ("own_stall.heic", datetime(2026, 11, 17, 8, 5, 30, tzinfo=UTC), (31.243782, 121.410754)),
        ("own_stall_far.jpg", datetime(2026, 11, 17, 0, 20, 11, tzinfo=UTC), (31.23039, 121.5014)),
        ("own_rubbish_old.jpg", datetime(2019, 3, 2, 3, 0, tzinfo=UTC), (31.239827, 121.397068)),
        ("own_ebike_lift_nogps.jpg", datetime(2026, 11, 16, 10, 55, 40, tzinfo=UTC), None),
        ("landscape_6.jpg", None, None),
    ],
)
def test_exif_of_real_photos_is_read(
    name: str, taken_at: datetime | None, place: tuple[float, float] | None
) -> None:
    found = pictures.read_header(WHOLE[name]).exif
    assert found.taken_at == taken_at
    if place is None:
        assert (found.lat, found.lon) == (None, None)
    else:
        assert (found.lat, found.lon) == pytest.approx(place, abs=1e-6)
    assert found.camera == (None if name == "landscape_6.jpg" else "OwnDemo Demo Phone")


@pytest.mark.parametrize(
    ("mode", "kind", "options"),
    [
        ("RGB", "PNG", {}),
        ("RGBA", "PNG", {}),
        ("P", "PNG", {}),
        ("CMYK", "JPEG", {}),
        ("RGB", "JPEG", {"progressive": True}),
        ("RGB", "WEBP", {}),
        ("RGBA", "WEBP", {"lossless": True}),
        ("RGB", "HEIF", {}),
    ],
)
def test_every_kind_and_colour_mode_looks_as_it_should(mode: str, kind: str, options: dict[str, Any]) -> None:
    body = encoded(scene(mode), kind, **options)
    assert pictures.read_header(body).kind == kind.lower()
    for size in ("large", "small"):
        assert_scene(drawn(body, size))


@pytest.mark.parametrize("mode", ["L", "LA", "1", "I;16"])
def test_grey_pictures_of_any_depth_keep_their_light(mode: str) -> None:
    grey = Image.linear_gradient("L").resize((300, 300))
    if mode == "I;16":
        image = Image.new("I;16", grey.size)
        image.putdata([value * 256 for value in grey.get_flattened_data()])
    else:
        image = grey.convert(mode)
    shown = drawn(encoded(image, "PNG"))
    assert near(shown, (0.5, 0.03), (10, 10, 10))
    assert near(shown, (0.5, 0.97), (245, 245, 245))


def test_what_is_transparent_is_white() -> None:
    image = Image.new("RGBA", (100, 100), (0, 0, 0, 0))
    for body in (encoded(image, "PNG"), encoded(image.convert("P"), "PNG", transparency=0)):
        assert near(drawn(body), (0.5, 0.5), WHITE)


def test_the_first_picture_of_a_moving_one_is_taken() -> None:
    frames = [scene(), scene().transpose(Image.Transpose.FLIP_LEFT_RIGHT)]
    for kind in ("PNG", "WEBP"):
        assert_scene(drawn(encoded(frames[0], kind, save_all=True, append_images=frames[1:])))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_applied(orientation: int) -> None:
    upright = scene(size=(400, 300))
    back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # the turn that the flag takes back, by number
    stored = upright.transpose(Image.Transpose(back[orientation])) if orientation > 1 else upright
    marks = Image.Exif()
    marks[0x0112] = orientation
    body = encoded(stored, "JPEG", exif=marks, quality=95)
    header = pictures.read_header(body)
    assert (header.width, header.height) == (400, 300)
    shown = drawn(body)
    assert shown.size == (400, 300)
    assert_scene(shown)
    assert near(shown, (0.5, 0.04), WHITE)


def test_a_nonsense_orientation_is_passed_over() -> None:
    for told in (0, 9, 60000):
        marks = Image.Exif()
        marks[0x0112] = told
        assert_scene(drawn(encoded(scene(), "JPEG", exif=marks)))


def profile(*, swapped: bool) -> bytes:
    """An sRGB profile; *swapped*: one in which the red number means blue light, and the other way round."""
    body = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    tags = {bytes(body[at : at + 4]): at for at in range(132, 132 + 12 * body[131], 12)}
    if swapped:
        body[tags[b"rXYZ"] : tags[b"rXYZ"] + 4], body[tags[b"bXYZ"] : tags[b"bXYZ"] + 4] = b"bXYZ", b"rXYZ"
    return bytes(body)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "HEIF"])
def test_colours_are_shown_as_they_were_meant(kind: str) -> None:
    assert_scene(drawn(encoded(scene(), kind, icc_profile=profile(swapped=False))))
    shown = drawn(encoded(scene(), kind, icc_profile=profile(swapped=True)))
    assert near(shown, (0.2, 0.6), BLUE)
    assert near(shown, (0.8, 0.6), RED)


def test_a_profile_that_is_nonsense_does_no_harm() -> None:
    assert_scene(drawn(encoded(scene(), "JPEG", icc_profile=b"no profile at all")))


def test_a_small_picture_is_not_blown_up() -> None:
    assert drawn(encoded(scene(size=(50, 40)), "PNG")).size == (50, 40)


def test_a_very_long_picture_keeps_at_least_one_pixel() -> None:
    assert drawn(encoded(scene(size=(12_000, 3)), "PNG"), "small").size == (SMALL_PX, 1)


# ---- what is not taken


def png(width: int, height: int) -> bytes:
    """A PNG that says it is so large; the pixels behind it are one row."""
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"\x00" * (width // 8 + 1))),
        (b"IEND", b""),
    )
    body = b"\x89PNG\r\n\x1a\n"
    for name, data in chunks:
        body += struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    return body


def real_bomb() -> bytes:
    """60,000 × 60,000 pixels, all of them there."""
    packer = zlib.compressobj(9)
    rows = b"\x00" * 7501 * 1000
    data = b"".join(packer.compress(rows) for _ in range(60)) + packer.flush()
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 1, 0, 0, 0, 0)
    body = b"\x89PNG\r\n\x1a\n"
    for name, content in ((b"IHDR", header), (b"IDAT", data), (b"IEND", b"")):
        body += (
            struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        )
    return body


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("photo.jpg", WHOLE["own_rubbish_gps.jpg"])
    return out.getvalue()


def jpeg_of(width: int, height: int) -> bytes:
    """A JPEG whose frame says it is so large."""
    body = bytearray(encoded(scene(), "JPEG"))
    at = body.index(b"\xff\xc0")
    body[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(body)


NO_PICTURES = {
    "nothing": b"",
    "gif": encoded(scene("P"), "GIF"),
    "tiff": encoded(scene(), "TIFF"),
    "bmp": encoded(scene(), "BMP"),
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "html": b"<!doctype html><script>alert(1)</script>",
    "zip": zipped(),
    "pdf": b"%PDF-1.7\n%%EOF",
    "avif": b"\x00\x00\x00\x1cftypavif\x00\x00\x00\x00mif1miafavif",
    "mp4": b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2",
}


def refusal(body: bytes) -> str:
    with pytest.raises(UnfitError) as refused:
        pictures.read_header(body)
    return refused.value.kind.slug


@pytest.mark.parametrize("name", NO_PICTURES)
def test_what_is_no_picture_of_ours_is_refused_by_content(name: str) -> None:
    assert refusal(NO_PICTURES[name]) == problems.PHOTO_WRONG_TYPE.slug


@pytest.mark.parametrize(
    "bomb",
    [real_bomb(), png(60_000, 60_000), png(9_000, 9_000), png(12_000, 9_000), jpeg_of(65_000, 65_000)],
    ids=["real", "claimed", "81 MP", "108 MP", "jpeg"],
)
def test_a_bomb_is_refused_before_it_is_decoded(bomb: bytes) -> None:
    started = time.process_time()
    assert refusal(bomb) == problems.PHOTO_TOO_MANY_PIXELS.slug
    assert time.process_time() - started < 0.2


def test_fifty_megapixels_are_still_taken() -> None:
    assert pictures.read_header(png(8_000, 6_250)).width == 8_000


def test_a_bomb_behind_the_door_is_not_decoded_either() -> None:
    with pytest.raises(UnfitError):
        pictures.draw(png(60_000, 60_000), "small")


CUT = {kind: encoded(scene(), kind) for kind in ("JPEG", "PNG", "WEBP", "HEIF")}


def test_a_picture_beyond_the_limits_of_its_library_is_refused_as_damaged() -> None:
    body = (PHOTOS.parent / "heic_beyond_limits.bin").read_bytes()
    with pytest.raises(pictures.UnfitError) as refused:
        pictures.draw(body, "small")
    assert refused.value.kind == problems.PHOTO_DAMAGED


@pytest.mark.parametrize("kind", CUT)
@settings(deadline=None)
@given(share=st.floats(0.05, 0.99))
def test_a_picture_that_was_cut_off_anywhere_is_refused(kind: str, share: float) -> None:
    body = CUT[kind]
    assert refusal(body[: int(len(body) * share)]) in {
        problems.PHOTO_DAMAGED.slug,
        problems.PHOTO_WRONG_TYPE.slug,
    }


def test_the_end_of_an_embedded_small_picture_is_not_taken_for_the_end() -> None:
    small = encoded(scene(size=(80, 60)), "JPEG")
    body = encoded(scene(), "JPEG", exif=b"Exif\x00\x00" + small)
    assert b"\xff\xd9" in body[: len(small) + 100]
    assert formats.is_whole(body, "jpeg")
    assert not formats.is_whole(body[:-2], "jpeg")


def test_the_truncated_file_is_refused_as_damaged() -> None:
    assert refusal(FILES["own_truncated.jpg"]) == problems.PHOTO_DAMAGED.slug


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_picture_that_is_whole_but_rotten_inside_is_found_when_it_is_drawn(kind: str) -> None:
    busy = Image.radial_gradient("L").resize((900, 900)).convert("RGB")
    body = bytearray(encoded(busy, kind, **({"lossless": True} if kind == "WEBP" else {})))
    middle = len(body) // 2
    body[middle : middle + 64] = (b"\xff\xc4" if kind == "JPEG" else b"\xff\xff") * 32
    pictures.read_header(bytes(body))
    with pytest.raises(UnfitError) as refused:
        pictures.draw(bytes(body), "small")
    assert refused.value.kind == problems.PHOTO_DAMAGED


def test_a_phone_may_hang_a_film_behind_its_photo() -> None:
    for kind in ("JPEG", "HEIF"):
        assert_scene(drawn(encoded(scene(), kind) + b"\x00\x00\x00\x18ftypmp42" + bytes(500)))


@pytest.mark.filterwarnings("ignore::UserWarning:PIL.TiffImagePlugin")
@settings(deadline=None)
@given(st.sampled_from(sorted(WHOLE)), st.data())
def test_bytes_turned_over_at_random_are_taken_or_refused_and_never_an_error(
    name: str, data: st.DataObject
) -> None:
    body = bytearray(WHOLE[name])
    for _ in range(data.draw(st.integers(1, 6))):
        body[data.draw(st.integers(0, min(len(body), 3000) - 1))] = data.draw(st.integers(0, 255))
    try:
        pictures.read_header(bytes(body))
        pictures.draw(bytes(body), "small")
    except UnfitError:
        pass


# ---- EXIF is somebody else's word


def with_exif(
    main: dict[int, Any], detail: dict[int, Any] | None = None, gps: dict[int, Any] | None = None
) -> Exif:
    marks = Image.Exif()
    marks.update(main)
    for tag, part in ((0x8769, detail), (0x8825, gps)):
        if part:
            marks.get_ifd(tag).update(part)
    return pictures.read_header(encoded(scene(), "JPEG", exif=marks)).exif


def test_a_time_without_offset_is_shanghais_and_an_offset_counts() -> None:
    at = "2026:11:16 09:41:20"
    assert with_exif({}, {0x9003: at}).taken_at == datetime(2026, 11, 16, 1, 41, 20, tzinfo=UTC)
    assert with_exif({}, {0x9003: at, 0x9011: "-05:00"}).taken_at == datetime(
        2026, 11, 16, 14, 41, 20, tzinfo=UTC
    )
    assert with_exif({0x0132: at}).taken_at == datetime(2026, 11, 16, 1, 41, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    "told",
    ["0000:00:00 00:00:00", "    :  :     :  :  ", "2026:13:40 99:00:00", "soon", "1801:01:01 00:00:00"],
)
def test_a_time_that_is_none_is_none(told: str) -> None:
    assert with_exif({}, {0x9003: told}).taken_at is None


@pytest.mark.parametrize(
    "gps",
    [
        {1: "N", 2: (0.0, 0.0, 0.0), 3: "E", 4: (0.0, 0.0, 0.0)},
        {1: "N", 2: (91.0, 0.0, 0.0), 3: "E", 4: (121.0, 0.0, 0.0)},
        {1: "X", 2: (31.0, 0.0, 0.0), 3: "E", 4: (121.0, 0.0, 0.0)},
        {2: (31.0, 0.0, 0.0), 4: (121.0, 0.0, 0.0)},
        {1: "N", 2: (31.0, 0.0, 0.0)},
    ],
)
def test_a_position_that_is_none_is_none(gps: dict[int, Any]) -> None:
    found = with_exif({}, gps=gps)
    assert (found.lat, found.lon) == (None, None)


def test_south_and_west_count_below_zero() -> None:
    found = with_exif({}, gps={1: "S", 2: (33.0, 30.0, 0.0), 3: "W", 4: (70.0, 15.0, 36.0)})
    assert (found.lat, found.lon) == pytest.approx((-33.5, -70.26))


@pytest.mark.parametrize(
    ("make", "model", "camera"),
    [
        ("HUAWEI", "Mate 60", "HUAWEI Mate 60"),
        ("Xiaomi", "Xiaomi 14", "Xiaomi 14"),
        ("a\x00b\u202e", "", "ab"),
        ("", "", None),
        ("x" * 300, "y", "x" * exif.MAX_CAMERA),
    ],
)
def test_the_camera_is_one_line_that_can_be_stored(make: str, model: str, camera: str | None) -> None:
    assert exif._camera({0x010F: make, 0x0110: model}) == camera


# ---- what is served


def segments(body: bytes) -> list[int]:
    """The markers of a JPEG up to its first scan."""
    at, found = 2, []
    while body[at + 1] != 0xDA:
        found.append(body[at + 1])
        at += 2 + int.from_bytes(body[at + 2 : at + 4], "big")
    return found


def loaded(kind: str) -> bytes:
    """A picture with everything in it that a file can tell."""
    marks = Image.Exif()
    marks.update({0x010F: "SecretMake", 0x013B: "SecretArtist"})
    marks.get_ifd(0x8825).update({1: "N", 2: (31.0, 14.0, 39.0), 3: "E", 4: (121.0, 24.0, 10.0)})
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    options: dict[str, Any] = {"exif": marks.tobytes(), "icc_profile": profile}
    if kind == "JPEG":
        options["comment"] = b"SecretComment"
    if kind in {"JPEG", "WEBP"}:
        options["xmp"] = b"<x:xmpmeta>SecretXmp</x:xmpmeta>"
    return encoded(scene(size=(2000, 1500)), kind, **options) + b"SecretTail"


@pytest.mark.parametrize("body", [*WHOLE.values(), *(loaded(k) for k in ("JPEG", "PNG", "WEBP", "HEIF"))])
@pytest.mark.parametrize("size", ["large", "small"])
def test_what_is_served_holds_nothing_but_the_picture(body: bytes, size: str) -> None:
    served = pictures.draw(body, size)[size]
    markers = segments(served)
    assert [
        marker for marker in markers if 0xE1 <= marker <= 0xEF or marker == 0xFE
    ] == []  # APP1…15, comment
    assert markers.count(0xE0) == 1  # JFIF
    image = Image.open(io.BytesIO(served))
    assert dict(image.getexif()) == {}
    assert set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density", "dpi"}
    for word in (b"Secret", b"Exif", b"OwnDemo", b"http", b"GPS", b"ICC_PROFILE"):
        assert word not in served
    assert served.endswith(b"\xff\xd9")


def test_the_large_size_still_looks_like_the_original() -> None:
    body = WHOLE["own_rubbish_gps.jpg"]
    original = Image.open(io.BytesIO(body)).convert("RGB")
    difference = ImageChops.difference(original, drawn(body)).convert("L")
    assert sum(n * count for n, count in enumerate(difference.histogram())) / (1280 * 960) < 4


def test_heif_is_known_to_pillow_without_its_thumbnails() -> None:
    assert pillow_heif.options.THUMBNAILS is False
