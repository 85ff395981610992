"""The responsibility matrix as a file: a line of it on each line, people by user name. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from app.cases.csv_file import CellFault, LineFault, Row, read_rows, write_rows
from app.cases.responsibility.rules import DUTIES, MAX_RANK, SELECTOR_KINDS, Line

COLUMNS = ["place_code", "selector_kind", "selector", "duty", "username"]
OPTIONAL_COLUMNS = ["rank", "starts_on", "ends_on"]


@dataclass(slots=True)
class MatrixIn:
    """What a file says, each line with its number, and the lines that cannot be taken."""

    lines: list[tuple[int, Line]] = field(default_factory=list)
    faults: list[LineFault] = field(default_factory=list)

    def refuse(self, number: int, reason: str) -> None:
        """Note that a line cannot be taken."""
        self.faults.append(LineFault("responsibilities", number, reason))


def read_matrix(raw: bytes, users: Mapping[str, UUID]) -> MatrixIn:
    """Read the file; whether its lines may stand in the matrix is another question.

    Args:
        users: ids by user name.

    Raises:
        FileUnreadable: the file cannot be read as a whole.
    """
    found = MatrixIn()
    cells: dict[tuple[object, ...], int] = {}
    for row in read_rows(raw, COLUMNS, OPTIONAL_COLUMNS):
        try:
            line = _line(row, users)
            if line.cell in cells:
                raise CellFault(f"says the same as line {cells[line.cell]}")
            cells[line.cell] = row.line
            found.lines.append((row.line, line))
        except CellFault as fault:
            found.refuse(row.line, str(fault))
    return found


def _line(row: Row, users: Mapping[str, UUID]) -> Line:
    row.check_width()
    username = row.text("username", 64, 1).lower()
    if username not in users:
        raise CellFault(f"there is nobody with the user name {username!r} in the street")
    rank = row.number("rank", 0, MAX_RANK) if row.cells.get("rank") else 1.0
    if rank != int(rank):
        raise CellFault("rank is not a whole number")
    return Line(
        place_code=row.text("place_code", 32, 1),
        selector_kind=row.one_of("selector_kind", SELECTOR_KINDS),
        selector=row.text("selector", 60),
        duty=row.one_of("duty", DUTIES),
        user_id=users[username],
        rank=int(rank),
        starts_on=row.day("starts_on"),
        ends_on=row.day("ends_on"),
    )


def write_matrix(lines: Iterable[Line], usernames: Mapping[UUID, str]) -> str:
    """The matrix as a file that reads back as the same, in a fixed order."""
    rows = [
        (
            line.place_code,
            line.selector_kind,
            line.selector,
            line.duty,
            usernames[line.user_id],
            line.rank,
            line.starts_on,
            line.ends_on,
        )
        for line in lines
    ]
    return write_rows([*COLUMNS, *OPTIONAL_COLUMNS], sorted(rows, key=lambda row: tuple(map(str, row))))
