"""Reading a staff list (CSV) into people and posts, with every bad row named. Pure.

One line is one post; a person with several posts has several lines, which must agree about the person.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from app.people import passwords
from app.people.rights import ROLES

MAX_BYTES = 5 * 1024 * 1024
MAX_ROWS = 10_000
MAX_ERRORS = 100  # enough to see what is wrong with a file; the rest is counted

REQUIRED = ("username", "display_name", "role", "place_code")
OPTIONAL = ("display_name_en", "phone", "starts_on", "ends_on", "password")

_USERNAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,63}")
_PHONE = re.compile(r"\+?[0-9]{5,15}")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


class StaffFileError(ValueError):
    """The file as a whole cannot be read; the text says why."""


@dataclass(frozen=True, slots=True)
class BadRow:
    """A line that cannot be taken, and why; never holds a whole phone number or a password."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class PostRow:
    """One post of the file; dates are the first and last day."""

    role: str
    place_code: str
    starts_on: date | None
    ends_on: date | None


@dataclass(slots=True)
class PersonRow:
    """One person of the file, from the first of their lines."""

    line: int
    username: str
    display_name: str
    display_name_en: str
    phone: str
    password: str
    street_code: str
    posts: list[PostRow] = field(default_factory=list)


@dataclass(slots=True)
class StaffList:
    """What a file says: people by user name, and the rows that cannot be taken."""

    people: dict[str, PersonRow] = field(default_factory=dict)
    bad: list[BadRow] = field(default_factory=list)


def mask_phone(phone: str) -> str:
    """A phone number as it may be shown: 138****5678."""
    return f"{phone[:3]}****{phone[-4:]}" if len(phone) >= 11 else "****" if phone else ""


def read_staff(raw: bytes, streets: Mapping[str, str]) -> StaffList:
    """Read a file in UTF-8 (with or without mark) or GB18030.

    Args:
        streets: the street's code of every place code there is.

    Raises:
        StaffFileError: too large, not text, no CSV, or columns missing or unknown.
    """
    if len(raw) > MAX_BYTES:
        raise StaffFileError(f"The file is larger than {MAX_BYTES // 1024 // 1024} MB.")
    rows = csv.reader(io.StringIO(_decode(raw), newline=""), strict=True)
    result = StaffList()
    try:
        columns = _columns(next(rows, []))
        for count, cells in enumerate((row for row in rows if any(cell.strip() for cell in row)), 1):
            if count > MAX_ROWS:
                raise StaffFileError(f"The file has more than {MAX_ROWS} rows.")
            _take(result, rows.line_num, columns, cells, streets)
    except csv.Error as error:
        raise StaffFileError(f"Line {rows.line_num} is not CSV: {error}.") from error
    return result


def _decode(raw: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise StaffFileError("The file is neither UTF-8 nor GB18030 text; save it as CSV UTF-8.")


def _columns(header: list[str]) -> list[str]:
    columns = [cell.strip().lower() for cell in header]
    missing = [name for name in REQUIRED if name not in columns]
    unknown = [name[:40] for name in columns if name not in REQUIRED + OPTIONAL]
    if missing or unknown or len(set(columns)) < len(columns):
        told = [f"missing: {', '.join(missing)}"] if missing else []
        told += [f"unknown: {', '.join(unknown[:5])}"] if unknown else []
        raise StaffFileError(
            f"The first line must name the columns once each ({'; '.join(told) or 'twice'})."
        )
    return columns


def _take(
    result: StaffList, line: int, columns: list[str], cells: list[str], streets: Mapping[str, str]
) -> None:
    """Add one line to *result*, as a post or as a bad row."""
    try:
        if len(cells) != len(columns):
            raise ValueError(f"has {len(cells)} cells instead of {len(columns)}")
        row = {name: cell.strip() for name, cell in zip(columns, cells, strict=True)}
        person, post = _person(line, row, streets), _post(row)
        known = result.people.get(person.username)
        if known is None:
            known = person
        elif difference := _difference(known, person):
            raise ValueError(f"{difference} than line {known.line} says of {person.username}")
        if any((post.role, post.place_code) == (other.role, other.place_code) for other in known.posts):
            raise ValueError(f"the post {post.role} at {post.place_code} stands in the file twice")
        known.posts.append(post)
        result.people[known.username] = known
    except ValueError as error:
        result.bad.append(BadRow(line, str(error)))


def _person(line: int, row: dict[str, str], streets: Mapping[str, str]) -> PersonRow:
    if any(_UNPRINTABLE.search(cell) for cell in row.values()):
        raise ValueError("holds control characters")
    username = row["username"].lower()
    if not _USERNAME.fullmatch(username):
        raise ValueError("username needs 2 to 64 of a-z, 0-9, dot, hyphen, underscore")
    if not 1 <= len(row["display_name"]) <= 100 or len(row.get("display_name_en", "")) > 100:
        raise ValueError("display_name needs 1 to 100 characters, display_name_en at most 100")
    phone = re.sub(r"[ ()-]", "", row.get("phone", ""))
    if phone and not _PHONE.fullmatch(phone):
        raise ValueError("phone is not a phone number")
    if row["place_code"] not in streets:
        raise ValueError(f"there is no place {row['place_code'][:32]!r}")
    password = row.get("password", "")
    if password and (weakness := passwords.weakness(password, username)):
        raise ValueError(f"password: {weakness}")
    return PersonRow(
        line=line,
        username=username,
        display_name=row["display_name"],
        display_name_en=row.get("display_name_en", ""),
        phone=phone,
        password=password,
        street_code=streets[row["place_code"]],
    )


def _post(row: dict[str, str]) -> PostRow:
    if row["role"] not in ROLES:
        raise ValueError(f"role is not one of {', '.join(ROLES)}")
    starts_on, ends_on = _day(row, "starts_on"), _day(row, "ends_on")
    if starts_on and ends_on and ends_on < starts_on:
        raise ValueError("ends_on lies before starts_on")
    return PostRow(row["role"], row["place_code"], starts_on, ends_on)


def _day(row: dict[str, str], name: str) -> date | None:
    if not row.get(name):
        return None
    try:
        return date.fromisoformat(row[name])
    except ValueError:
        raise ValueError(f"{name} is not a day like 2026-11-23") from None


def _difference(known: PersonRow, again: PersonRow) -> str | None:
    """What a further line of the same person says otherwise, in words that may be shown."""
    if known.street_code != again.street_code:
        return "another street"
    if (known.display_name, known.display_name_en) != (again.display_name, again.display_name_en):
        return "another name"
    if known.phone != again.phone:
        return f"another phone ({mask_phone(again.phone) or 'none'})"
    return "another password" if known.password != again.password else None
