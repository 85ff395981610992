"""Taking a catalogue into the tables: all of it or nothing, as a new version.

Nothing here commits; whoever calls decides whether all of it stands.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select

from app.cases.catalogue.file import CatalogueIn, DepartmentIn, read_catalogue
from app.cases.catalogue.queries import catalogue_of
from app.cases.catalogue.rules import ProblemClass
from app.cases.csv_file import LineFault
from app.cases.reference_models import CaseClass, Catalogue, Department, FilingCondition
from app.core.extensions import db
from app.core.idempotency import fingerprint
from app.ledger.service import record

_IMPORT_LOCK = 7_310_107_012  # any fixed number: two imports take turns


class CatalogueRefused(Exception):
    """Nothing was taken; *faults* name the lines and why."""

    def __init__(self, faults: list[LineFault]) -> None:
        super().__init__(f"{len(faults)} faults")
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did: the version in force now, whether it is new, and how much it holds."""

    version: int
    new: bool
    classes: int
    conditions: int
    departments: int


def import_catalogue(
    street_code: str,
    classes: bytes,
    conditions: bytes | None = None,
    departments: bytes | None = None,
    *,
    name: str,
    now: datetime,
    actor_id: UUID | None = None,
) -> Imported:
    """Make the files the street's catalogue in force; see :mod:`app.cases.catalogue.file` for their form.

    The same content again makes no version. Cases filed before keep the version that they have. Without
    a file of conditions, or of departments, those known so far are kept, as far as they still fit.

    Raises:
        FileUnreadable: a file cannot be read as a whole.
        CatalogueRefused: some lines are bad; nothing was changed.
    """
    db.session.execute(select(func.pg_advisory_xact_lock(_IMPORT_LOCK)))
    wanted = read_catalogue(classes, conditions, departments)
    if wanted.faults:
        raise CatalogueRefused(wanted.faults)
    before = catalogue_of(street_code)
    if before and conditions is None:
        wanted.classes = _with_conditions(wanted.classes, before.classes.values())
    if departments is None:
        wanted.departments = _with_known(street_code, wanted.departments)
    counted = (
        len(wanted.classes),
        sum(len(one.conditions) for one in wanted.classes),
        len(wanted.departments),
    )
    content = fingerprint(wanted.content())
    stored = db.session.scalar(
        select(Catalogue)
        .where(Catalogue.street_code == street_code)
        .order_by(Catalogue.version.desc())
        .limit(1)
    )
    if stored is not None and bytes(stored.fingerprint) == content:
        return Imported(stored.version, False, *counted)
    version = stored.version + 1 if stored else 1
    db.session.add(
        Catalogue(street_code=street_code, version=version, name=name, imported_at=now, fingerprint=content)
    )
    _write(street_code, version, wanted)
    record(
        "catalogue.imported",
        actor_id=actor_id,
        actor_kind="user" if actor_id else "cli",
        street_code=street_code,
        place_code=street_code,
        subject_kind="catalogue",
        subject_id=str(version),
        data=dict(zip(("classes", "conditions", "departments"), counted, strict=True)),
    )
    db.session.flush()
    return Imported(version, True, *counted)


def _with_conditions(wanted: Iterable[ProblemClass], known: Iterable[ProblemClass]) -> list[ProblemClass]:
    conditions = {one.key: one.conditions for one in known}
    return [replace(one, conditions=conditions.get(one.key, ())) for one in wanted]


def _with_known(street_code: str, named: list[DepartmentIn]) -> list[DepartmentIn]:
    """The departments that the classes name, with what the street knows of them."""
    rows = db.session.scalars(select(Department).where(Department.street_code == street_code))
    known = {row.name: DepartmentIn(row.name, row.name_en, row.credit_code) for row in rows}
    return [known.get(one.name, one) for one in named]


def _write(street_code: str, version: int, wanted: CatalogueIn) -> None:
    at = {"street_code": street_code, "version": version}
    for one in wanted.classes:
        values = asdict(one)
        for condition in values.pop("conditions"):
            db.session.add(FilingCondition(**at, class_key=one.key, **condition))
        db.session.add(CaseClass(**at, **values))
    for department in wanted.departments:
        db.session.merge(Department(street_code=street_code, **asdict(department)))
