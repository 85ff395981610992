"""Conversions between WGS-84, GCJ-02 and BD-09 agree with an independent implementation, both ways."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core import geo

VECTORS = Path(__file__).parents[1] / "data" / "coord_vectors.csv"
ROWS = list(csv.DictReader(VECTORS.read_text(encoding="utf-8").splitlines()))
METRE = 1e-5  # degrees, a little more than a metre


def _pair(row: dict[str, str], datum: str) -> tuple[float, float]:
    return float(row[f"{datum}_lat"]), float(row[f"{datum}_lon"])


@pytest.mark.parametrize("row", ROWS, ids=[row["name"] for row in ROWS])
@pytest.mark.parametrize("datum", ["gcj02", "bd09"])
def test_vectors_hold_both_ways(row: dict[str, str], datum: geo.Datum) -> None:
    wgs, shown = _pair(row, "wgs84"), _pair(row, datum)
    assert geo.from_wgs84(*wgs, datum) == pytest.approx(shown, abs=2e-7)
    assert geo.to_wgs84(*shown, datum) == pytest.approx(wgs, abs=METRE)


@given(st.floats(18, 53), st.floats(74, 134), st.sampled_from(geo.DATUMS))
def test_there_and_back_is_the_same_spot(lat: float, lon: float, datum: geo.Datum) -> None:
    back = geo.to_wgs84(*geo.from_wgs84(lat, lon, datum), datum)
    assert geo.distance_m(lat, lon, *back) < 1.5


def test_a_mix_up_at_caoyang_is_half_a_kilometre() -> None:
    lat, lon = 31.24116, 121.40299
    assert 450 < geo.distance_m(lat, lon, *geo.wgs84_to_gcj02(lat, lon)) < 520


def test_outside_china_nothing_shifts() -> None:
    assert geo.wgs84_to_gcj02(35.681236, 139.767125) == (35.681236, 139.767125)
    assert geo.gcj02_to_wgs84(35.681236, 139.767125) == (35.681236, 139.767125)


@pytest.mark.parametrize(
    ("a", "b", "metres"),
    [
        ((31.24, 121.40), (31.24, 121.40), 0.0),
        ((31.24, 121.40), (31.25, 121.40), 1111.95),
        ((0.0, 0.0), (0.0, 180.0), 20_015_114.0),
    ],
)
def test_distance(a: tuple[float, float], b: tuple[float, float], metres: float) -> None:
    assert geo.distance_m(*a, *b) == pytest.approx(metres, rel=1e-4)
