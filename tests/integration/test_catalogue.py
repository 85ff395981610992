"""A catalogue goes in whole or not at all, as a new version; cases keep the one they were filed under."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import Connection, text
from sqlalchemy.orm import Session, scoped_session

from app.cases.catalogue import queries
from app.cases.catalogue.file import CONDITION_COLUMNS, read_catalogue
from tests import factories
from tests.factories import Street

DATA = Path(__file__).parents[2] / "data"
CLASSES, CONDITIONS, DEPARTMENTS = (
    DATA / name for name in ("categories.csv", "filing_conditions.csv", "departments.csv")
)

Run = Callable[..., Result]


@pytest.fixture
def street(database: str) -> Street:
    return factories.make_street()


@pytest.fixture
def run(app: Flask, street: Street) -> Run:
    def run(*args: str | Path) -> Result:
        return app.test_cli_runner().invoke(args=["catalogue", *(str(arg) for arg in args)])

    return run


def load(run: Run) -> Result:
    done = run("import", CLASSES, "--conditions", CONDITIONS, "--departments", DEPARTMENTS)
    assert done.exit_code == 0, done.output
    return done


def count(owner_db: Connection, table: str) -> int:
    return int(owner_db.execute(text(f"select count(*) from {table}")).scalar_one())


def test_the_178_classes_go_in_with_everything_that_a_case_needs(
    run: Run, street: Street, session: scoped_session[Session]
) -> None:
    assert "version 1, 178 classes, 52 filing conditions, 21 departments" in load(run).output
    found = queries.catalogue_of(street.code)
    assert found is not None
    assert (found.version, len(found.classes), len(found.departments)) == (1, 178, 21)
    assert sum(one.local for one in found.classes.values()) == 30
    shop = found.classes["M-09005"]
    assert (shop.name, shop.pinyin, shop.initials) == ("跨门营业", "kuamenyingye", "kmyy")
    assert (shop.level, shop.mode, shop.department) == ("common", "point", "城管执法")
    assert (shop.resolve_amount, shop.resolve_unit, shop.radius_m) == (2.0, "urgent_hours", 50.0)
    assert shop.acknowledge_amount == pytest.approx(20 / 60)
    assert found.departments["城管执法"] == "Urban management enforcement"
    cover = queries.conditions_of(street.code, 1, "P-01001")
    assert [(c.resolve_amount, c.resolve_unit) for c in cover] == [
        (2.0, "urgent_hours"),
        (4.0, "work_hours"),
        (2.0, "work_days"),
        (5.0, "work_days"),
    ]
    assert queries.class_of(street.code, 1, "M-01001") is None
    assert queries.find_class(street.code, "P-01001") == (1, found.classes["P-01001"])


def test_the_same_files_again_are_no_new_version_and_no_row_in_the_ledger(
    run: Run, owner_db: Connection
) -> None:
    load(run)
    assert "version 1 unchanged" in load(run).output
    assert (count(owner_db, "catalogue"), count(owner_db, "case_class")) == (1, 178)
    (data,) = owner_db.execute(text("select data from ledger_row where action = 'catalogue.imported'")).one()
    assert data == {"classes": 178, "conditions": 52, "departments": 21}


def test_a_new_version_leaves_the_old_one_as_it_was(
    run: Run, street: Street, session: scoped_session[Session], tmp_path: Path
) -> None:
    load(run)
    changed = tmp_path / "changed.csv"
    lines = CLASSES.read_text(encoding="utf-8").splitlines()
    faster = [
        line.replace("城管执法,20,2,false", "城管执法,20,1,false") for line in lines if "91008" not in line
    ]
    changed.write_text("\n".join(faster), encoding="utf-8")
    done = run("import", changed)
    assert "version 2, 177 classes, 52 filing conditions, 21 departments" in done.output
    amounts = [queries.class_of(street.code, version, "M-09005") for version in (1, 2)]
    assert [one.resolve_amount for one in amounts if one] == [2.0, 1.0]
    assert queries.class_of(street.code, 1, "M-91008") is not None
    assert queries.class_of(street.code, 2, "M-91008") is None
    assert queries.current(street.code) == 2
    # the English names of departments were not in the second import and are still known
    assert all(queries.departments_of(street.code).values())


def test_what_is_exported_reads_back_as_the_same(run: Run, owner_db: Connection, tmp_path: Path) -> None:
    load(run)
    files = {what: tmp_path / f"{what}.csv" for what in ("classes", "conditions", "departments")}
    for what, file in files.items():
        file.write_text(run("export", what).output, encoding="utf-8")
    done = run(
        "import",
        files["classes"],
        "--conditions",
        files["conditions"],
        "--departments",
        files["departments"],
    )
    assert "version 1 unchanged" in done.output
    assert count(owner_db, "catalogue") == 1


BAD = """code,kind,major,minor,name_zh,name_en,level,dispatch,department,accept_minutes,resolve_hours,working_time,filing_condition,closing_condition,source
0900,事件,街面秩序类,店外经营,跨门营业,Trading,common,point,城管执法,20,2,false,,,own
09005,行为,街面秩序类,店外经营,跨门营业,Trading,common,point,城管执法,20,2,false,,,own
09006,事件,街面秩序类,占道经营,占道经营,Trading,common,someone,城管执法,20,2,false,,,own
09008,事件,街面秩序类,占道经营,占道经营,Trading,common,point,城管执法,soon,2,false,,,own
09009,事件,街面秩序类,占道经营,占道经营,Trading,common,point,城管执法,20,0,false,,,own
09010,事件,街面秩序类,占道经营,占道经营,Trading,common,point,城管执法,20,2,maybe,,,own
09011,事件,街面秩序类,占道经营,占道经营,Trading, on the road,common,point,城管执法,20,2,false,,,own
09012,事件,街面秩序类,占道经营,占道经营,Trading,common,point,城管执法,20,2,false,,,own
09012,事件,街面秩序类,占道经营,占道经营,Trading,common,point,城管执法,20,2,false,,,own
09013,事件,街面秩序类,占道经营,,Trading,common,point,城管执法,20,2,false,,,own
"""


def test_bad_lines_are_named_in_words_and_nothing_goes_in(
    run: Run, owner_db: Connection, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text(BAD, encoding="utf-8")
    refused = run("import", bad)
    assert refused.exit_code == 1
    told = refused.output.splitlines()
    assert told[:9] == [
        "bad.csv:2: code needs 5 to 5 characters",
        "bad.csv:3: kind is '行为', not one of 部件, 事件",
        "bad.csv:4: dispatch is 'someone', not one of point, assign, watch",
        "bad.csv:5: accept_minutes is 'soon', not a number",
        "bad.csv:6: resolve_hours must be more than 0 and at most 8784",
        "bad.csv:7: working_time is 'maybe', not one of true, false",
        "bad.csv:8: has 1 cells too many; a text with a comma needs quotes around it",
        "bad.csv:10: the class M-09012 stands in the file twice",
        "bad.csv:11: name_zh needs 1 to 60 characters",
    ]
    assert "9 bad line(s); nothing was changed." in told[-1]
    assert count(owner_db, "catalogue") == count(owner_db, "case_class") == count(owner_db, "department") == 0


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("M-99999,1,文,,,,,any,,1,work_days,", "there is no class 'M-99999'"),
        ("P-01001,9,文,,面积,,cm2,>,,1,work_days,", "threshold is '', not a number"),
        ("P-01001,9,文,,面积,,cm2,any,3,1,work_days,", "comparison is any, so there is nothing to measure"),
        ("P-01001,1.5,文,,,,,any,,1,work_days,", "ordinal is not a whole number"),
        ("P-01001,9,文,,,,,any,,1,weeks,", "resolve_unit is 'weeks'"),
        ("P-01001,9,文,,,,,any,,1", "has 2 cells too few"),
    ],
)
def test_a_bad_condition_is_named(
    run: Run, owner_db: Connection, tmp_path: Path, line: str, reason: str
) -> None:
    bad = tmp_path / "conditions.csv"
    bad.write_text(f"{','.join(CONDITION_COLUMNS)}\n{line}\n", encoding="utf-8")
    refused = run("import", CLASSES, "--conditions", bad)
    assert refused.exit_code == 1
    assert f"conditions.csv:2: {reason}" in refused.output
    assert count(owner_db, "catalogue") == 0


def test_a_file_that_is_no_catalogue_is_one_sentence(run: Run, tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    other.write_text("username,role\nx,y\n", encoding="utf-8")
    assert (
        "classes: The first line must name the columns once each (missing: code"
        in run("import", other).output
    )
    assert "no street 'nowhere'" in run("import", CLASSES, "--street", "nowhere").output


def test_the_files_of_the_repository_have_nothing_that_looks_like_a_mistake(run: Run) -> None:
    load(run)
    checked = run("check")
    assert checked.exit_code == 0, checked.output
    assert "version 1 (categories), 178 classes" in checked.output


def test_a_catalogue_without_departments_is_taken_and_checked_for_them(run: Run) -> None:
    assert run("import", CLASSES).exit_code == 0
    checked = run("check")
    assert checked.exit_code == 1
    assert "城管执法 has no English name" in checked.output


def test_excel_in_chinese_writes_gb18030_and_it_is_read() -> None:
    text_of = CLASSES.read_text(encoding="utf-8")
    assert read_catalogue(text_of.encode("gb18030"), None, None).content() == (
        read_catalogue(CLASSES.read_bytes(), None, None).content()
    )
