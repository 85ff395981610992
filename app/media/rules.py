"""What makes a photo doubtful. Pure.

A doubt never refuses anything: it is shown beside the photo to whoever decides. Phones strip EXIF, set
clocks wrong and write positions in China's own datum, so each limit is wide.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.core.geo import distance_m, gcj02_to_wgs84

DOUBTS = ("no_position", "exif_time_far", "exif_place_far", "used_before")

TIME_FAR = timedelta(hours=24)
PLACE_FAR_M = 300.0
ROLES = ("report", "before", "after", "note", "verify")  # in the order in which a case meets them

Use = tuple[str, str, str]  # subject kind, subject id, role


@dataclass(frozen=True, slots=True)
class Exif:
    """What the file says about itself.

    Attributes:
        lat, lon: degrees as written; the datum is not said and may be GCJ-02.
    """

    taken_at: datetime | None = None
    lat: float | None = None
    lon: float | None = None
    camera: str | None = None


@dataclass(frozen=True, slots=True)
class Claimed:
    """What the phone said when the photo was taken: its time, and its position in WGS-84."""

    captured_at: datetime
    lat: float | None = None
    lon: float | None = None
    accuracy_m: float | None = None


def doubts(exif: Exif, claim: Claimed, earlier_uses: Collection[Use]) -> tuple[str, ...]:
    """What speaks against a photo, in the order of :data:`DOUBTS`; empty where nothing does.

    Args:
        earlier_uses: of the same bytes, by other subjects or in another role of the same one.
    """
    found = set()
    if claim.lat is None or claim.lon is None:
        found.add("no_position")
    if exif.taken_at is not None and abs(exif.taken_at - claim.captured_at) > TIME_FAR:
        found.add("exif_time_far")
    apart = apart_m(exif, claim)
    if apart is not None and apart > PLACE_FAR_M + (claim.accuracy_m or 0.0):
        found.add("exif_place_far")
    if earlier_uses:
        found.add("used_before")
    return tuple(doubt for doubt in DOUBTS if doubt in found)


def apart_m(exif: Exif, claim: Claimed) -> float | None:
    """Metres between the file's position and the claimed one, or None where one of them is missing.

    The file's is read as WGS-84 and as GCJ-02, and the nearer reading counts: an honest photo must not
    look wrong because of the camera's datum.
    """
    if exif.lat is None or exif.lon is None or claim.lat is None or claim.lon is None:
        return None
    readings = ((exif.lat, exif.lon), gcj02_to_wgs84(exif.lat, exif.lon))
    return min(distance_m(lat, lon, claim.lat, claim.lon) for lat, lon in readings)


def received_bytes(spans: Collection[tuple[int, int]]) -> int:
    """How many bytes from the beginning are there without a gap.

    Args:
        spans: first byte and length of each part; they may overlap and come in any order.
    """
    reached = 0
    for start, length in sorted(spans):
        if start > reached:
            break
        reached = max(reached, start + length)
    return reached
