"""What a list of checkpoints must be. Pure.

A CSV with the columns ``code,name,name_en,kind,floor_label,radius_m,lat,lon`` (UTF-8, WGS-84). Which unit
and community a checkpoint is in follows from its position.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

from marshmallow import ValidationError

from app.core.fields import check_text
from app.core.geo import in_china

KINDS = (
    "entrance",
    "stairwell",
    "lift",
    "basement",
    "shop",
    "fire_lane",
    "waste_room",
    "square",
    "other",
)
MIN_RADIUS_M = 5.0
MAX_RADIUS_M = 500.0
MAX_ROWS = 5_000
MAX_NAME = 80
MAX_FLOOR_LABEL = 20
CODE_SHAPE = r"[A-Z0-9][A-Z0-9-]{0,19}"
COLUMNS = ("code", "name", "name_en", "kind", "floor_label", "radius_m", "lat", "lon")


@dataclass(frozen=True, slots=True)
class CheckpointIn:
    """One checkpoint as it is asked for. *line* counts the lines of a file, 0 elsewhere; WGS-84."""

    code: str
    name: str
    name_en: str
    kind: str
    floor_label: str
    radius_m: float
    lat: float
    lon: float
    active: bool = True
    line: int = 0


@dataclass(frozen=True, slots=True)
class RowFault:
    """Why a line cannot be taken; line 1 is the header."""

    line: int
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.reason}"


def read_checkpoints(text: str) -> tuple[list[CheckpointIn], list[RowFault]]:
    """Read the CSV *text*; with faults the list holds only what could be read."""
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    rows: list[CheckpointIn] = []
    faults: list[RowFault] = []
    try:
        if tuple(reader.fieldnames or ()) != COLUMNS:
            return [], [RowFault(1, f"the columns must be {','.join(COLUMNS)}")]
        for raw in reader:
            if len(rows) + len(faults) >= MAX_ROWS:
                return rows, [*faults, RowFault(reader.line_num, f"more than {MAX_ROWS} rows")]
            row, reasons = _read_row(reader.line_num, raw)
            faults += [RowFault(reader.line_num, reason) for reason in reasons]
            if row:
                rows.append(row)
    except csv.Error as error:
        return rows, [*faults, RowFault(reader.line_num, f"not readable as CSV: {error}")]
    counts = Counter(row.code for row in rows)
    faults += [
        RowFault(row.line, f"the code {row.code} is used by {counts[row.code]} rows")
        for row in rows
        if counts[row.code] > 1
    ]
    if not rows and not faults:
        faults.append(RowFault(1, "there are no rows"))
    return rows, sorted(faults, key=lambda fault: fault.line)


def _read_row(line: int, raw: dict[str | Any, Any]) -> tuple[CheckpointIn | None, list[str]]:
    if None in raw or any(value is None for value in raw.values()):
        return None, [f"the row must have {len(COLUMNS)} columns"]
    values = {key: str(value).strip() for key, value in raw.items()}
    numbers = {key: _number(values[key]) for key in ("radius_m", "lat", "lon")}
    reasons = [f"{key} is not a number" for key, number in numbers.items() if number is None]
    if reasons:
        return None, reasons
    row = CheckpointIn(
        code=values["code"],
        name=values["name"],
        name_en=values["name_en"],
        kind=values["kind"],
        floor_label=values["floor_label"],
        radius_m=numbers["radius_m"] or 0.0,
        lat=numbers["lat"] or 0.0,
        lon=numbers["lon"] or 0.0,
        line=line,
    )
    reasons = checkpoint_reasons(row)
    return (None, reasons) if reasons else (row, [])


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def checkpoint_reasons(wanted: CheckpointIn) -> list[str]:
    """Everything that is wrong with a checkpoint by itself, in plain words."""
    reasons = []
    if not re.fullmatch(CODE_SHAPE, wanted.code, re.ASCII):
        reasons.append("the code must be 1 to 20 capital letters, digits and hyphens")
    if not wanted.name:
        reasons.append("the name is missing")
    for word, value, longest in (
        ("name", wanted.name, MAX_NAME),
        ("name_en", wanted.name_en, MAX_NAME),
        ("floor_label", wanted.floor_label, MAX_FLOOR_LABEL),
    ):
        if len(value) > longest or not _storable(value):
            reasons.append(f"{word} must be plain text of at most {longest} characters")
    if wanted.kind not in KINDS:
        reasons.append(f"kind must be one of {', '.join(KINDS)}")
    if not MIN_RADIUS_M <= wanted.radius_m <= MAX_RADIUS_M:
        reasons.append(f"the radius must be {MIN_RADIUS_M:.0f} to {MAX_RADIUS_M:.0f} m")
    if not in_china(wanted.lat, wanted.lon):
        swapped = in_china(wanted.lon, wanted.lat)
        reasons.append("lat and lon seem to be swapped" if swapped else "the position is not in China")
    return reasons


def _storable(value: str) -> bool:
    try:
        check_text(value)
    except ValidationError:
        return False
    return True
