"""Reading the CSV files that streets bring, with every bad line named. Pure."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

MAX_BYTES = 5 * 1024 * 1024
MAX_ROWS = 20_000

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


class FileUnreadable(ValueError):
    """The file as a whole cannot be read; the text says why."""


class CellFault(ValueError):
    """A line says something that cannot be; the text says what, without the line's number."""


@dataclass(frozen=True, slots=True)
class LineFault:
    """A line that cannot be taken, and why."""

    file: str
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a file: its number, and its cells by column, without spaces around them."""

    line: int
    cells: dict[str, str]
    missing: int = 0  # cells that the line has less than the first one; more: an unquoted comma

    def check_width(self) -> None:
        """Refuse a line with more or fewer cells than there are columns.

        Raises:
            CellFault: where it has.
        """
        if self.missing:
            how = f"{self.missing} cells too few" if self.missing > 0 else f"{-self.missing} cells too many"
            raise CellFault(f"has {how}; a text with a comma needs quotes around it")

    def text(self, column: str, most: int, least: int = 0) -> str:
        """The cell as text of *least* to *most* characters.

        Raises:
            CellFault: where it is shorter, longer, or holds control characters.
        """
        value = self.cells.get(column, "")
        if _UNPRINTABLE.search(value):
            raise CellFault(f"{column} holds control characters")
        if not least <= len(value) <= most:
            raise CellFault(f"{column} needs {least} to {most} characters")
        return value

    def one_of(self, column: str, values: Iterable[str]) -> str:
        """The cell, which must be one of *values*."""
        value, known = self.cells.get(column, ""), list(values)
        if value not in known:
            raise CellFault(f"{column} is {value[:32]!r}, not one of {', '.join(known)}")
        return value

    def number(self, column: str, low: float, high: float) -> float:
        """The cell as a number above *low* and at most *high*."""
        value = self.cells.get(column, "")
        try:
            number = float(value)
        except ValueError:
            raise CellFault(f"{column} is {value[:32]!r}, not a number") from None
        if not low < number <= high:
            raise CellFault(f"{column} must be more than {low:g} and at most {high:g}")
        return number

    def day(self, column: str) -> date | None:
        """The cell as a day like 2026-11-23; None where it is empty."""
        value = self.cells.get(column, "")
        if not value:
            return None
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise CellFault(f"{column} is not a day like 2026-11-23") from None


def read_rows(raw: bytes, required: Sequence[str], optional: Sequence[str] = ()) -> list[Row]:
    """The lines of a CSV file in UTF-8 (with or without mark) or GB18030; empty lines are passed over.

    Raises:
        FileUnreadable: too large, not text, no CSV, or columns missing, unknown or named twice.
    """
    if len(raw) > MAX_BYTES:
        raise FileUnreadable(f"The file is larger than {MAX_BYTES // 1024 // 1024} MB.")
    lines = csv.reader(io.StringIO(_decode(raw), newline=""), strict=True)
    rows: list[Row] = []
    try:
        columns = _columns(next(lines, []), required, optional)
        for cells in lines:
            if not any(cell.strip() for cell in cells):
                continue
            if len(rows) == MAX_ROWS:
                raise FileUnreadable(f"The file has more than {MAX_ROWS} rows.")
            named = zip(columns, (cell.strip() for cell in cells), strict=False)
            rows.append(Row(lines.line_num, dict(named), missing=len(columns) - len(cells)))
    except csv.Error as error:
        raise FileUnreadable(f"Line {lines.line_num} is not CSV: {error}.") from error
    return rows


def _decode(raw: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise FileUnreadable("The file is neither UTF-8 nor GB18030 text; save it as CSV UTF-8.")


def _columns(header: list[str], required: Sequence[str], optional: Sequence[str]) -> list[str]:
    columns = [cell.strip().lower() for cell in header]
    missing = [name for name in required if name not in columns]
    unknown = [name[:40] for name in columns if name not in required and name not in optional]
    if missing or unknown or len(set(columns)) < len(columns):
        told = [f"missing: {', '.join(missing)}"] if missing else []
        told += [f"unknown: {', '.join(unknown[:5])}"] if unknown else []
        raise FileUnreadable(
            f"The first line must name the columns once each ({'; '.join(told) or 'twice'})."
        )
    return columns


def write_rows(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A CSV text with a header line; None becomes an empty cell."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(["" if cell is None else cell for cell in row] for row in rows)
    return out.getvalue()
