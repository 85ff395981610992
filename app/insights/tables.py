"""Tables for spreadsheets: CSV and XLSX, written row by row so that no table has to fit into memory.

Cells are texts, numbers, moments or empty. Texts come from many hands, and a spreadsheet must never take
one for a formula: XLSX says of each cell that it is text, CSV cannot, so there a mark is put before it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import IO

import xlsxwriter

from app.core import clock
from app.core.fields import visible

Cell = str | int | float | datetime | None
Row = Sequence[Cell]

CSV_TYPE = "text/csv"
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

# What a spreadsheet takes for the beginning of a formula; the full-width forms, too, in Chinese ones.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_COLUMN_WIDTH = 18


def harmless(text: str) -> str:
    """*text* as a CSV cell that no spreadsheet computes: with an apostrophe before what looks like it."""
    begins = (text, visible(text))  # spaces and characters that nobody sees hide nothing
    return f"'{text}" if any(one.startswith(_FORMULA) for one in begins) else text


def local(at: datetime) -> datetime:
    """The wall clock of Shanghai without a zone: spreadsheets know none."""
    return at.astimezone(clock.SHANGHAI).replace(tzinfo=None, microsecond=0)


def write_csv(file: IO[bytes], headings: Sequence[str], rows: Iterable[Row]) -> int:
    """Write UTF-8 with the mark that Excel needs to know it by; returns how many rows there were."""
    lines = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    writer = csv.writer(lines)
    writer.writerow(headings)
    count = 0
    for row in rows:
        writer.writerow([_csv_cell(cell) for cell in row])
        count += 1
    lines.detach()  # flushes; the file stays open
    return count


def _csv_cell(cell: Cell) -> str | int | float:
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return f"{local(cell):%Y-%m-%d %H:%M:%S}"
    return harmless(cell) if isinstance(cell, str) else cell


def write_xlsx(file: IO[bytes], sheet_name: str, headings: Sequence[str], rows: Iterable[Row]) -> int:
    """Write one sheet with times as real dates; returns how many rows there were."""
    with xlsxwriter.Workbook(file, {"constant_memory": True, "strings_to_urls": False}) as book:
        sheet = book.add_worksheet(sheet_name)
        moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        sheet.set_column(0, len(headings) - 1, _COLUMN_WIDTH)
        sheet.freeze_panes(1, 0)
        sheet.write_row(0, 0, headings, book.add_format({"bold": True}))
        count = 0
        for count, row in enumerate(rows, 1):
            for column, cell in enumerate(row):
                if isinstance(cell, datetime):
                    sheet.write_datetime(count, column, local(cell), moment)
                elif isinstance(cell, str):
                    sheet.write_string(count, column, cell)
                elif cell is not None:
                    sheet.write_number(count, column, cell)
    return count
