"""Cases as a table for the district: its columns in its order, and ours after them.

The words are those of Huangpu's exports and so Chinese in both languages. Nobody's name or number is in
it: neither who found something, nor who handles it. Every export is written down.
"""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import IO, Any, Final
from uuid import UUID

from sqlalchemy import func, select

from app.cases.catalogue import queries as catalogue_queries
from app.cases.catalogue.rules import ProblemClass
from app.cases.models import CaseFile
from app.core import clock, problems
from app.core.extensions import db
from app.core.ids import uuid7
from app.core.problems import Problem
from app.insights import case_queries, tables
from app.ledger import service as ledger
from app.places.models import Place

MOST_ROWS = 100_000
IN_MEMORY = 1024 * 1024  # a table of so many bytes needs no file to be sent from

WORDS: Final[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "export_words.json").read_text(encoding="utf-8")
)


@dataclass(frozen=True, slots=True)
class Span:
    """Which cases: those filed in *street_code* from *first* to *last* (days in Shanghai, both included)
    at one of the places of *scope*."""

    street_code: str
    scope: frozenset[str]
    first: date
    last: date


def export(span: Span, form: str, *, asked_by: UUID, place_code: str | None) -> IO[bytes]:
    """Write the table of *span* to a temporary file, which is gone when it is closed; a small one stays in
    memory.

    Args:
        form: ``csv`` or ``xlsx``.
        place_code: the place that was asked for, None for all of one's own; for the ledger.

    Raises:
        Problem: EXPORT_TOO_LARGE where there are more than ``MOST_ROWS`` cases.
    """
    found = _how_many(span)
    if found > MOST_ROWS:
        raise Problem(
            problems.EXPORT_TOO_LARGE,
            f"There are more than {MOST_ROWS} cases; ask for fewer days.",
            most=MOST_ROWS,
        )
    file = tempfile.TemporaryFile()  # noqa: SIM115 - handed on, closed when sent
    try:
        rows = _rows(span)
        if form == "csv":
            count = tables.write_csv(file, WORDS["columns"], rows)
        else:
            count = tables.write_xlsx(file, WORDS["sheet"], WORDS["columns"], rows)
        sent = _small(file)
    except BaseException:
        file.close()
        raise
    ledger.record(
        "case.exported",
        actor_id=asked_by,
        street_code=span.street_code,
        place_code=place_code or span.street_code,
        subject_kind="case_export",
        subject_id=uuid7(),
        data={
            "format": form,
            "from": span.first.isoformat(),
            "to": span.last.isoformat(),
            "place": place_code,
            "rows": count,
        },
    )
    return sent


def _small(file: IO[bytes]) -> IO[bytes]:
    """*file* at its beginning; its bytes instead, where they are few, and *file* closed."""
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    if size > IN_MEMORY:
        return file
    with file:
        return io.BytesIO(file.read())


def file_name(span: Span, form: str) -> str:
    """What the file is called where it is saved."""
    return f"{WORDS['file']}_{span.first:%Y%m%d}-{span.last:%Y%m%d}.{form}"


def _how_many(span: Span) -> int:
    """How many cases there are, counted no further than one beyond the limit."""
    some = (
        select(CaseFile.id)
        .where(
            CaseFile.street_code == span.street_code,
            CaseFile.place_code.in_(span.scope),
            CaseFile.filed_at >= datetime.combine(span.first, time(), clock.SHANGHAI),
            CaseFile.filed_at < datetime.combine(span.last + timedelta(days=1), time(), clock.SHANGHAI),
        )
        .limit(MOST_ROWS + 1)
        .subquery()
    )
    return db.session.execute(select(func.count()).select_from(some)).scalar_one()


def _rows(span: Span) -> Iterator[tables.Row]:
    names = _area_names(span.street_code)
    for cases in case_queries.filed_between(span.street_code, span.scope, span.first, span.last):
        find = catalogue_queries.classes_of(span.street_code, {case.catalogue_version for case in cases})
        for case in cases:
            yield row_of(case, names, find(case.catalogue_version, case.class_key))
            db.session.expunge(case)  # what was written need not be remembered


def _area_names(street_code: str) -> dict[str, tuple[str, str]]:
    """For every place of the street: the street's name and that of the area it lies in ("" at the top)."""
    places = db.session.execute(
        select(Place.code, Place.name, Place.level, Place.path).where(Place.street_code == street_code)
    ).all()
    named = {place.code: place.name for place in places}
    areas = {place.code for place in places if place.level == "area"}
    return {
        place.code: (
            named.get(street_code, street_code),
            next((named[code] for code in place.path if code in areas), ""),
        )
        for place in places
    }


def row_of(case: CaseFile, names: dict[str, tuple[str, str]], problem: ProblemClass | None) -> tables.Row:
    """The cells of one case, in the order of the columns.

    ``流转方向`` says whose turn it is; ``三级主责部门`` is the department's part in the area, because the
    district's third level is the team there; ``是否超期`` whether it was ever noted as late.
    """
    street, area = names.get(case.place_code, (case.street_code, ""))
    return (
        WORDS["state"][case.state],
        case.number,
        WORDS["source"][case.source],
        case.found_at,
        WORDS["direction"][case.state],
        WORDS["kind"]["part" if case.class_key.startswith("P-") else "matter"],
        problem.major if problem else "",
        problem.minor if problem else "",
        problem.name if problem else case.class_key,
        street,
        case.address,
        street,
        case.dispatched_at,
        case.department,
        f"{area}{case.department}",
        case.ended_at,
        WORDS["mode"][case.mode],
        f"{case.resolve_amount + case.extension_amount:g} {WORDS['unit'][case.resolve_unit]}",
        case.due_at,
        WORDS["yes" if case.overdue_at is not None else "no"],
        case.returns,
        case.reworks,
    )
