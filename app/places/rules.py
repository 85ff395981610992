"""What a file of places must be, and what a fix says about where one is. Pure.

What needs a geometry engine (validity, overlaps, gaps) is asked of PostGIS by ``queries.geometry_faults``;
everything else is decided here, so that one run names as many faults as it can.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from marshmallow import ValidationError

from app.core.fields import check_text
from app.core.geo import in_china

MAX_FILE_BYTES = 20 * 1024 * 1024
MAX_FEATURES = 5_000
MAX_POINTS = 20_000  # of one outline
MAX_NAME = 100
MAX_PROPERTIES = 30
MAX_PROPERTY = 500
MIN_AREA_M2 = 100.0
MAX_AREA_M2 = 500_000_000.0
# Digitised edges never meet to the millimetre: a strip 10 m long and 1 m wide is taken as drawn noise.
TOLERANCE_M2 = 10.0

PARENT_LEVEL = {"street": None, "area": "street", "unit": "area", "community": "unit"}
LEVEL_WORDS = {"grid": "unit"}  # the word that files in the older standard use
_CODE_SHAPES = {
    "street": (r"\d{9}", "9 digits"),
    "area": (r"\d{9}-P\d{1,3}", "the street's code and -P1, -P2 …"),
    "unit": (
        r"\d{9}-G\d{1,3}|\d{15}",
        "the street's code and -G1, -G2 …, or a 15-digit unit grid identifier",
    ),
    "community": (r"\d{12}", "12 digits"),
}
_KNOWN_CRS = ("CRS84", "4326", "4490")
_OWN_PROPERTIES = {"level", "code", "parent_code", "name", "name_en"}


@dataclass(frozen=True, slots=True)
class PlaceIn:
    """One place as a file gives it. *index* counts features from 1; *outline* is GeoJSON text."""

    index: int
    code: str
    level: str
    parent_code: str
    name: str
    name_en: str
    outline: str
    properties: dict[str, Any] = field(default_factory=dict)

    @property
    def street_code(self) -> str:
        """The 9 digits that every code below a street begins with."""
        return self.code[:9]


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a feature of a file cannot be taken. *index* 0 means the file as a whole."""

    index: int
    code: str
    name: str
    reason: str

    def __str__(self) -> str:
        if not self.index:
            return f"file: {self.reason}"
        return f"feature {self.index} ({self.code or 'no code'}, {self.name or 'no name'}): {self.reason}"


def read_places(text: str) -> tuple[list[PlaceIn], list[Fault]]:
    """Read a GeoJSON FeatureCollection of places.

    Returns:
        The places in the order of the tree, parents first, and the faults; with faults the list of
        places holds only those that could be read.
    """
    if len(text.encode("utf-8", "surrogatepass")) > MAX_FILE_BYTES:
        return [], [_file_fault(f"larger than {MAX_FILE_BYTES // 1024 // 1024} MB")]
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        return [], [_file_fault(f"not valid JSON: {error}")]
    fault = _collection_fault(document)
    if fault:
        return [], [_file_fault(fault)]
    places: list[PlaceIn] = []
    faults: list[Fault] = []
    for index, feature in enumerate(document["features"], 1):
        place, reasons = _read_feature(index, feature)
        faults += reasons
        if place:
            places.append(place)
    if not faults:  # half a tree would only yield faults that follow from the first ones
        faults = _tree_faults(places)
    order = list(PARENT_LEVEL)
    return sorted(places, key=lambda p: (order.index(p.level), p.code)), faults


def _file_fault(reason: str) -> Fault:
    return Fault(0, "", "", reason)


def _collection_fault(document: Any) -> str | None:
    if not isinstance(document, dict) or document.get("type") != "FeatureCollection":
        return "not a GeoJSON FeatureCollection"
    features = document.get("features")
    if not isinstance(features, list) or not features:
        return "there are no features"
    if len(features) > MAX_FEATURES:
        return f"{len(features)} features; at most {MAX_FEATURES} can be taken at once"
    crs = document.get("crs")
    if crs is not None and not any(known in json.dumps(crs) for known in _KNOWN_CRS):
        return "the coordinate system is not WGS-84 or CGCS2000 longitude and latitude"
    return None


def _read_feature(index: int, feature: Any) -> tuple[PlaceIn | None, list[Fault]]:
    properties = feature.get("properties") if isinstance(feature, dict) else None
    if not isinstance(properties, dict) or feature.get("type") != "Feature":
        return None, [Fault(index, "", "", "not a GeoJSON Feature with properties")]
    words = {key: properties.get(key) for key in _OWN_PROPERTIES}
    if words["name_en"] is None:
        words["name_en"] = ""
    code, name = _shown(words["code"]), _shown(words["name"])
    reasons = [
        f"{key} is missing or not plain text of at most {MAX_NAME} characters"
        for key, value in sorted(words.items())
        if not _is_text(value, MAX_NAME) or (not value and key != "name_en")
    ]
    level = LEVEL_WORDS.get(str(words["level"]), str(words["level"]))
    if not reasons:
        reasons += _code_reasons(str(words["code"]), level, str(words["parent_code"]))
    extra = {key: value for key, value in properties.items() if key not in _OWN_PROPERTIES}
    if not _plain_properties(extra):
        reasons.append(
            f"further properties must be at most {MAX_PROPERTIES} plain texts, numbers or true/false"
        )
    geometry = feature.get("geometry")
    reason = outline_reason(geometry)
    if reason:
        reasons.append(reason)
    if reasons:
        return None, [Fault(index, code, name, r) for r in reasons]
    outline = json.dumps({"type": geometry["type"], "coordinates": geometry["coordinates"]})
    return (
        PlaceIn(
            index=index,
            code=str(words["code"]),
            level=level,
            parent_code=str(words["parent_code"]),
            name=str(words["name"]),
            name_en=str(words["name_en"]),
            outline=outline,
            properties=extra,
        ),
        [],
    )


def _shown(value: Any) -> str:
    """A value from the file as a fault may show it, whatever it is."""
    return str(value or "")[:40].encode("utf-8", "backslashreplace").decode()


def _is_text(value: Any, longest: int) -> bool:
    if not isinstance(value, str) or len(value) > longest:
        return False
    try:
        check_text(value)
    except ValidationError:
        return False
    return True


def _plain_properties(extra: dict[str, Any]) -> bool:
    return len(extra) <= MAX_PROPERTIES and all(
        _is_text(key, MAX_NAME)
        and (
            value is None
            or (isinstance(value, int | float) and abs(value) < 1e15)  # False for NaN as well
            or _is_text(value, MAX_PROPERTY)
        )
        for key, value in extra.items()
    )


def _code_reasons(code: str, level: str, parent_code: str) -> list[str]:
    if level not in PARENT_LEVEL:
        return [f"level {level!r} is not known; use street, area, unit (or grid) or community"]
    shape, words = _CODE_SHAPES[level]
    if not re.fullmatch(shape, code, re.ASCII):
        return [f"a code of level {level} must be {words}"]
    if level == "street" and parent_code != code[:6]:
        return [f"the parent of street {code} must be its district {code[:6]}"]
    if level != "street" and parent_code[:9] != code[:9]:
        return [f"the code must begin with the same street as its parent {parent_code}"]
    return []


def outline_reason(geometry: Any) -> str | None:
    """Why *geometry* is not a usable outline, in plain words, or None. Shape itself is PostGIS's to judge."""
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    if kind not in {"Polygon", "MultiPolygon"}:
        return f"the geometry is {kind or 'missing'}; it must be a Polygon or MultiPolygon"
    coordinates = geometry.get("coordinates")
    polygons = [coordinates] if kind == "Polygon" else coordinates
    if not _is_filled_list(polygons) or not all(_is_filled_list(p) for p in polygons):
        return "the geometry has no coordinates"
    rings = [ring for polygon in polygons for ring in polygon]
    if not all(isinstance(ring, list) for ring in rings):
        return "a ring is not a list of positions"
    if sum(len(ring) for ring in rings) > MAX_POINTS:
        return f"the outline has more than {MAX_POINTS} points"
    return next((reason for ring in rings if (reason := _ring_reason(ring))), None)


def _is_filled_list(value: Any) -> bool:
    return isinstance(value, list) and bool(value)


def _ring_reason(ring: list[Any]) -> str | None:
    for position in ring:
        if not isinstance(position, list) or not all(
            isinstance(n, int | float) and not isinstance(n, bool) and abs(n) <= 1e9 for n in position
        ):
            return "a position is not two finite numbers"
        if len(position) != 2:
            return (
                f"a position has {len(position)} numbers; heights are not taken, only longitude and latitude"
            )
        lon, lat = position
        if in_china(lat, lon):
            continue
        if in_china(lon, lat):
            return f"longitude and latitude seem to be swapped at [{lon}, {lat}]"
        return f"the position [{lon}, {lat}] is not in China"
    if len(ring) < 4:
        return "a ring has fewer than 4 positions"
    if ring[0] != ring[-1]:
        return "a ring is not closed: its last position must be its first"
    return None


def _tree_faults(places: list[PlaceIn]) -> list[Fault]:
    by_code = {p.code: p for p in places}
    counts = Counter(p.code for p in places)
    faults = []
    for place in places:
        if counts[place.code] > 1:
            faults.append(fault_of(place, f"the code is used by {counts[place.code]} features"))
        wanted = PARENT_LEVEL[place.level]
        if wanted is None:
            continue
        parent = by_code.get(place.parent_code)
        if parent is None:
            faults.append(fault_of(place, f"the parent {place.parent_code} is not in the file"))
        elif parent.level != wanted:
            reason = (
                f"the parent {parent.code} is of level {parent.level}; the parent must be of level {wanted}"
            )
            faults.append(fault_of(place, reason))
    return faults


def fault_of(place: PlaceIn, reason: str) -> Fault:
    """A fault of *place* for *reason*."""
    return Fault(place.index, place.code, place.name, reason)


def paths_of(places: Iterable[PlaceIn]) -> dict[str, list[str]]:
    """Codes from the street down to each place, by code; *places* parents first, without faults."""
    paths: dict[str, list[str]] = {}
    for place in places:
        paths[place.code] = [*paths.get(place.parent_code, []), place.code]
    return paths


@dataclass(frozen=True, slots=True)
class Near:
    """A place that the accuracy circle of a fix touches.

    Attributes:
        covers: the centre of the circle lies in it.
        whole: the whole circle lies in it.
    """

    code: str
    level: str
    covers: bool
    whole: bool


@dataclass(frozen=True, slots=True)
class Located:
    """Where a fix is. A code is given only where the whole circle lies in that place."""

    state: Literal["inside", "unclear", "outside"]
    unit_code: str | None
    community_code: str | None
    candidates: tuple[str, ...]


def locate(near: list[Near]) -> Located:
    """Judge the units and communities that a circle touches.

    ``outside``: it touches none. ``inside``: it lies wholly in one unit and, where communities are
    known there, wholly in one community. ``unclear``: it crosses an edge; *candidates* are all places
    it touches, the one under its centre first.
    """
    if not near:
        return Located("outside", None, None, ())
    units = [n for n in near if n.level == "unit"]
    communities = [n for n in near if n.level == "community"]
    unit = next((n.code for n in units if n.whole), None)
    community = next((n.code for n in communities if n.whole), None)
    clear = unit is not None and (community is not None or not communities)
    ordered = sorted(near, key=lambda n: (not n.covers, n.level != "unit", n.code))
    return Located("inside" if clear else "unclear", unit, community, tuple(n.code for n in ordered))
