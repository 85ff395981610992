"""Reading the catalogue. A version never changes, so a process reads each once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, fields
from functools import lru_cache

from sqlalchemy import select

from app.cases.catalogue.rules import Condition, ProblemClass
from app.cases.reference_models import CaseClass, Catalogue, Department, FilingCondition
from app.core.extensions import db
from app.core.once import keep, once

ClassLookup = Callable[[int, str], ProblemClass | None]  # by version and key

_CLASS_COLUMNS = [field.name for field in fields(ProblemClass) if field.name != "conditions"]
_CONDITION_COLUMNS = [field.name for field in fields(Condition)]


@dataclass(frozen=True, slots=True)
class CatalogueVersion:
    """A version of a street's catalogue with its classes by key, in the order of their codes.

    ``departments`` are by name, each with its English name. ``etag`` is another for other content.
    """

    street_code: str
    version: int
    name: str
    classes: Mapping[str, ProblemClass]
    departments: Mapping[str, str]
    etag: str


def current(street_code: str) -> int | None:
    """The version in force for new cases, or None where the street has no catalogue."""
    row = _row(street_code, None)
    return row[0] if row else None


def catalogue_of(street_code: str, version: int | None = None) -> CatalogueVersion | None:
    """A version of the street's catalogue (None: the one in force), or None where there is none."""
    if version is None:
        row = _row(street_code, None)
    else:
        row = once(("catalogue", street_code, version), lambda: _row(street_code, version))
    return _read(street_code, row[0], row[1]) if row else None


def remember(street_code: str, version: int, fingerprint: bytes) -> None:
    """Spare the session the question what that version is."""
    keep(("catalogue", street_code, version), (version, fingerprint))


def class_of(street_code: str, version: int, key: str) -> ProblemClass | None:
    """A class as it is in that version, or None where the version has no such class."""
    found = catalogue_of(street_code, version)
    return found.classes.get(key) if found else None


def classes_of(street_code: str, versions: Collection[int]) -> ClassLookup:
    """To look up classes of several versions, read in one query however many classes are asked for."""
    query = select(Catalogue.version, Catalogue.fingerprint).where(
        Catalogue.street_code == street_code, Catalogue.version.in_(set(versions))
    )
    rows = db.session.execute(query).all() if versions else []
    known = {row.version: _read(street_code, row.version, bytes(row.fingerprint)) for row in rows}

    def find(version: int, key: str) -> ProblemClass | None:
        return known[version].classes.get(key) if version in known else None

    return find


def conditions_of(street_code: str, version: int, key: str) -> tuple[Condition, ...]:
    """The filing conditions of a class as they are in that version, by number."""
    found = class_of(street_code, version, key)
    return found.conditions if found else ()


def find_class(street_code: str, key: str) -> tuple[int, ProblemClass] | None:
    """A class of the catalogue in force, with the version that it is from."""
    found = catalogue_of(street_code)
    problem = found.classes.get(key) if found else None
    return (found.version, problem) if found and problem else None


def _row(street_code: str, version: int | None) -> tuple[int, bytes] | None:
    """Number and fingerprint of a version; the fingerprint guards against a restored database."""
    query = select(Catalogue.version, Catalogue.fingerprint).where(Catalogue.street_code == street_code)
    if version is None:
        query = query.order_by(Catalogue.version.desc()).limit(1)
    else:
        query = query.where(Catalogue.version == version)
    row = db.session.execute(query).one_or_none()
    return (row.version, bytes(row.fingerprint)) if row else None


@lru_cache(maxsize=64)
def _read(street_code: str, version: int, fingerprint: bytes) -> CatalogueVersion:
    here = (FilingCondition.street_code == street_code, FilingCondition.version == version)
    conditions: dict[str, list[Condition]] = {}
    for row in db.session.execute(
        select(FilingCondition.class_key, *(getattr(FilingCondition, name) for name in _CONDITION_COLUMNS))
        .where(*here)
        .order_by(FilingCondition.class_key, FilingCondition.ordinal)
    ):
        conditions.setdefault(row[0], []).append(Condition(*row[1:]))
    columns = [getattr(CaseClass, name) for name in _CLASS_COLUMNS]
    rows = db.session.execute(
        select(*columns)
        .where(CaseClass.street_code == street_code, CaseClass.version == version)
        .order_by(CaseClass.code, CaseClass.key)
    ).mappings()
    classes = {
        row["key"]: ProblemClass(**row, conditions=tuple(conditions.get(row["key"], ()))) for row in rows
    }
    name = db.session.execute(
        select(Catalogue.name).where(Catalogue.street_code == street_code, Catalogue.version == version)
    ).scalar_one()
    departments = departments_of(street_code)
    return CatalogueVersion(
        street_code, version, name, classes, departments, f"{version}-{fingerprint[:6].hex()}"
    )


def departments_of(street_code: str) -> dict[str, str]:
    """English names of the street's departments by name."""
    rows = db.session.execute(
        select(Department.name, Department.name_en)
        .where(Department.street_code == street_code)
        .order_by(Department.name)
    )
    return {name: name_en for name, name_en in rows}  # noqa: C416 - mypy knows rows, not dict()
