"""Reading places: lists, outlines, where a point is, and what PostGIS says about incoming outlines."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, or_, select, text

from app.core.extensions import db
from app.core.geo import Datum, to_wgs84
from app.places import rules
from app.places.models import Checkpoint, Place

METRES_PER_DEGREE = 110_000.0  # a little less than any degree of latitude, so that boxes err outward


def places_of(street_code: str) -> Sequence[Place]:
    """All places of a street, parents before children."""
    depth = func.cardinality(Place.path)
    return db.session.scalars(
        select(Place).where(Place.street_code == street_code).order_by(depth, Place.code)
    ).all()


def outlines_of(street_code: str) -> dict[str, Any]:
    """All outlines of a street as a GeoJSON FeatureCollection in WGS-84, parents before children."""
    depth = func.cardinality(Place.path)
    rows = db.session.execute(
        select(Place, func.ST_AsGeoJSON(Place.outline, 6))
        .where(Place.street_code == street_code)
        .order_by(depth, Place.code)
    )
    features = [
        {
            "type": "Feature",
            "geometry": json.loads(outline),
            "properties": {
                "code": place.code,
                "level": place.level,
                "parent_code": place.parent_code,
                "name": place.name,
                "name_en": place.name_en,
            },
        }
        for place, outline in rows
    ]
    return {"type": "FeatureCollection", "features": features}


def checkpoints_in(codes: Collection[str], *, active_only: bool = False) -> Sequence[Checkpoint]:
    """Checkpoints whose unit or community is one of *codes*, by code."""
    query = select(Checkpoint).where(
        or_(Checkpoint.unit_code.in_(codes), Checkpoint.community_code.in_(codes))
    )
    if active_only:
        query = query.where(Checkpoint.active)
    return db.session.scalars(query.order_by(Checkpoint.code)).all()


def checkpoints_by_id(ids: Collection[UUID]) -> dict[UUID, Checkpoint]:
    """Checkpoints by id; unknown ids are left out."""
    rows = db.session.scalars(select(Checkpoint).where(Checkpoint.id.in_(ids)))
    return {row.id: row for row in rows}


def place_and_below(code: str) -> frozenset[str]:
    """The code and those of everything below it; empty where there is no such place."""
    return frozenset(db.session.scalars(select(Place.code).where(Place.path.contains([code]))))


def place_names(codes: Iterable[str]) -> dict[str, Place]:
    """Places by code."""
    return {p.code: p for p in db.session.scalars(select(Place).where(Place.code.in_(set(codes))))}


def locate(street_code: str, lat: float, lon: float, accuracy_m: float, datum: Datum) -> rules.Located:
    """Which unit and community of the street a fix is in; see :func:`rules.locate`.

    The accuracy circle crosses an edge where the distance from its centre to the outline, measured on
    the spheroid (``ST_DWithin`` on geography), is at most *accuracy_m*. The box around the circle lets
    the index find the few outlines that come into question.
    """
    lat, lon = to_wgs84(lat, lon, datum)
    reach = accuracy_m / METRES_PER_DEGREE
    rows = db.session.execute(
        text(
            "with fix as (select ST_SetSRID(ST_MakePoint(:lon, :lat), 4326) as spot) "
            "select code, level, ST_Covers(outline, spot) as covers, "
            "ST_Covers(outline, spot) and not "
            "ST_DWithin(ST_Boundary(outline)::geography, spot::geography, :accuracy_m) as whole "
            "from place, fix where street_code = :street_code and level in ('unit', 'community') "
            "and outline && ST_Expand(spot, :reach_lon, :reach_lat) "
            "and ST_DWithin(outline::geography, spot::geography, :accuracy_m)"
        ),
        {
            "lat": lat,
            "lon": lon,
            "accuracy_m": accuracy_m,
            "street_code": street_code,
            "reach_lat": reach,
            "reach_lon": reach / max(0.01, math.cos(math.radians(lat))),
        },
    )
    return rules.locate([rules.Near(**row) for row in rows.mappings()])


def covering(street_code: str | None, spots: Sequence[tuple[float, float]]) -> list[dict[str, str]]:
    """For each WGS-84 (lat, lon) the places that cover it, by level, of one street or of all.

    A spot on a common edge belongs to the place with the smaller code.
    """
    found: list[dict[str, str]] = [{} for _ in spots]
    rows = db.session.execute(
        text(
            "select i - 1, level, min(code) from unnest(cast(:lats as float[]), cast(:lons as float[])) "
            "with ordinality as spot(lat, lon, i) "
            "join place on ST_Covers(outline, ST_SetSRID(ST_MakePoint(lon, lat), 4326)) "
            "where cast(:street_code as text) is null or street_code = :street_code group by i, level"
        ),
        {
            "lats": [lat for lat, _ in spots],
            "lons": [lon for _, lon in spots],
            "street_code": street_code,
        },
    )
    for index, level, code in rows:
        found[index][level] = code
    return found


_INCOMING = (
    "with incoming as materialized (select * from unnest(cast(:indexes as int[]), cast(:codes as text[]), "
    "cast(:parents as text[]), cast(:outlines as text[])) as f(i, code, parent, geojson)), "
    "drawn as materialized (select i, code, parent, "
    "ST_Multi(ST_SetSRID(ST_GeomFromGeoJSON(geojson), 4326)) as outline from incoming) "
)
_BY_ITSELF = (
    "select i, ST_IsValidReason(outline), ST_IsValid(outline), "
    "case when ST_IsValid(outline) then ST_Area(outline::geography) else 0 end from drawn order by i"
)
_OUTSIDE_PARENT = (
    "select * from (select c.i, p.code, ST_Area(ST_Difference(c.outline, p.outline)::geography) as area "
    "from drawn c join drawn p on p.code = c.parent) d where area > :tolerance order by i"
)
_OVERLAPS = (
    "select * from (select a.i, b.code, ST_Area(ST_Intersection(a.outline, b.outline)::geography) as area "
    "from drawn a join drawn b on a.parent = b.parent and a.code < b.code "
    "and ST_Intersects(a.outline, b.outline)) d where area > :tolerance order by i"
)
_GAPS = (
    "select i, ST_Area(gap::geography), ST_Y(ST_PointOnSurface(gap)), ST_X(ST_PointOnSurface(gap)) from ("
    "select p.i, ST_Difference(p.outline, ST_Union(c.outline)) as gap from drawn p join drawn c "
    "on c.parent = p.code group by p.i, p.outline) d where ST_Area(gap::geography) > :tolerance order by i"
)


def geometry_faults(places: Sequence[rules.PlaceIn]) -> list[rules.Fault]:
    """What PostGIS finds wrong with the outlines of *places*, a whole tree without other faults.

    First each outline by itself (valid, of sensible size); where all are sound, how they fit: children
    inside their parent, no overlap among the children of one parent, no part of a parent without a
    child. Areas are of the spheroid; up to ``rules.TOLERANCE_M2`` passes as drawn noise.
    """
    by_index = {place.index: place for place in places}
    values = {
        "indexes": [p.index for p in places],
        "codes": [p.code for p in places],
        "parents": [p.parent_code for p in places],
        "outlines": [p.outline for p in places],
    }
    faults = []
    for index, reason, valid, area in db.session.execute(text(_INCOMING + _BY_ITSELF), values):
        if not valid:
            faults.append(rules.fault_of(by_index[index], f"the outline is not valid: {reason}"))
        elif not rules.MIN_AREA_M2 <= area <= rules.MAX_AREA_M2:
            faults.append(
                rules.fault_of(
                    by_index[index],
                    f"the outline covers {area:,.0f} m²; it must be {rules.MIN_AREA_M2:,.0f} "
                    f"to {rules.MAX_AREA_M2:,.0f} m²",
                )
            )
    return faults or _fitting_faults(by_index, values)


def _fitting_faults(by_index: dict[int, rules.PlaceIn], values: dict[str, Any]) -> list[rules.Fault]:
    values = values | {"tolerance": rules.TOLERANCE_M2}
    faults = []
    for index, parent, area in db.session.execute(text(_INCOMING + _OUTSIDE_PARENT), values):
        reason = f"{area:,.0f} m² of it lie outside its parent {parent}"
        faults.append(rules.fault_of(by_index[index], reason))
    for index, other, area in db.session.execute(text(_INCOMING + _OVERLAPS), values):
        faults.append(rules.fault_of(by_index[index], f"it overlaps {other} by {area:,.0f} m²"))
    for index, area, lat, lon in db.session.execute(text(_INCOMING + _GAPS), values):
        reason = (
            f"its children leave a gap of {area:,.0f} m², for example at latitude {lat:.5f}, "
            f"longitude {lon:.5f}"
        )
        faults.append(rules.fault_of(by_index[index], reason))
    return faults
