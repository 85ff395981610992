"""Calendars are data: imported by the year, kept by version, and missed before they run out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from app.core import clock
from app.core.extensions import db
from app.timers import calendars
from app.timers.calendars import CalendarMissing, load_calendar
from app.timers.worktime import Day
from app.worker import JOBS, Worker
from tests import factories

FILE = Path(__file__).parents[2] / "data" / "workdays_cn.json"
NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)


@pytest.fixture
def street(app: Flask) -> Iterator[str]:
    code = factories.make_street().code
    with app.app_context(), clock.frozen(NOW):
        yield code
        db.session.rollback()
        db.session.remove()


def flask(app: Flask, *words: str) -> Result:
    result = app.test_cli_runner().invoke(args=["calendar", *words])
    db.session.rollback()
    return result


def written(folder: Path, covers: list[int], days: dict[str, Any]) -> str:
    file = folder / "days.json"
    file.write_text(json.dumps({"covers": covers, "days": days}), encoding="utf-8")
    return str(file)


def new_year(work: bool = False, name: str = "元旦") -> dict[str, Any]:
    return {"work": work, "name_zh": name, "name": "New Year's Day"}


def test_the_file_of_the_project_is_imported_for_every_street_and_again_changes_nothing(
    app: Flask, street: str, owner_db: Connection
) -> None:
    other = factories.make_street("310107991", west=121.5).code
    done = flask(app, "import", str(FILE))
    assert done.stdout.splitlines() == [f"calendar of {c}: version 1, 2024–2026" for c in (street, other)]
    done = flask(app, "import", str(FILE))
    assert done.stdout.splitlines() == [f"calendar of {c}: unchanged" for c in (street, other)]
    found = load_calendar(street)
    assert (found.version, found.first_year, found.last_year) == (1, 2024, 2026)
    assert found.days[date(2026, 9, 20)] == Day(True, "国庆", "National Day")
    actions = owner_db.execute(text("select action, actor_kind, subject_id, data from ledger_row")).all()
    assert [tuple(row) for row in actions] == [
        ("calendar.imported", "cli", c, {"version": 1, "first_year": 2024, "last_year": 2026})
        for c in (street, other)
    ]


def test_a_new_year_makes_a_new_version_and_the_old_one_stays(
    app: Flask, street: str, tmp_path: Path
) -> None:
    flask(app, "import", str(FILE))
    file = written(tmp_path, [2027], {"2027-01-01": new_year()})
    assert (
        flask(app, "import", file, "--street", street).stdout
        == f"calendar of {street}: version 2, 2024–2027\n"
    )
    newest, before = load_calendar(street), load_calendar(street, 1)
    assert (newest.version, newest.last_year, before.last_year) == (2, 2027, 2026)
    assert newest.days == {**before.days, date(2027, 1, 1): Day(False, "元旦", "New Year's Day")}
    assert load_calendar(street) is newest  # kept in the process


def test_a_year_that_is_imported_again_replaces_its_days(app: Flask, street: str, tmp_path: Path) -> None:
    flask(app, "import", str(FILE))
    flask(app, "import", written(tmp_path, [2026], {"2026-01-02": new_year()}))
    days = load_calendar(street).days
    assert [day for day in days if day.year == 2026] == [date(2026, 1, 2)]
    assert any(day.year == 2025 for day in days)


def test_hours_are_the_streets_own_and_survive_an_import(app: Flask, street: str, tmp_path: Path) -> None:
    assert "no calendar of street" in flask(app, "hours", "--street", street, "09:00-17:00").stderr
    flask(app, "import", str(FILE))
    done = flask(app, "hours", "--street", street, "09:00-11:30", "13:00-17:30")
    assert done.stdout == f"calendar of {street}: version 2\n"
    assert "unchanged" in flask(app, "hours", "--street", street, "09:00-11:30", "13:00-17:30").stdout
    flask(app, "import", written(tmp_path, [2027], {"2027-01-01": new_year()}))
    found = load_calendar(street)
    assert (found.version, found.hours) == (3, ((time(9), time(11, 30)), (time(13), time(17, 30))))


@pytest.mark.parametrize(
    ("hours", "why"),
    [
        (["9-17"], "not a stretch of hours"),
        (["09:00-25:00"], "not a stretch of hours"),
        (["13:00-17:00", "09:00-11:00"], "in order"),
        (["09:00-12:00", "11:00-17:00"], "must not overlap"),
        (["12:00-12:00"], "in order"),
    ],
)
def test_hours_that_are_none_are_refused(app: Flask, street: str, hours: list[str], why: str) -> None:
    flask(app, "import", str(FILE))
    done = flask(app, "hours", "--street", street, *hours)
    assert (done.exit_code, why in done.stderr) == (1, True), done.stderr
    assert load_calendar(street).version == 1


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("{", "not JSON"),
        ("[]", 'has no "days"'),
        ('{"days": {}}', '"covers" must list'),
        ('{"covers": [true], "days": {}}', '"covers" must list'),
        ('{"covers": [99999], "days": {}}', "must lie between"),
        ('{"covers": [2027], "days": {}}', "no day is listed for 2027"),
        (
            '{"covers": [2027], "days": {"2028-01-01": {"work": false, "name_zh": "x", "name": "x"}}}',
            "lies in",
        ),
        (
            '{"covers": [2027], "days": {"2027-02-30": {"work": false, "name_zh": "x", "name": "x"}}}',
            "is no day",
        ),
        (
            '{"covers": [2027], "days": {"1 May": {"work": false, "name_zh": "x", "name": "x"}}}',
            "is not a day",
        ),
        (
            '{"covers": [2027], "days": {"2027-01-01": {"work": 0, "name_zh": "x", "name": "x"}}}',
            "does not say",
        ),
        ('{"covers": [2027], "days": {"2027-01-01": {"work": false}}}', "needs"),
        (
            '{"covers": [2028], "days": {"2028-01-01": {"work": false, "name_zh": "x", "name": "x"}}}',
            "2027 would",
        ),
    ],
)
def test_a_file_with_a_fault_changes_nothing_and_names_it(
    app: Flask, street: str, tmp_path: Path, content: str, why: str
) -> None:
    flask(app, "import", str(FILE))
    file = tmp_path / "bad.json"
    file.write_text(content)
    done = flask(app, "import", str(file))
    assert (done.exit_code, why in done.stderr) == (1, True), done.stderr
    assert load_calendar(street).version == 1


def test_without_a_calendar_there_is_a_clear_error(street: str) -> None:
    with pytest.raises(CalendarMissing, match="no calendar of street 310107990 was imported"):
        load_calendar(street)


def test_an_unknown_version_is_a_clear_error(app: Flask, street: str) -> None:
    flask(app, "import", str(FILE))
    with pytest.raises(CalendarMissing, match="no version 9"):
        load_calendar(street, 9)


@pytest.mark.parametrize(
    ("now", "exit_code", "words"),
    [
        (datetime(2026, 10, 31, 15, 59, tzinfo=UTC), 0, "Every street has its calendar."),
        (datetime(2026, 10, 31, 16, 0, tzinfo=UTC), 1, "up to 2026: import the next year"),  # 1 November here
        (datetime(2027, 1, 1, 0, 0, tzinfo=UTC), 1, "up to 2026 only"),
    ],
)
def test_the_check_finds_a_calendar_that_runs_out(
    app: Flask, street: str, now: datetime, exit_code: int, words: str
) -> None:
    assert "has no calendar" in flask(app, "check").stdout
    flask(app, "import", str(FILE))
    with clock.frozen(now):
        done = flask(app, "check")
    assert (done.exit_code, words in done.stdout) == (exit_code, True), done.stdout


def test_the_worker_notes_it_once_a_day(
    app: Flask, street: str, owner_db: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    (job,) = (job for job in JOBS if job.name == "calendars.warn")
    Worker(app, ()).tick(job)
    assert "has no calendar" in caplog.text
    flask(app, "import", str(FILE))
    for day in (24, 24, 25):
        with clock.frozen(NOW.replace(day=day)):
            Worker(app, ()).tick(job)
    noted = owner_db.scalars(
        text("select data from ledger_row where action = 'calendar.ending' order by id")
    ).all()
    assert noted == [
        {"on_day": f"2026-11-{day}", "last_year": 2026, "state": "year_ending"} for day in (24, 25)
    ]


def test_two_imports_at_once_make_one_version(app: Flask, street: str, owner_db: Connection) -> None:
    content = FILE.read_text(encoding="utf-8")
    assert calendars.import_days(street, content, NOW, actor_kind="cli") is not None
    with app.app_context():
        db.session.execute(text("set local lock_timeout = '200ms'"))
        with pytest.raises(OperationalError, match="lock timeout"):
            calendars.import_days(street, content, NOW, actor_kind="cli")
        db.session.rollback()
    db.session.commit()
    with app.app_context():
        assert calendars.import_days(street, content, NOW, actor_kind="cli") is None
