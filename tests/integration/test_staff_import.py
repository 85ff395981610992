"""A staff list goes in whole or not at all; the same list again changes nothing."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import Connection, text

from app.people.staff_file import MAX_BYTES, mask_phone
from tests import factories
from tests.factories import Street

HEADER = "username,display_name,display_name_en,phone,role,place_code,starts_on,ends_on,password\n"
PHONE = "13812345678"

Import = Callable[..., Result]


@pytest.fixture
def street(database: str) -> Street:
    return factories.make_street()


@pytest.fixture
def run(app: Flask, street: Street, tmp_path: Path) -> Import:
    def run(content: str | bytes, *options: str) -> Result:
        file = tmp_path / "staff.csv"
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return app.test_cli_runner().invoke(args=["staff", "import", str(file), *options])

    return run


def rows(street: Street) -> str:
    unit, area = street.units[0], street.areas[0]
    return (
        f"wang.fang,王芳,Wang Fang,{PHONE},patroller,{unit},,,\n"
        f"wang.fang,王芳,Wang Fang,138-1234-5678,supervisor,{area},2026-01-01,2026-12-31,\n"
        f'Li.Na,"李娜, 组长",Li Na,,leader,{street.code},,,a long enough one\n'
    )


def people(owner_db: Connection) -> list[tuple[str, ...]]:
    return [
        tuple(row)
        for row in owner_db.execute(
            text("""
        select username, display_name, phone, role, place_code, starts_on::text, ends_on::text, password_hash
        from app_user left join post on post.user_id = app_user.id order by username, role""")
        )
    ]


def test_people_and_posts_go_in_and_can_sign_in(
    app: Flask, run: Import, street: Street, tmp_path: Path, owner_db: Connection
) -> None:
    out = tmp_path / "first.csv"
    done = run("\ufeff" + HEADER + rows(street), "--passwords-out", str(out))
    assert done.exit_code == 0, done.output
    assert "2 people added, 3 posts added" in done.output
    assert PHONE not in done.output
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    head, line = out.read_text().splitlines()
    assert head == "username,password"
    name, password = line.split(",")
    assert name == "wang.fang"
    assert password not in done.output
    assert factories.sign_in(app.test_client(), name, password)
    assert factories.sign_in(app.test_client(), "li.na", "a long enough one")
    assert [row[:7] for row in people(owner_db)] == [
        ("li.na", "李娜, 组长", "", "leader", street.code, None, None),
        ("wang.fang", "王芳", PHONE, "patroller", street.units[0], None, None),
        ("wang.fang", "王芳", PHONE, "supervisor", street.areas[0], "2026-01-01", "2026-12-31"),
    ]
    told = owner_db.execute(text("select data from ledger_row where action = 'staff.imported'")).scalar_one()
    assert told == {"people_added": 2, "posts_added": 3}


def test_the_same_file_again_changes_nothing(
    run: Import, street: Street, tmp_path: Path, owner_db: Connection
) -> None:
    content = HEADER + rows(street)
    run(content, "--passwords-out", str(tmp_path / "first.csv"))
    before = people(owner_db)
    again = run(content)
    assert again.exit_code == 0, again.output
    assert "Nothing to change." in again.output
    assert people(owner_db) == before
    assert owner_db.execute(text("select count(*) from ledger_row")).scalar_one() == 1


def test_a_newer_file_updates_names_and_days_and_keeps_passwords(
    run: Import, street: Street, owner_db: Connection
) -> None:
    unit = street.units[0]
    run(HEADER + f"li.na,李娜,,,patroller,{unit},,,a long enough one\n")
    password = people(owner_db)[0][-1]
    done = run(HEADER + f"li.na,李娜娜,,{PHONE},patroller,{unit},,2026-12-31,another good one\n")
    assert "1 people changed, 1 posts changed" in done.output
    assert people(owner_db) == [("li.na", "李娜娜", PHONE, "patroller", unit, None, "2026-12-31", password)]


@pytest.mark.parametrize("encoding", ["gb18030", "gbk", "utf-8", "utf-8-sig"])
def test_office_encodings_are_read(run: Import, street: Street, owner_db: Connection, encoding: str) -> None:
    line = f"li.na,李娜,,,patroller,{street.units[0]},,,a long enough one\r\n"
    assert run((HEADER.replace("\n", "\r\n") + line).encode(encoding)).exit_code == 0
    assert people(owner_db)[0][1] == "李娜"


def test_bad_rows_are_listed_by_line_and_nothing_is_half_done(
    run: Import, street: Street, owner_db: Connection
) -> None:
    unit = street.units[0]
    good = "a long enough one"
    lines = [
        f"ok.one,好,,,patroller,{unit},,,{good}",  # 2
        f"x,短,,,patroller,{unit},,,{good}",
        f"ok.two,,,,patroller,{unit},,,{good}",
        f"ok.two,名,,12-abc,patroller,{unit},,,{good}",  # 5
        f"ok.two,名,,,mayor,{unit},,,{good}",
        f"ok.two,名,,,patroller,999,,,{good}",
        f"ok.two,名,,,patroller,{unit},2026-02-30,,{good}",  # 8
        f"ok.two,名,,,patroller,{unit},2026-03-01,2026-02-01,{good}",
        f"ok.two,名,,,patroller,{unit},,,short",
        f"ok.one,好,,,patroller,{unit},,,{good}",  # 11: the same post twice
        f"ok.one,坏,,,handler,{unit},,,{good}",  # 12: another name
        f"ok.one,好,,{PHONE},handler,{unit},,,{good}",  # 13: another phone
        f"ok.three,名,,,patroller,{unit}",  # 14: too few cells
        "",
        f"ok.three,na\x01me,,,patroller,{unit},,,{good}",  # 16
        f"ok.four,名,,,patroller,{unit},,,ok.four.ok",  # 17 is good
    ]
    done = run(HEADER + "\n".join(lines) + "\n")
    assert done.exit_code == 1
    listed = [line.split(":")[1] for line in done.output.splitlines() if line.startswith("staff.csv:")]
    assert listed == ["3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "16"]
    assert "13 bad rows; nothing was changed" in done.output
    assert PHONE not in done.output
    assert mask_phone(PHONE) in done.output
    assert people(owner_db) == []
    assert owner_db.execute(text("select count(*) from ledger_row")).scalar_one() == 0


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "missing: username"),
        (b"name,role\n", "unknown: name"),
        (HEADER.replace("phone", "username").encode(), "twice"),
        (b"\xff\xfe\x00\xd8", "neither UTF-8 nor GB18030"),
        (b"PK\x03\x04" + bytes(range(256)), "Nothing was changed"),
        (HEADER.encode() + b'"unclosed', "not CSV"),
        (HEADER.encode() + b'"a"b,c\n', "not CSV"),
        (HEADER.encode() + b"x" * 200_000, "not CSV"),
        (HEADER.encode() + b"x" * MAX_BYTES, "larger than 5 MB"),
        (HEADER.encode() + b"x\n" * 10_001, "more than 10000 rows"),
    ],
)
def test_a_hostile_file_is_one_sentence(run: Import, content: bytes, word: str) -> None:
    done = run(content)
    assert done.exit_code == 1
    assert word in done.output
    assert "Traceback" not in done.output
    assert len(done.output) < 1000


def test_new_people_without_a_password_need_a_file_for_it(
    run: Import, street: Street, tmp_path: Path, owner_db: Connection
) -> None:
    content = HEADER + rows(street)
    assert "--passwords-out" in run(content).output
    taken = tmp_path / "taken.csv"
    taken.write_text("precious")
    refused = run(content, "--passwords-out", str(taken))
    assert refused.exit_code == 1
    assert taken.read_text() == "precious"
    assert people(owner_db) == []


def test_somebody_of_another_street_is_not_taken_over(
    run: Import, street: Street, owner_db: Connection
) -> None:
    other = factories.make_street("310107991", west=121.43)
    factories.make_user("admin", other.code, "boss")
    done = run(HEADER + f"boss,老板,,,admin,{street.code},,,\n")
    assert done.exit_code == 1
    assert "staff.csv:2: the user name boss belongs to another street" in done.output
    assert len(people(owner_db)) == 1


def test_a_forgotten_password_is_replaced_and_a_lock_lifted(
    app: Flask, street: Street, tmp_path: Path, owner_db: Connection
) -> None:
    factories.make_user("patroller", street.units[0], "walker")
    client = app.test_client()
    before = factories.sign_in(client, "walker")
    owner_db.execute(
        text(
            "insert into sign_in_failure values"
            " (sha256('walker'), 8, clock_timestamp(), clock_timestamp() + interval '15 min')"
        )
    )
    out = tmp_path / "new.csv"
    run = app.test_cli_runner()
    done = run.invoke(args=["staff", "password", "walker", "--passwords-out", str(out)])
    assert done.exit_code == 0, done.output
    password = out.read_text().splitlines()[1].partition(",")[2]
    assert password not in done.output
    assert client.get("/api/v1/me", headers=before).status_code == 401
    assert factories.sign_in(client, "walker", password)
    nobody = run.invoke(args=["staff", "password", "nobody", "--passwords-out", str(tmp_path / "x")])
    assert nobody.exit_code == 1
    assert not (tmp_path / "x").exists()
