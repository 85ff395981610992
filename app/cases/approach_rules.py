"""When somebody is on scene, judged by their positions. Pure.

The circle counts as entered where two positions in a row lie in it with their whole accuracy circle; one
stray position proves nothing, and a vague one neither confirms nor breaks the row. Where the position of
the case itself is vague, nobody can be seen to be there: they say so. The rule only ever says "arrived":
nobody is said to be away.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from app.core.geo import distance_m

IN_A_ROW = 2
VAGUE_M = 100.0  # a position vaguer than this says nothing here


@dataclass(frozen=True, slots=True)
class Circle:
    """The circle of a case: WGS-84 centre and radius; a vague centre makes it wider.

    Attributes:
        accuracy_m: of the centre.
    """

    lat: float
    lon: float
    radius_m: float
    accuracy_m: float = 0.0


@dataclass(frozen=True, slots=True)
class Seen:
    """One position of the owner: WGS-84, time with the phone's skew taken away."""

    at: datetime
    lat: float
    lon: float
    accuracy_m: float


@dataclass(frozen=True, slots=True)
class Approach:
    """How far somebody has come.

    Attributes:
        distance_m: of the newest position from the centre.
        inside: positions in a row that lay surely inside.
        arrived_at: time of the position that made it sure; None: not yet.
    """

    fixed_at: datetime | None = None
    distance_m: float = 0.0
    accuracy_m: float = 0.0
    inside: int = 0
    arrived_at: datetime | None = None


def follow(approach: Approach, circle: Circle, positions: Iterable[Seen]) -> Approach:
    """Take further *positions* into account, in order of their time; older ones than known are left out."""
    for seen in sorted(positions, key=lambda s: s.at):
        if approach.fixed_at is not None and seen.at <= approach.fixed_at:
            continue
        approach = _next(approach, circle, seen)
    return approach


def _next(before: Approach, circle: Circle, seen: Seen) -> Approach:
    away = distance_m(seen.lat, seen.lon, circle.lat, circle.lon)
    here = replace(before, fixed_at=seen.at, distance_m=round(away, 1), accuracy_m=seen.accuracy_m)
    if before.arrived_at is not None:
        return here
    if away + seen.accuracy_m <= circle.radius_m and circle.accuracy_m <= VAGUE_M:
        inside = before.inside + 1
        return replace(here, inside=inside, arrived_at=seen.at if inside >= IN_A_ROW else None)
    surely_outside = away - seen.accuracy_m > circle.radius_m and seen.accuracy_m <= VAGUE_M
    return replace(here, inside=0 if surely_outside else before.inside)
