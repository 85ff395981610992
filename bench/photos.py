"""Photos: how many are taken in a second, and how many served sizes are drawn.

Every upload is another photo: the same 300 KB with other bytes behind its end. The worker draws sizes
meanwhile, as it does in an installation. Uploads stand beside a route in the same application that writes
the same bytes to a file, with fsync, and inserts one row. Drawing stands beside bare Pillow, with as many
threads, that opens the same picture, turns it upright, shrinks it twice and saves both, from memory to
memory.
"""

from __future__ import annotations

import hashlib
import io
import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageOps
from sqlalchemy import create_engine, text

from app.media import sizes
from app.media.pictures import LARGE_PX, QUALITY, SMALL_PX
from bench.stack import BenchError, Served
from scripts.provision import ROOT

UPLOADERS = 8
UPLOADS_A_SECOND = 120  # of one client, at most
PATIENCE_S = 120.0


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of photo: how it is called, its pixels and bytes, and how many of it are drawn in a run."""

    figure: str
    words: str
    size: tuple[int, int]
    aimed_bytes: int
    count: int


FROM_THE_APP = Kind("photo_sizes", "1600 × 1200, as the app sends", (1600, 1200), 300_000, 200)
FROM_A_CAMERA = Kind("photo_sizes_12mp", "12 megapixels, as a camera writes", (4000, 3000), 3_500_000, 40)

_READY = text("select count(*) from photo where state = 'ready' and sha256 = any(:names)")
_AGAIN = text(
    "update photo set state = 'stored', sizes_due_at = now(), sizes_tries = 0 where sha256 = any(:names)"
)


def make_photo(kind: Kind) -> bytes:
    """A picture with as much in it as a street: shapes, and the grain of a small sensor."""
    shapes = Image.open(ROOT / "data/photos/own_rubbish_gps.jpg").convert("RGB").resize(kind.size)
    half = (kind.size[0] // 2, kind.size[1] // 2)
    grain = Image.effect_noise(half, 30).resize(kind.size).convert("RGB")
    picture = Image.blend(shapes, grain, 0.15)
    body = b""
    for quality in range(95, 30, -3):
        out = io.BytesIO()
        picture.save(out, "JPEG", quality=quality)
        body = out.getvalue()
        if len(body) <= kind.aimed_bytes:
            break
    return body


def variants(photo: bytes, count: int) -> list[tuple[str, bytes]]:
    """Hash and last bytes of *count* different photos that begin with *photo*."""
    begun = hashlib.sha256(photo)
    made = []
    for _ in range(count):
        last, whole = os.urandom(16), begun.copy()
        whole.update(last)
        made.append((whole.hexdigest(), last))
    return made


def write_uploads(folder: Path, photo: bytes, tokens: list[str], seconds: int) -> list[list[str]]:
    """Write what wrk needs; returns the names that each client uploads, in order."""
    (folder / "photo").write_bytes(photo)
    names = []
    for number, token in enumerate(tokens):
        made = variants(photo, UPLOADS_A_SECOND * seconds)
        lines = [token, *(f"{name} {last.hex()}" for name, last in made)]
        (folder / str(number)).write_text("\n".join(lines) + "\n")
        names.append([name for name, _last in made])
    return names


@dataclass(frozen=True, slots=True)
class Stock:
    """Photos that are stored and whose sizes can be drawn again and again."""

    servers: Served
    names: list[str]

    def drawn_a_second(self) -> float:
        """Let the worker draw all of them anew; photos a second from the first to the last."""
        owner = create_engine(self.servers.environ["OWNER_DATABASE_URL"])
        try:
            with owner.begin() as connection:
                connection.execute(_AGAIN, {"names": self.names})
            started = time.monotonic()
            ready = 0
            while ready < len(self.names):
                if time.monotonic() - started > PATIENCE_S:
                    raise BenchError(f"{ready} of {len(self.names)} photos were drawn in {PATIENCE_S:.0f} s")
                time.sleep(0.02)
                with owner.begin() as connection:
                    ready = connection.scalar(_READY, {"names": self.names}) or 0
            return len(self.names) / (time.monotonic() - started)
        finally:
            owner.dispose()


def wait_until_drawn(servers: Served) -> None:
    """Wait until the worker has drawn everything that was uploaded."""
    owner = create_engine(servers.environ["OWNER_DATABASE_URL"])
    deadline = time.monotonic() + PATIENCE_S
    waiting = text("select count(*) from photo where state = 'stored'")
    try:
        while True:
            with owner.begin() as connection:
                left = connection.scalar(waiting)
            if not left:
                return
            if time.monotonic() > deadline:
                raise BenchError(f"{left} photos were not drawn in {PATIENCE_S:.0f} s")
            time.sleep(0.1)
    finally:
        owner.dispose()


def bare_pillow(photo: bytes, count: int) -> float:
    """Photos a second that Pillow alone makes two sizes of, as its documentation says."""

    def draw(_number: int) -> int:
        picture = ImageOps.exif_transpose(Image.open(io.BytesIO(photo))).convert("RGB")
        written = 0
        for edge in (LARGE_PX, SMALL_PX):
            picture.thumbnail((edge, edge))
            out = io.BytesIO()
            picture.save(out, "JPEG", quality=QUALITY)
            written += len(out.getvalue())
        return written

    with ThreadPoolExecutor(sizes.THREADS) as pool:
        started = time.monotonic()
        done = list(pool.map(draw, range(count)))
        return len(done) / (time.monotonic() - started)


def check_kept_once(servers: Served, names: list[list[str]], sent: list[int]) -> None:
    """Fail unless every photo that was answered for is there once.

    Raises:
        BenchError: where one is missing. Of each client the last one may have been cut off.
    """
    wanted = [name for client, count in zip(names, sent, strict=True) for name in client[: max(count - 1, 0)]]
    owner = create_engine(servers.environ["OWNER_DATABASE_URL"])
    try:
        with owner.begin() as connection:
            found = connection.scalar(
                text("select count(*) from photo where sha256 = any(:names) and storage_key is not null"),
                {"names": wanted},
            )
    finally:
        owner.dispose()
    if found != len(wanted):
        raise BenchError(f"{found} of {len(wanted)} photos are there")
    folder = Path(servers.environ["PHOTO_DIR"])
    for name in wanted[:: max(1, len(wanted) // 50)]:
        if not any(name in path.name for path in (folder / name[:2]).rglob("*")):
            raise BenchError(f"the bytes of {name} are not there")
