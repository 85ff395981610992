"""The catalogue as files: classes, filing conditions, departments. Pure.

A file is taken whole or not at all; every fault is named with its line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from app.cases.catalogue.rules import COMPARISONS, Condition, ProblemClass
from app.cases.catalogue.spelling import spelled
from app.cases.csv_file import CellFault, FileUnreadable, LineFault, Row, read_rows, write_rows
from app.cases.words import LEVELS, MODES
from app.timers.worktime import UNITS, Unit

CLASS_COLUMNS = [
    "code",
    "kind",
    "major",
    "minor",
    "name_zh",
    "name_en",
    "level",
    "dispatch",
    "department",
    "accept_minutes",
    "resolve_hours",
    "working_time",
    "filing_condition",
    "closing_condition",
    "source",
]
OPTIONAL_CLASS_COLUMNS = ["radius_m"]
CONDITION_COLUMNS = [
    "class_key",
    "ordinal",
    "text_zh",
    "text_en",
    "measure_zh",
    "measure_en",
    "measure_unit",
    "comparison",
    "threshold",
    "resolve_amount",
    "resolve_unit",
    "closing_condition",
]
DEPARTMENT_COLUMNS = ["name_zh", "name_en"]
OPTIONAL_DEPARTMENT_COLUMNS = ["credit_code"]

RADIUS_M = 50.0  # of the circle that counts as on scene, where the file does not say otherwise
STANDARD = "GB/T 47678.5-2026"
KIND_WORDS = {"部件": "part", "事件": "matter"}
_KEY_LETTER = {"part": "P", "matter": "M"}
_LOCAL_CODE = re.compile(r"9[1-5]\d{3}")  # the standard ends below; a street's own classes begin here
_MAX_MINUTES = 7 * 24 * 60.0
_MAX_HOURS = 366 * 24.0
MAX_CONDITIONS = 20


@dataclass(frozen=True, slots=True)
class DepartmentIn:
    """A department by its names; the code is the 18-character unified social credit code, or empty."""

    name: str
    name_en: str
    credit_code: str


@dataclass(slots=True)
class CatalogueIn:
    """What files say, and the lines that cannot be taken."""

    classes: list[ProblemClass] = field(default_factory=list)
    departments: list[DepartmentIn] = field(default_factory=list)
    faults: list[LineFault] = field(default_factory=list)

    def content(self) -> dict[str, Any]:
        """Everything that makes a version what it is, in a fixed order."""
        classes = sorted(self.classes, key=lambda one: one.key)
        departments = sorted(self.departments, key=lambda one: one.name)
        return {"classes": [asdict(c) for c in classes], "departments": [asdict(d) for d in departments]}


def read_catalogue(classes: bytes, conditions: bytes | None, departments: bytes | None) -> CatalogueIn:
    """Read the files of a catalogue; departments that only the classes name get no English name.

    Raises:
        FileUnreadable: a file cannot be read as a whole; the text begins with which.
    """
    found = CatalogueIn()
    by_key: dict[str, ProblemClass] = {}
    for row in _rows("classes", classes, CLASS_COLUMNS, OPTIONAL_CLASS_COLUMNS):
        with _Noting(found, "classes", row):
            one = _class(row)
            if one.key in by_key:
                raise CellFault(f"the class {one.key} stands in the file twice")
            by_key[one.key] = one
    if not by_key and not found.faults:
        found.faults.append(LineFault("classes", 1, "there are no classes in the file"))
    if conditions is not None:
        _add_conditions(found, by_key, _rows("conditions", conditions, CONDITION_COLUMNS, []))
    found.classes = list(by_key.values())
    _add_departments(found, departments)
    return found


class _Noting:
    """Takes a line's fault out of the way of the next line."""

    def __init__(self, found: CatalogueIn, file: str, row: Row) -> None:
        self.found, self.file, self.row = found, file, row

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> bool:
        if isinstance(error, CellFault):
            self.found.faults.append(LineFault(self.file, self.row.line, str(error)))
            return True
        return False


def _rows(file: str, raw: bytes, required: list[str], optional: list[str]) -> list[Row]:
    try:
        return read_rows(raw, required, optional)
    except FileUnreadable as error:
        raise FileUnreadable(f"{file}: {error}") from None


def _class(row: Row) -> ProblemClass:
    row.check_width()
    code = row.text("code", 5, 5)
    if not re.fullmatch(r"\d{5}", code):
        raise CellFault(f"code is {code!r}, not five digits")
    kind = KIND_WORDS[row.one_of("kind", KIND_WORDS)]
    name = row.text("name_zh", 60, 1)
    pinyin, initials = spelled(name)
    in_hours = row.one_of("working_time", ("true", "false")) == "true"
    hours: Unit = "work_hours" if in_hours else "urgent_hours"
    source = row.text("source", 500)
    local = _LOCAL_CODE.fullmatch(code) is not None or source.startswith("own")
    return ProblemClass(
        key=f"{_KEY_LETTER[kind]}-{code}",
        kind=kind,
        code=code,
        major=row.text("major", 60, 1),
        minor=row.text("minor", 60, 1),
        name=name,
        name_en=row.text("name_en", 120),
        pinyin=pinyin,
        initials=initials,
        level=row.one_of("level", LEVELS),
        mode=row.one_of("dispatch", MODES),
        department=row.text("department", 60, 1),
        acknowledge_amount=row.number("accept_minutes", 0, _MAX_MINUTES) / 60,
        acknowledge_unit=hours,
        resolve_amount=row.number("resolve_hours", 0, _MAX_HOURS),
        resolve_unit=hours,
        filing_condition=row.text("filing_condition", 500),
        closing_condition=row.text("closing_condition", 500),
        radius_m=row.number("radius_m", 0, 1000) if row.cells.get("radius_m") else RADIUS_M,
        local=local,
        standard_ref="" if local else STANDARD,
        source=source,
    )


def _add_conditions(found: CatalogueIn, by_key: dict[str, ProblemClass], rows: list[Row]) -> None:
    for row in rows:
        with _Noting(found, "conditions", row):
            row.check_width()
            key = row.text("class_key", 7, 7)
            if key not in by_key:
                raise CellFault(f"there is no class {key!r}")
            condition = _condition(row)
            known = by_key[key].conditions
            if any(other.ordinal == condition.ordinal for other in known):
                raise CellFault(f"the condition {condition.ordinal} of {key} stands in the file twice")
            in_order = sorted((*known, condition), key=lambda one: one.ordinal)
            by_key[key] = replace(by_key[key], conditions=tuple(in_order))


def _condition(row: Row) -> Condition:
    ordinal = row.number("ordinal", 0, MAX_CONDITIONS)
    if ordinal != int(ordinal):
        raise CellFault("ordinal is not a whole number")
    comparison = row.one_of("comparison", COMPARISONS)
    measured = comparison != "any"
    if not measured and (row.cells["threshold"] or row.cells["measure_zh"]):
        raise CellFault("comparison is any, so there is nothing to measure and no threshold")
    return Condition(
        ordinal=int(ordinal),
        text=row.text("text_zh", 200, 1),
        text_en=row.text("text_en", 200),
        measure=row.text("measure_zh", 40, 1 if measured else 0),
        measure_en=row.text("measure_en", 60),
        measure_unit=row.text("measure_unit", 10, 1 if measured else 0),
        comparison=comparison,
        threshold=row.number("threshold", 0, 1e6) if measured else None,
        resolve_amount=row.number("resolve_amount", 0, _MAX_HOURS),
        resolve_unit=_unit(row),
        closing_condition=row.text("closing_condition", 500),
    )


def _unit(row: Row) -> Unit:
    word = row.one_of("resolve_unit", UNITS)
    return next(unit for unit in UNITS if unit == word)


def _add_departments(found: CatalogueIn, raw: bytes | None) -> None:
    named: dict[str, DepartmentIn] = {}
    rows = [] if raw is None else _rows("departments", raw, DEPARTMENT_COLUMNS, OPTIONAL_DEPARTMENT_COLUMNS)
    for row in rows:
        with _Noting(found, "departments", row):
            row.check_width()
            name, code = row.text("name_zh", 60, 1), row.text("credit_code", 18)
            if name in named:
                raise CellFault(f"the department {name} stands in the file twice")
            if code and not re.fullmatch(r"[0-9A-Z]{18}", code):
                raise CellFault("credit_code is not 18 digits and capital letters")
            named[name] = DepartmentIn(name, row.text("name_en", 120), code)
    for name in {one.department for one in found.classes} - named.keys():
        named[name] = DepartmentIn(name, "", "")
    found.departments = list(named.values())


def write_classes(classes: Iterable[ProblemClass]) -> str:
    """The classes as a file that reads back as the same."""
    words = {kind: word for word, kind in KIND_WORDS.items()}
    return write_rows(
        [*CLASS_COLUMNS, *OPTIONAL_CLASS_COLUMNS],
        [
            (
                one.code,
                words[one.kind],
                one.major,
                one.minor,
                one.name,
                one.name_en,
                one.level,
                one.mode,
                one.department,
                _plain(one.acknowledge_amount * 60),
                _plain(one.resolve_amount),
                "true" if one.resolve_unit == "work_hours" else "false",
                one.filing_condition,
                one.closing_condition,
                one.source,
                _plain(one.radius_m),
            )
            for one in classes
        ],
    )


def write_conditions(classes: Iterable[ProblemClass]) -> str:
    """The filing conditions as a file that reads back as the same."""
    return write_rows(
        CONDITION_COLUMNS,
        [
            (
                one.key,
                c.ordinal,
                c.text,
                c.text_en,
                c.measure,
                c.measure_en,
                c.measure_unit,
                c.comparison,
                None if c.threshold is None else _plain(c.threshold),
                _plain(c.resolve_amount),
                c.resolve_unit,
                c.closing_condition,
            )
            for one in classes
            for c in one.conditions
        ],
    )


def write_departments(departments: Iterable[DepartmentIn]) -> str:
    """The departments as a file that reads back as the same."""
    rows = [(one.name, one.name_en, one.credit_code) for one in departments]
    return write_rows([*DEPARTMENT_COLUMNS, *OPTIONAL_DEPARTMENT_COLUMNS], rows)


def _plain(number: float) -> str:
    """A number without the noise of a division: 5 and not 5.000000000000001."""
    return f"{number:.10g}"
