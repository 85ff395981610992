"""Acts on the responsibility matrix and on absences.

Nothing here commits; whoever calls decides whether all of it stands.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from app.cases.csv_file import LineFault
from app.cases.reference_models import Absence, Responsibility
from app.cases.responsibility import queries, rules
from app.cases.responsibility.file import MatrixIn, read_matrix
from app.cases.responsibility.rules import Line
from app.core import clock, problems
from app.core.extensions import db
from app.core.idempotency import fingerprint, same_or_conflict
from app.core.ids import uuid7
from app.core.problems import Problem
from app.ledger.service import record
from app.people.models import Post, User
from app.people.rights import HeldPost, in_force

LONGEST_ABSENCE = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Editor:
    """Who edits the matrix, and where they may; ``actor_id`` None: from the command line."""

    actor_id: UUID | None
    street_code: str
    scope: frozenset[str]


class MatrixRefused(Exception):
    """Nothing was taken; *faults* name the lines and why."""

    def __init__(self, faults: list[LineFault]) -> None:
        super().__init__(f"{len(faults)} faults")
        self.faults = faults


def _take_turns(street_code: str) -> None:
    """Two editors of one matrix take turns, so that no line gets in twice."""
    key = func.hashtextextended(f"responsibility/{street_code}", 0)
    db.session.execute(select(func.pg_advisory_xact_lock(key)))


def _today(now: datetime) -> date:
    return now.astimezone(clock.SHANGHAI).date()


def save(responsibility_id: UUID, line: Line, editor: Editor, now: datetime) -> Responsibility:
    """Write a line with an id of the caller's making; the same again returns the stored one.

    Raises:
        Problem: FORBIDDEN outside the editor's places; INVALID with why it may not stand; ID_REUSED;
            CONFLICT where the same person has the same duty there already on one of these days.
    """
    _refuse_elsewhere(editor, line.place_code)
    _take_turns(editor.street_code)
    stored = db.session.get(Responsibility, (editor.street_code, responsibility_id))
    if stored is not None:
        _refuse_elsewhere(editor, stored.place_code)
        same_or_conflict(bytes(stored.fingerprint), asdict(line))
        return stored
    reasons = rules.reasons(line, queries.street_of(editor.street_code, now), _today(now))
    if reasons:
        raise Problem(problems.INVALID, "; ".join(reasons))
    known = [queries.line_of(row) for row in queries.matrix_of(editor.street_code)]
    if any(other.cell == line.cell and other.overlaps(line) for other in known):
        raise Problem(problems.CONFLICT, "this person has this duty there already")
    row = _add(responsibility_id, line, editor, now)
    db.session.flush()
    return row


def _refuse_elsewhere(editor: Editor, place_code: str) -> None:
    if place_code not in editor.scope:
        raise Problem(problems.FORBIDDEN, f"responsibility.manage is not yours at {place_code}")


def _add(responsibility_id: UUID, line: Line, editor: Editor, now: datetime) -> Responsibility:
    values = asdict(line)
    row = Responsibility(
        street_code=editor.street_code,
        id=responsibility_id,
        created_at=now,
        fingerprint=fingerprint(values),
        **values,
    )
    db.session.add(row)
    _tell("responsibility.set", row, editor)
    return row


def _tell(action: str, row: Responsibility, editor: Editor) -> None:
    record(
        action,
        actor_id=editor.actor_id,
        actor_kind="user" if editor.actor_id else "cli",
        street_code=row.street_code,
        place_code=row.place_code,
        subject_kind="responsibility",
        subject_id=row.id,
        data={
            "duty": row.duty,
            "selector_kind": row.selector_kind,
            "selector": row.selector,
            "user_id": str(row.user_id),
            "rank": row.rank,
        },
    )


def end(responsibility_id: UUID, editor: Editor, now: datetime) -> Responsibility:
    """Take a line out of the matrix; it stays readable. Ended twice is ended once.

    Raises:
        Problem: NOT_FOUND, or FORBIDDEN outside the editor's places.
    """
    row = db.session.get(Responsibility, (editor.street_code, responsibility_id), with_for_update=True)
    if row is None:
        raise Problem(problems.NOT_FOUND)
    _refuse_elsewhere(editor, row.place_code)
    if row.ended_at is None:
        row.ended_at = now
        _tell("responsibility.ended", row, editor)
    return row


def import_matrix(raw: bytes, street_code: str, now: datetime, *, replace: bool = False) -> Counter[str]:
    """Take a file into the matrix, all of it or nothing; the same file again changes nothing.

    A line whose rank or days are others than those known takes the place of the known one. Lines that
    the file does not have stay, unless *replace*.

    Returns:
        How many lines were added, ended, unchanged.

    Raises:
        FileUnreadable: the file cannot be read as a whole.
        MatrixRefused: some lines are bad; nothing was changed.
    """
    _take_turns(street_code)
    street = queries.street_of(street_code, now)
    wanted = read_matrix(raw, {person.username: person.user_id for person in street.people.values()})
    _refuse_bad_lines(wanted, street, _today(now))
    editor = Editor(None, street_code, frozenset(street.paths))
    known: dict[tuple[object, ...], list[Responsibility]] = {}
    for row in queries.matrix_of(street_code):
        known.setdefault(queries.line_of(row).cell, []).append(row)
    done: Counter[str] = Counter(added=0, ended=0, unchanged=0)
    for _, line in wanted.lines:
        rows = known.pop(line.cell, [])
        if any(queries.line_of(row) == line for row in rows):
            done["unchanged"] += 1
            continue
        for row in rows:
            if queries.line_of(row).overlaps(line):
                _end_by_import(row, editor, now, done)
        _add(uuid7(), line, editor, now)
        done["added"] += 1
    for row in (row for rows in known.values() for row in rows if replace):
        _end_by_import(row, editor, now, done)
    db.session.flush()
    return done


def _end_by_import(row: Responsibility, editor: Editor, now: datetime, done: Counter[str]) -> None:
    row.ended_at = now
    _tell("responsibility.ended", row, editor)
    done["ended"] += 1


def _refuse_bad_lines(wanted: MatrixIn, street: rules.Street, today: date) -> None:
    for number, line in wanted.lines:
        for reason in rules.reasons(line, street, today):
            wanted.refuse(number, reason)
    if wanted.faults:
        raise MatrixRefused(sorted(wanted.faults, key=lambda fault: fault.line))


def note_absence(absence_id: UUID, wanted: dict[str, Any], editor: Editor, now: datetime) -> dict[str, Any]:
    """Note that somebody is away, oneself or staff of the editor's places; the same again is the same.

    Args:
        wanted: user_id (None: oneself), starts_at, ends_at, reason.

    Raises:
        Problem: FORBIDDEN where the person is not the editor's to note; INVALID; ID_REUSED.
    """
    whose = wanted["user_id"] or editor.actor_id
    user = _their_person(whose, editor, now)
    _take_turns(editor.street_code)
    content = {**wanted, "user_id": user.id}
    stored = db.session.get(Absence, (editor.street_code, absence_id))
    if stored is not None:
        same_or_conflict(bytes(stored.fingerprint), content)
        return queries.told_absence(stored, user)
    if not timedelta() < wanted["ends_at"] - wanted["starts_at"] <= LONGEST_ABSENCE:
        raise Problem(problems.INVALID, "an absence ends after it starts, and within a year")
    row = Absence(
        street_code=editor.street_code,
        id=absence_id,
        noted_by=editor.actor_id,
        fingerprint=fingerprint(content),
        **content,
    )
    db.session.add(row)
    _tell_absence("absence.noted", row, editor)
    db.session.flush()
    return queries.told_absence(row, user)


def end_absence(absence_id: UUID, editor: Editor, now: datetime) -> dict[str, Any]:
    """Somebody is back, or does not go after all. Ended twice is ended once.

    Raises:
        Problem: NOT_FOUND; FORBIDDEN where the person is not the editor's to note.
    """
    row = db.session.get(Absence, (editor.street_code, absence_id), with_for_update=True)
    if row is None:
        raise Problem(problems.NOT_FOUND)
    user = _their_person(row.user_id, editor, now)
    if row.ends_at > now:
        row.ends_at = max(row.starts_at, now)
        _tell_absence("absence.ended", row, editor)
    return queries.told_absence(row, user)


def _their_person(user_id: UUID | None, editor: Editor, now: datetime) -> User:
    """The person, who must be the editor or have a post in force in the editor's places."""
    user = db.session.get(User, user_id)
    if user is None or user.street_code != editor.street_code:
        raise Problem(problems.FORBIDDEN, "this person is not of your staff")
    if user.id != editor.actor_id:
        posts = db.session.scalars(
            select(Post).where(Post.user_id == user.id, Post.place_code.in_(editor.scope))
        )
        held = [HeldPost(post.role, post.place_code, post.starts_on, post.ends_on) for post in posts]
        if not any(in_force(post, _today(now)) for post in held):
            raise Problem(problems.FORBIDDEN, "this person is not of your staff")
    return user


def _tell_absence(action: str, row: Absence, editor: Editor) -> None:
    """Tell the ledger who is away; why is nobody's business for ever."""
    record(
        action,
        actor_id=editor.actor_id,
        street_code=row.street_code,
        place_code=row.street_code,
        subject_kind="absence",
        subject_id=row.id,
        data={"user_id": str(row.user_id)},
    )
