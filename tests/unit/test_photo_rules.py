"""What makes a photo doubtful, and how far the parts of one reach."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.geo import distance_m, wgs84_to_gcj02
from app.media.models import PhotoUse
from app.media.rules import (
    DOUBTS,
    PLACE_FAR_M,
    ROLES,
    TIME_FAR,
    Claimed,
    Exif,
    apart_m,
    doubts,
    received_bytes,
)

AT = datetime(2026, 11, 16, 1, 41, 20, tzinfo=UTC)
LAT, LON = 31.2444, 121.4029
HERE = Claimed(AT, LAT, LON, 10.0)
A_DEGREE_M = distance_m(LAT, LON, LAT + 1, LON)
SECOND = timedelta(seconds=1)


def north(metres: float) -> float:
    return LAT + metres / A_DEGREE_M


@pytest.mark.parametrize(
    ("exif", "claim", "earlier", "expected"),
    [
        (Exif(), HERE, 0, ()),
        (Exif(AT, LAT, LON), HERE, 0, ()),
        (Exif(AT + TIME_FAR, LAT, LON), HERE, 0, ()),
        (Exif(AT + TIME_FAR + SECOND, LAT, LON), HERE, 0, ("exif_time_far",)),
        (Exif(AT - TIME_FAR - SECOND), HERE, 0, ("exif_time_far",)),
        (Exif(AT, north(PLACE_FAR_M + 9), LON), HERE, 0, ()),
        (Exif(AT, north(PLACE_FAR_M + 11), LON), HERE, 0, ("exif_place_far",)),
        (Exif(AT, north(PLACE_FAR_M + 11), LON), Claimed(AT, LAT, LON, 50.0), 0, ()),
        (Exif(AT, north(PLACE_FAR_M + 1), LON), Claimed(AT, LAT, LON), 0, ("exif_place_far",)),
        (Exif(AT, *wgs84_to_gcj02(LAT, LON)), HERE, 0, ()),  # a camera that writes China's datum is honest
        (Exif(AT, LAT, LON), Claimed(AT), 0, ("no_position",)),
        (Exif(AT, 0.5, LON), Claimed(AT, None, LON), 0, ("no_position",)),
        (Exif(AT, LAT, LON), HERE, 2, ("used_before",)),
        (
            Exif(AT - timedelta(days=2800), 40.0, LON),
            HERE,
            1,
            ("exif_time_far", "exif_place_far", "used_before"),
        ),
    ],
)
def test_each_doubt_has_its_limit(
    exif: Exif, claim: Claimed, earlier: int, expected: tuple[str, ...]
) -> None:
    assert doubts(exif, claim, [("case", str(n), "report") for n in range(earlier)]) == expected


def test_the_shift_between_the_datums_alone_would_have_been_too_far() -> None:
    assert distance_m(*wgs84_to_gcj02(LAT, LON), LAT, LON) > PLACE_FAR_M


positions = st.none() | st.tuples(st.floats(-90, 90), st.floats(-180, 180))
moments = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(
    st.tuples(moments, positions), st.tuples(moments, positions), st.none() | st.floats(0, 1e5), st.booleans()
)
def test_doubts_are_of_the_list_in_its_order_and_never_raise(
    file: tuple[datetime, tuple[float, float] | None],
    phone: tuple[datetime, tuple[float, float] | None],
    accuracy: float | None,
    used: bool,
) -> None:
    (taken, written), (captured, claimed) = file, phone
    exif = Exif(taken, *(written or (None, None)))
    claim = Claimed(captured, *(claimed or (None, None)), accuracy_m=accuracy)
    found = doubts(exif, claim, [("case", "1", "report")] if used else [])
    assert list(found) == [doubt for doubt in DOUBTS if doubt in found]
    assert ("used_before" in found) is used
    assert ("no_position" in found) is (claimed is None)
    assert (apart_m(exif, claim) is None) is (written is None or claimed is None)


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(1, 80)), max_size=12))
def test_received_is_the_first_byte_that_is_missing(spans: list[tuple[int, int]]) -> None:
    covered = {byte for start, length in spans for byte in range(start, start + length)}
    assert received_bytes(spans) == next(n for n in range(len(covered) + 1) if n not in covered)


def test_the_table_takes_every_role() -> None:
    check = next(c for c in PhotoUse.__table__.constraints if "role" in str(c.name))
    assert all(f"'{role}'" in str(check.sqltext) for role in ROLES)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_doubt_has_its_words(language: str) -> None:
    messages = Path(__file__).parents[2] / "pwa" / "src" / "messages" / f"common.{language}.json"
    words = json.loads(messages.read_text(encoding="utf-8"))
    told = {key.partition(".")[2] for key in words if key.startswith("photo_doubt.")}
    assert told == set(DOUBTS)
