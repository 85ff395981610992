"""Imports: a whole tree of places from GeoJSON, checkpoints from CSV. All or nothing.

Nothing here commits; whoever calls decides whether all of it stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg import errors as pg
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError

from app.core.extensions import db
from app.core.ids import uuid7
from app.ledger.service import record
from app.places import checkpoint_rules, queries, rules
from app.places.checkpoint_rules import RowFault
from app.places.models import Checkpoint, Place
from app.places.service import differs, fill, record_checkpoint

_IMPORT_LOCK = 7_310_107  # one import at a time; the number means nothing


class ImportRefused(Exception):
    """Nothing was imported; *faults* say why, one sentence each when made a string."""

    def __init__(self, faults: Sequence[rules.Fault] | Sequence[RowFault]) -> None:
        super().__init__(f"{len(faults)} faults")
        self.faults = list(faults)


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did, in numbers of rows."""

    added: int
    changed: int
    removed: int
    unchanged: int


def import_places(content: str) -> Imported:
    """Make the places of the streets in the file what the file says.

    All or nothing: the caller commits when this returns and rolls back when it raises. The same file
    again changes nothing and writes nothing to the ledger.

    Args:
        content: a GeoJSON FeatureCollection in WGS-84 or CGCS2000.

    Raises:
        ImportRefused: with every fault found.
    """
    db.session.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": _IMPORT_LOCK})
    places, faults = rules.read_places(content)
    faults = faults or queries.geometry_faults(places)
    if faults:
        raise ImportRefused(faults)
    paths = rules.paths_of(places)
    streets = sorted({place.street_code for place in places})
    known = {
        place.code: (place, outline)
        for place, outline in db.session.execute(
            select(Place, func.ST_AsEWKB(Place.outline)).where(Place.street_code.in_(streets))
        )
    }
    added, changed = [], []
    for place in places:
        outline = _drawn(place.outline)
        row, stored = known.pop(place.code, (None, None))
        if row is None:
            added.append(place.code)
            db.session.add(_new_place(place, paths[place.code], outline))
        elif _update_place(row, place, paths[place.code], outline, bytes(stored)):
            changed.append(place.code)
    db.session.flush()
    moved = _resettle_checkpoints(streets) if changed or added else 0
    _remove_places([row for row, _ in known.values()])
    if added or changed or known:
        codes = {"added": added, "changed": changed, "removed": list(known)}
        for street in streets:
            _record_import(street, places, codes, moved)
    return Imported(len(added), len(changed), len(known), len(places) - len(added) - len(changed))


def _drawn(outline: str) -> bytes:
    """The outline as PostGIS stores it (EWKB), so that it can be compared byte for byte."""
    drawn = func.ST_AsEWKB(func.ST_Multi(func.ST_SetSRID(func.ST_GeomFromGeoJSON(outline), 4326)))
    return bytes(db.session.execute(select(drawn)).scalar_one())


def _new_place(place: rules.PlaceIn, path: list[str], outline: bytes) -> Place:
    return Place(
        code=place.code,
        street_code=place.street_code,
        level=place.level,
        parent_code=place.parent_code,
        path=path,
        name=place.name,
        name_en=place.name_en,
        properties=place.properties,
        outline=func.ST_GeomFromEWKB(outline),
    )


def _update_place(
    row: Place, place: rules.PlaceIn, path: list[str], outline: bytes, stored_outline: bytes
) -> bool:
    wanted = {
        "level": place.level,
        "parent_code": place.parent_code,
        "path": path,
        "name": place.name,
        "name_en": place.name_en,
        "properties": place.properties,
    }
    differing = {key: value for key, value in wanted.items() if getattr(row, key) != value}
    for key, value in differing.items():
        setattr(row, key, value)
    if outline != stored_outline:
        row.outline = func.ST_GeomFromEWKB(outline)
        return True
    return bool(differing)


def _remove_places(rows: list[Place]) -> None:
    """Delete places that the file no longer has, deepest first; what is in use stays and is a fault."""
    faults = []
    for row in sorted(rows, key=lambda r: -len(r.path)):
        code, name = row.code, row.name
        try:
            with db.session.begin_nested():
                db.session.delete(row)
        except IntegrityError as error:
            user = error.orig.diag.table_name if isinstance(error.orig, pg.ForeignKeyViolation) else "?"
            reason = f"place {code} ({name}) is not in the file, but cannot be removed: in use by {user}"
            faults.append(rules.Fault(0, code, name, reason))
    if faults:
        raise ImportRefused(faults)


def _resettle_checkpoints(streets: list[str]) -> int:
    """Give each checkpoint the unit and community that now cover it; returns how many moved."""
    moved = 0
    faults = []
    for street in streets:
        rows = db.session.scalars(select(Checkpoint).where(Checkpoint.street_code == street)).all()
        for row, at in zip(rows, queries.covering(street, [(r.lat, r.lon) for r in rows]), strict=True):
            if "unit" not in at:
                reason = f"checkpoint {row.code} ({row.name}) would lie in no unit of the new outlines"
                faults.append(rules.Fault(0, row.code, row.name, reason))
            elif (row.unit_code, row.community_code) != (at["unit"], at.get("community")):
                row.unit_code, row.community_code = at["unit"], at.get("community")
                moved += 1
    if faults:
        raise ImportRefused(faults)
    db.session.flush()
    return moved


def _record_import(
    street: str, places: Sequence[rules.PlaceIn], codes: dict[str, list[str]], moved: int
) -> None:
    record(
        "places.imported",
        actor_id=None,
        actor_kind="cli",
        street_code=street,
        place_code=street,
        subject_kind="street",
        subject_id=street,
        data={
            "places": sum(place.street_code == street for place in places),
            **{what: sorted(c for c in changed if c.startswith(street)) for what, changed in codes.items()},
            "checkpoints_moved": moved,
        },
    )


def import_checkpoints(content: str) -> Imported:
    """Add or change the checkpoints of a CSV; those that the file does not name stay as they are.

    All or nothing, as with :func:`import_places`.

    Raises:
        ImportRefused: with every faulty line.
    """
    db.session.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": _IMPORT_LOCK})
    wanted, faults = checkpoint_rules.read_checkpoints(content)
    placed = queries.covering(None, [(w.lat, w.lon) for w in wanted])
    faults += [
        RowFault(w.line, f"the position of {w.code} lies in no unit")
        for w, at in zip(wanted, placed, strict=True)
        if "unit" not in at
    ]
    if faults:
        raise ImportRefused(sorted(faults, key=lambda fault: fault.line))
    known = {
        (row.street_code, row.code): row
        for row in db.session.scalars(select(Checkpoint).where(Checkpoint.code.in_(w.code for w in wanted)))
    }
    added = changed = 0
    for row_in, at in zip(wanted, placed, strict=True):
        row = known.get((at["unit"][:9], row_in.code))
        if row is None:
            row = Checkpoint(id=uuid7(), street_code=at["unit"][:9])
            added += 1
        elif not differs(row, row_in, at):
            continue
        else:
            changed += 1
        fill(row, row_in, at)
        db.session.add(row)
        record_checkpoint(row, None, "cli")
    db.session.flush()
    return Imported(added, changed, 0, len(wanted) - added - changed)
