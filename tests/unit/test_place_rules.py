"""A file of places is read whole or named fault by fault; a circle that crosses an edge is unclear."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.places.rules import MAX_POINTS, Located, Near, locate, paths_of, read_places

CAOYANG = json.loads((Path(__file__).parents[2] / "data" / "caoyang.geojson").read_text(encoding="utf-8"))
Change = Callable[[dict[str, Any]], Any]


def _feature(document: dict[str, Any], code: str) -> dict[str, Any]:
    found: dict[str, Any] = next(f for f in document["features"] if f["properties"]["code"] == code)
    return found


def _set(code: str, /, **properties: Any) -> Change:
    return lambda d: _feature(d, code)["properties"].update(properties)


def _ring(code: str, act: Callable[[list[Any]], Any]) -> Change:
    return lambda d: act(_feature(d, code)["geometry"]["coordinates"][0])


def _swap(ring: list[Any]) -> None:
    ring[:] = [[lat, lon] for lon, lat in ring]


def _first(*position: Any) -> Callable[[list[Any]], Any]:
    return lambda ring: ring.__setitem__(0, list(position))


def test_the_demonstration_street_is_read_parents_first() -> None:
    places, faults = read_places(json.dumps(CAOYANG))
    assert faults == []
    assert [sum(p.level == level for p in places) for level in ("street", "area", "unit", "community")] == [
        1,
        3,
        7,
        20,
    ]
    paths = paths_of(places)
    assert paths["310107005005"] == ["310107005", "310107005-P1", "310107005-G2", "310107005005"]


def test_a_unit_may_carry_its_national_identifier() -> None:
    document = copy.deepcopy(CAOYANG)
    _feature(document, "310107005-G1")["properties"]["code"] = "310107005001001"
    for feature in document["features"]:
        if feature["properties"]["parent_code"] == "310107005-G1":
            feature["properties"]["parent_code"] = "310107005001001"
    assert read_places(json.dumps(document))[1] == []


@pytest.mark.parametrize(
    ("change", "index", "words"),
    [
        (_set("310107005-P1", code="310107005P1"), 2, "of level area must be"),
        (_set("310107005-P1", code="31010700-P1"), 2, "of level area must be"),
        (_set("310107005009", code="31010700500９"), 18, "12 digits"),
        (_set("310107005", parent_code="310108"), 1, "must be its district 310107"),
        (_set("310107005009", parent_code="310107006-G1"), 18, "the same street"),
        (_set("310107005009", parent_code="310107005-G9"), 18, "the parent 310107005-G9 is not in the file"),
        (_set("310107005009", parent_code="310107005-P1"), 18, "the parent must be of level unit"),
        (_set("310107005009", level="block"), 18, "level 'block' is not known"),
        (_set("310107005009", code="310107005011"), 18, "the code is used by 2 features"),
        (_set("310107005009", name=""), 18, "name is missing"),
        (_set("310107005009", name="a\x00b"), 18, "name is missing or not plain text"),
        (_set("310107005009", name_en="\ud800"), 18, "name_en is missing or not plain text"),
        (_set("310107005009", note="x" * 501), 18, "further properties"),
        (_set("310107005009", note={"deep": 1}), 18, "further properties"),
        (_ring("310107005009", _swap), 18, "longitude and latitude seem to be swapped"),
        (_ring("310107005009", _first(2.35, 48.85)), 18, "is not in China"),
        (_ring("310107005009", _first(math.nan, 31.2)), 18, "not two finite numbers"),
        (_ring("310107005009", _first(10**400, 31.2)), 18, "not two finite numbers"),
        (_ring("310107005009", _first("121.4", 31.2)), 18, "not two finite numbers"),
        (_ring("310107005009", _first(True, 31.2)), 18, "not two finite numbers"),
        (_ring("310107005009", _first(121.4, 31.2, 4.0)), 18, "heights are not taken"),
        (_ring("310107005009", lambda r: r.pop()), 18, "not closed"),
        (_ring("310107005009", lambda r: r.__delitem__(slice(2, None))), 18, "fewer than 4"),
        (_ring("310107005009", lambda r: r.extend([r[0]] * MAX_POINTS)), 18, "more than 20000 points"),
        (lambda d: _feature(d, "310107005009").update(geometry=None), 18, "the geometry is missing"),
        (
            lambda d: _feature(d, "310107005009")["geometry"].update(type="Point"),
            18,
            "the geometry is Point",
        ),
        (lambda d: _feature(d, "310107005009")["geometry"].update(coordinates=[]), 18, "no coordinates"),
        (
            lambda d: _feature(d, "310107005009")["geometry"].update(coordinates=[1, 2]),
            18,
            "a ring is not a list",
        ),
        (lambda d: d["features"].__setitem__(3, 7), 4, "not a GeoJSON Feature"),
        (lambda d: d.update(type="Feature"), 0, "not a GeoJSON FeatureCollection"),
        (lambda d: d.update(features=[]), 0, "there are no features"),
        (lambda d: d.update(features=[{}] * 5001), 0, "at most 5000"),
        (lambda d: d.update(crs={"properties": {"name": "EPSG:3857"}}), 0, "coordinate system"),
    ],
)
def test_each_fault_is_named(change: Change, index: int, words: str) -> None:
    document = copy.deepcopy(CAOYANG)
    change(document)
    _, faults = read_places(json.dumps(document))
    assert any(f.index == index and words in f.reason for f in faults), [str(f) for f in faults]


def test_several_faults_come_in_one_go() -> None:
    document = copy.deepcopy(CAOYANG)
    _set("310107005-G1", level="block")(document)
    _ring("310107005009", _swap)(document)
    _, faults = read_places(json.dumps(document))
    assert [(f.index, f.code) for f in faults] == [(5, "310107005-G1"), (18, "310107005009")]
    assert "310107005009, 南梅园居民区" in str(faults[1])


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "9" * 5_000, "null", '"x"', "[]"])
def test_what_is_not_geojson_is_one_fault(text: str) -> None:
    places, faults = read_places(text)
    assert places == []
    assert [f.index for f in faults] == [0]


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(JSON_VALUES, JSON_VALUES)
def test_no_geometry_and_no_properties_break_the_reader(geometry: Any, properties: Any) -> None:
    feature = {"type": "Feature", "geometry": geometry, "properties": properties}
    polygon = {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": geometry}, "properties": {}}
    _, faults = read_places(json.dumps({"type": "FeatureCollection", "features": [feature, polygon]}))
    assert faults


def _near(code: str, *, covers: bool = True, whole: bool = True) -> Near:
    return Near(code, "unit" if "-G" in code else "community", covers, whole)


@pytest.mark.parametrize(
    ("near", "expected"),
    [
        ([], Located("outside", None, None, ())),
        ([_near("s-G1"), _near("001")], Located("inside", "s-G1", "001", ("s-G1", "001"))),
        ([_near("s-G1")], Located("inside", "s-G1", None, ("s-G1",))),
        (
            [_near("s-G1"), _near("002", covers=False, whole=False), _near("001", whole=False)],
            Located("unclear", "s-G1", None, ("s-G1", "001", "002")),
        ),
        (
            [_near("s-G2", covers=False, whole=False), _near("s-G1", whole=False), _near("001", whole=False)],
            Located("unclear", None, None, ("s-G1", "001", "s-G2")),
        ),
        ([_near("s-G1", covers=False, whole=False)], Located("unclear", None, None, ("s-G1",))),
    ],
)
def test_locate(near: list[Near], expected: Located) -> None:
    assert locate(near) == expected
