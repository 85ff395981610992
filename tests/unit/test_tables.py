"""Tables for spreadsheets: what is written is read back, and no text becomes a formula."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook

from app.insights import tables

AT = datetime(2026, 11, 24, 1, 30, 15, 999, UTC)
HEADINGS = ("词", "数", "时")


def csv_of(rows: list[tables.Row]) -> list[list[str]]:
    file = io.BytesIO()
    assert tables.write_csv(file, HEADINGS, rows) == len(rows)
    assert file.getvalue().startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(file.getvalue().decode("utf-8-sig"), newline="")))


def test_a_csv_begins_with_the_mark_for_excel_and_tells_shanghai_times():
    assert csv_of([("跨门营业", 2, AT), ("", None, None)]) == [
        list(HEADINGS),
        ["跨门营业", "2", "2026-11-24 09:30:15"],
        ["", "", ""],
    ]


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_a_text_that_looks_like_a_formula_is_marked_in_csv(first):
    formula = f'{first}HYPERLINK("http://example.com","点我")'
    assert csv_of([(formula, 0, None)])[1][0] == f"'{formula}"


@pytest.mark.parametrize("before", [" ", "\u00a0", "\u200b", " \u200b "])
def test_nothing_that_nobody_sees_hides_a_formula(before):
    assert csv_of([(f"{before}=1+1", 0, None)])[1][0] == f"'{before}=1+1"


def test_negative_numbers_stay_numbers():
    assert csv_of([("", -3, None)])[1][1] == "-3"


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=60))
def test_every_text_comes_back_from_csv_whole_and_harmless(text):
    cell = csv_of([(text, 1, None)])[1][0]
    assert cell in {text, f"'{text}"}
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))


def test_a_workbook_has_real_dates_numbers_and_texts_and_no_formulas():
    file = io.BytesIO()
    rows = [("=1+1", 2, AT), ("+86", -1.5, None), ("http://example.com", 0, AT), ("a\x07b", 1, AT)]
    assert tables.write_xlsx(file, "案件", HEADINGS, rows) == 4
    sheet = load_workbook(file)["案件"]
    read = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert read[0] == list(HEADINGS)
    assert read[1:4] == [
        ["=1+1", 2, datetime(2026, 11, 24, 9, 30, 15)],  # noqa: DTZ001 - a spreadsheet's
        ["+86", -1.5, None],
        ["http://example.com", 0, datetime(2026, 11, 24, 9, 30, 15)],  # noqa: DTZ001
    ]
    assert {sheet.cell(2, 1).data_type, sheet.cell(3, 1).data_type} == {"s"}
    assert sheet.cell(2, 3).is_date
    assert sheet.cell(4, 1).hyperlink is None


def test_an_empty_table_has_its_headings_in_both_forms():
    assert csv_of([]) == [list(HEADINGS)]
    file = io.BytesIO()
    assert tables.write_xlsx(file, "案件", HEADINGS, []) == 0
    assert [cell.value for cell in load_workbook(file).active[1]] == list(HEADINGS)
