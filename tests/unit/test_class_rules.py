"""Which limits a case gets: those of the condition it was filed under; a number is never a reason to refuse."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cases.catalogue.file import (
    CLASS_COLUMNS,
    read_catalogue,
    write_classes,
    write_conditions,
    write_departments,
)
from app.cases.catalogue.rules import Condition, ProblemClass, limit_for, oddities
from app.cases.catalogue.spelling import spelled
from app.cases.csv_file import CellFault, FileUnreadable, Row, read_rows
from app.timers.worktime import Limit

DATA = Path(__file__).parents[2] / "data"
FILES = [
    (DATA / name).read_bytes() for name in ("categories.csv", "filing_conditions.csv", "departments.csv")
]
CATALOGUE = read_catalogue(*FILES)
CLASSES = {one.key: one for one in CATALOGUE.classes}
MANHOLE, SHOP, ROAD, BUILDING = (CLASSES[key] for key in ("P-01001", "M-09005", "M-06013", "M-06001"))

Amount = tuple[float, str]


@pytest.mark.parametrize(
    ("problem", "ordinal", "acknowledge", "resolve", "urgent"),
    [
        (MANHOLE, None, (0.25, "urgent_hours"), (2.0, "urgent_hours"), True),
        (MANHOLE, 1, (0.25, "urgent_hours"), (2.0, "urgent_hours"), True),
        (MANHOLE, 2, (0.25, "work_hours"), (4.0, "work_hours"), False),
        (MANHOLE, 3, (0.25, "work_hours"), (2.0, "work_days"), False),
        (MANHOLE, 4, (0.25, "work_hours"), (5.0, "work_days"), False),
        (SHOP, None, (20 / 60, "urgent_hours"), (2.0, "urgent_hours"), True),
        (ROAD, 2, (0.5, "work_hours"), (5.0, "work_days"), False),
        (BUILDING, 1, (0.5, "urgent_hours"), (2.0, "urgent_days"), True),
        (BUILDING, 2, (0.5, "work_hours"), (15.0, "work_days"), False),
    ],
)
def test_the_condition_sets_the_limit_and_how_time_is_counted(
    problem: ProblemClass, ordinal: int | None, acknowledge: Amount, resolve: Amount, urgent: bool
) -> None:
    limits = limit_for(problem, problem.condition(ordinal))
    assert (limits.acknowledge.amount, limits.acknowledge.unit) == acknowledge
    assert (limits.resolve, limits.urgent) == (Limit(*resolve), urgent)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("comparison", "measured", "remark"),
    [
        (">", 25.1, None),
        (">", 25.0, "below_threshold"),
        (">=", 25.0, None),
        (">=", 24.9, "below_threshold"),
        (">", None, "not_measured"),
        ("any", None, None),
        ("any", 3.0, None),
    ],
)
def test_a_number_below_the_threshold_is_a_remark_and_nothing_else(
    comparison: str, measured: float | None, remark: str | None
) -> None:
    broken = MANHOLE.condition(2)
    assert broken is not None
    threshold = None if comparison == "any" else 25.0
    condition = replace(broken, comparison=comparison, threshold=threshold)
    found = limit_for(MANHOLE, condition, measured)
    assert found.remark == remark
    assert replace(found, remark=None) == replace(limit_for(MANHOLE, condition, 1000.0), remark=None)


@given(
    st.sampled_from(CATALOGUE.classes),
    st.none() | st.integers(1, 4),
    st.none() | st.floats(0, 1e6, allow_nan=False),
)
def test_every_class_has_limits_whatever_was_measured(
    problem: ProblemClass, ordinal: int | None, measured: float | None
) -> None:
    limits = limit_for(problem, problem.condition(ordinal), measured)
    assert limits.acknowledge.amount > 0
    assert limits.resolve.amount > 0
    assert limits.urgent == limits.resolve.unit.startswith("urgent")
    assert limits.acknowledge.unit.startswith("urgent") == limits.urgent


def test_the_counts_are_those_of_the_source() -> None:
    assert CATALOGUE.faults == []
    assert len(CLASSES) == 178
    by_mode = [sum(one.mode == mode for one in CATALOGUE.classes) for mode in ("point", "assign", "watch")]
    assert by_mode == [91, 72, 15]
    local = [one for one in CATALOGUE.classes if one.local]
    assert {one.standard_ref for one in local} == {""}
    assert {one.code[:2] for one in local} == {"91", "92", "93", "94", "95"}
    assert {one.standard_ref for one in CATALOGUE.classes if not one.local} == {"GB/T 47678.5-2026"}
    assert oddities(CATALOGUE.classes, {one.name: one.name_en for one in CATALOGUE.departments}) == []


def test_what_looks_like_a_mistake_is_named() -> None:
    odd = replace(SHOP, name_en="", mode="watch", acknowledge_amount=9.0)
    twin = replace(SHOP, key="M-99999", department="城管")
    assert oddities([odd, twin], {"城管执法": "x", "城管": "", "水务": "y"}) == [
        ("M-09005", "has no English name"),
        ("M-09005", "has level common, but mode watch"),
        ("M-09005", "gives more time to acknowledge than to resolve"),
        ("M-99999", "has the same name as M-09005"),
        ("城管", "has no English name"),
        ("水务", "handles no class"),
    ]


def test_classes_are_found_by_pinyin_and_initials() -> None:
    assert spelled("跨门营业") == ("kuamenyingye", "kmyy")
    assert spelled("后厨环境不洁(明厨亮灶)") == ("houchuhuanjingbujiemingchuliangzao", "hchjbjmclz")
    assert all(one.pinyin.isascii() and one.pinyin.isalnum() and one.initials for one in CATALOGUE.classes)


texts = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=12)
amounts = st.integers(1, 600)
conditions = st.builds(
    Condition,
    ordinal=st.integers(1, 20),
    text=texts,
    text_en=texts,
    measure=texts,
    measure_en=texts,
    measure_unit=st.sampled_from(["m2", "cm"]),
    comparison=st.sampled_from([">", ">="]),
    threshold=st.floats(0.01, 1000).map(lambda number: round(number, 3)),
    resolve_amount=amounts.map(float),
    resolve_unit=st.sampled_from(["urgent_hours", "work_days"]),
    closing_condition=texts,
)


@given(
    words=st.tuples(texts, texts),
    numbers=st.tuples(amounts, amounts, st.integers(1, 1000)),
    unit=st.sampled_from(["urgent_hours", "work_hours"]),
    under=st.lists(conditions, max_size=3, unique_by=lambda one: one.ordinal),
)
def test_every_class_that_can_be_written_reads_back_as_the_same(
    words: tuple[str, str], numbers: tuple[int, int, int], unit: str, under: list[Condition]
) -> None:
    (name, source), (minutes, hours, radius) = words, numbers
    pinyin, initials = spelled(name)
    one = replace(
        SHOP,
        name=name,
        pinyin=pinyin,
        initials=initials,
        source=source,
        local=source.startswith("own"),
        standard_ref="" if source.startswith("own") else SHOP.standard_ref,
        acknowledge_amount=minutes / 60,
        acknowledge_unit=unit,
        resolve_amount=float(hours),
        resolve_unit=unit,
        radius_m=float(radius),
        conditions=tuple(sorted(under, key=lambda condition: condition.ordinal)),
    )
    again = read_catalogue(write_classes([one]).encode(), write_conditions([one]).encode(), None)
    assert again.faults == []
    assert again.classes == [one]


def test_departments_read_back_as_the_same() -> None:
    raw = write_departments(CATALOGUE.departments).encode()
    assert read_catalogue(FILES[0], None, raw).departments == CATALOGUE.departments


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "missing: code"),
        (b"code,kind\n", "missing: major"),
        (",".join([*CLASS_COLUMNS, "colour"]).encode(), "unknown: colour"),
        (",".join([*CLASS_COLUMNS, "code"]).encode(), "twice"),
        (b"\xff\xfe\x00c", "neither UTF-8 nor GB18030"),
        (",".join(CLASS_COLUMNS).encode() + b'\n"open', "is not CSV"),
        (b"x" * (5 * 1024 * 1024 + 1), "larger than 5 MB"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(raw: bytes, why: str) -> None:
    with pytest.raises(FileUnreadable, match=why):
        read_rows(raw, CLASS_COLUMNS)


@pytest.mark.parametrize("cell", ["nan", "inf", "-inf", "1e400", "", "一"])
def test_what_is_no_number_is_none(cell: str) -> None:
    with pytest.raises(CellFault):
        Row(2, {"hours": cell}).number("hours", 0, 100)


@given(st.binary(max_size=300))
def test_no_file_breaks_the_reader(raw: bytes) -> None:
    head = ",".join(CLASS_COLUMNS).encode() + b"\n"
    try:
        found = read_catalogue(head + raw, None, None)
    except FileUnreadable:
        return
    assert found.classes or found.faults
