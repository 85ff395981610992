"""A film of a printed tag, for the browser's fake camera."""

from __future__ import annotations

import base64
import json
import re
import urllib.request
import zlib
from pathlib import Path

from PIL import Image, ImageDraw

from app.core.ids import uuid7
from tests.e2e.conftest import Stack

WIDTH, HEIGHT = 640, 480
SCALE = 2.6  # pixels for a point of the sheet: the code fills three quarters of the height
FRAMES = 10
NUMBER = rb"(-?[\d.]+)"
BLACK_BOX = re.compile(rb"\s+".join([b"n", *[NUMBER] * 4, rb"re f\*"]))


def film_of_tag(stack: Stack, checkpoint_id: str, path: Path) -> Path:
    """Have the sheet of one tag printed and hold its code before the camera.

    Args:
        path: the film to write, YUV4MPEG2.
    """
    code = _code_on(_sheet(stack, checkpoint_id))
    grey_planes = bytes([128]) * (WIDTH * HEIGHT // 2)
    with path.open("wb") as film:
        film.write(f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F10:1 Ip A1:1 C420jpeg\n".encode())
        for _ in range(FRAMES):
            film.write(b"FRAME\n" + code.tobytes() + grey_planes)
    return path


def _sheet(stack: Stack, checkpoint_id: str) -> bytes:
    stack.call("admin1", "GET", "/api/v1/me")  # for the token
    request = urllib.request.Request(  # noqa: S310 - the address is ours
        f"{stack.base_url}/api/v1/tag-sheets",
        json.dumps({"id": str(uuid7()), "checkpoint_ids": [checkpoint_id], "lang": "zh"}).encode(),
        {"Content-Type": "application/json", "Authorization": f"Bearer {stack.tokens['admin1']}"},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
        return bytes(answer.read())


def _code_on(sheet: bytes) -> Image.Image:
    """The code of a sheet with one tag: the black boxes drawn on its page."""
    filters = rb"/ASCII85Decode /FlateDecode \].*?stream\r?\n(.*?)~>\s*endstream"
    for packed in re.findall(filters, sheet, re.DOTALL):
        drawn = BLACK_BOX.findall(zlib.decompress(base64.a85decode(packed)))
        if drawn:
            return _picture([tuple(map(float, box)) for box in drawn])
    raise AssertionError("there is no code on the sheet")


def _picture(boxes: list[tuple[float, ...]]) -> Image.Image:
    picture = Image.new("L", (WIDTH, HEIGHT), 255)
    pen = ImageDraw.Draw(picture)
    left, top = (WIDTH - 142 * SCALE) / 2, (HEIGHT + 142 * SCALE) / 2
    for x, y, width, height in boxes:
        corner = (left + x * SCALE, top - (y + height) * SCALE)
        pen.rectangle([corner, (left + (x + width) * SCALE - 1, top - y * SCALE - 1)], fill=0)
    return picture
