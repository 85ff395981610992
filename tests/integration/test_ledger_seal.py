"""Every final row is sealed exactly once, and whoever touches the ledger afterwards is named."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from flask import Flask
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import ProgrammingError

from app.core.extensions import db
from app.ledger import seal
from app.ledger import service as ledger
from tests import factories

STREET, OTHER = "310107990", "310107991"


@pytest.fixture(autouse=True)
def streets(database: str) -> None:
    """Both streets exist."""
    factories.make_street(STREET)
    factories.make_street(OTHER, west=121.43)


@pytest.fixture
def owner(app: Flask) -> Iterator[Engine]:
    """The superuser's engine: tampers, and holds transactions open."""
    engine = create_engine(app.config["SETTINGS"].owner_database_url)
    yield engine
    engine.dispose()


def write(app: Flask, how_many: int = 1, street: str = STREET) -> None:
    """Record and commit some rows as the application does."""
    with app.app_context():
        for number in range(how_many):
            ledger.record(
                "round.started",
                actor_id=None,
                street_code=street,
                place_code=street,
                subject_kind="round",
                subject_id=str(number),
                data={"ratio": 31.10, "字": ["值", None, 1e-7]},
                actor_kind="worker",
            )
        db.session.commit()


def run_seal(app: Flask) -> seal.Sealed:
    """One run of the sealer, committed."""
    with app.app_context():
        done = seal.seal_pending()
        db.session.commit()
        return done


def verify(app: Flask, *arguments: str) -> tuple[int, str]:
    """Exit code and output of ``flask ledger verify``."""
    outcome = app.test_cli_runner().invoke(args=["ledger", "verify", *arguments])
    return outcome.exit_code, outcome.output


@contextmanager
def unlocked(owner: Engine) -> Iterator[Connection]:
    """What somebody with the owner's password can do: switch the ledger's locks off."""
    with owner.begin() as connection:
        connection.execute(text("set local session_replication_role = replica"))
        yield connection


def listed_ids(owner: Engine) -> list[int]:
    """All ids of all batches."""
    with owner.connect() as connection:
        return list(connection.scalars(text("select unnest(row_ids) from ledger_batch order by batch_no")))


def test_sealed_rows_verify_and_nothing_is_sealed_twice(app: Flask, owner: Engine) -> None:
    assert run_seal(app) == seal.Sealed(0, 0)
    write(app, 3)
    assert run_seal(app) == seal.Sealed(3, 1)
    assert run_seal(app) == seal.Sealed(0, 0), "no rows, no batch"
    write(app, 2)
    write(app, 4, street=OTHER)
    assert run_seal(app) == seal.Sealed(6, 2)
    code, output = verify(app)
    assert code == 0, output
    assert f"{STREET}: 5 rows, 0 of them not sealed yet, 2 batches" in output
    ids = listed_ids(owner)
    assert len(ids) == len(set(ids)) == 9


def test_a_backlog_is_sealed_in_batches_without_gap(
    app: Flask, owner: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seal, "BATCH_ROWS", 4)
    write(app, 9)
    assert run_seal(app) == seal.Sealed(9, 3)
    with owner.connect() as connection:
        sizes = connection.scalars(text("select cardinality(row_ids) from ledger_batch order by batch_no"))
        assert list(sizes) == [4, 4, 1]
    assert verify(app)[0] == 0


def test_a_run_stops_at_its_limit_and_says_so(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seal, "BATCH_ROWS", 2)
    write(app, 5)
    with app.app_context():
        assert seal.seal_pending(most_batches=2) == seal.Sealed(4, 2, more=True)
        db.session.commit()
        assert seal.seal_pending(most_batches=2) == seal.Sealed(1, 1)
        db.session.commit()
    assert verify(app)[0] == 0


def test_a_transaction_that_commits_late_is_sealed_later_not_lost(app: Flask, owner: Engine) -> None:
    with owner.connect() as slow, slow.begin():
        slow.execute(
            text(
                "insert into ledger_row (street_code, actor_kind, action, subject_kind, subject_id,"
                " place_code, data) values (:street, 'cli', 'slow', 'x', 'x', :street, '{}')"
            ),
            {"street": STREET},
        )
        write(app, 2)
        assert run_seal(app).rows == 0, "rows behind a running transaction are not final"
    assert run_seal(app).rows == 3
    code, output = verify(app)
    assert code == 0, output


@pytest.mark.parametrize(
    ("tamper", "finding"),
    [
        ("update ledger_row set data = '{}' where id = :id", "changed: row {id}"),
        ("update ledger_row set actor_kind = 'user' where id = :id", "changed: row {id}"),
        ("delete from ledger_row where id = :id", "removed: row {id} of batch 1"),
        (
            "insert into ledger_row select street_code, at, id + 1000, tx, actor_kind, actor_id, action,"
            " subject_kind, subject_id, place_code, data from ledger_row where id = :id",
            "inserted: row {id+1000}",
        ),
        (
            "insert into ledger_row (street_code, at, actor_kind, action, subject_kind, subject_id,"
            " place_code, data) select street_code, at - interval '2 hours', actor_kind, 'forged',"
            " subject_kind, subject_id, place_code, data from ledger_row where id = :id",
            "inserted: row ",
        ),
        ("delete from ledger_batch where batch_no = 1", "batch_missing: batch 1"),
        ("update ledger_batch set row_ids = row_ids[2:] where batch_no = 1", "batch_altered: batch 1"),
        ("update ledger_batch set sealed_at = now() where batch_no = 2", "batch_altered: batch 2"),
    ],
)
def test_tampering_is_found_and_named(app: Flask, owner: Engine, tamper: str, finding: str) -> None:
    for _ in range(2):
        write(app, 3)
        run_seal(app)
    row_id = listed_ids(owner)[1]
    with unlocked(owner) as connection:
        connection.execute(text(tamper), {"id": row_id} if ":id" in tamper else {})
    code, output = verify(app, "--street", STREET)
    assert code == 1, output
    wanted = finding.replace("{id+1000}", str(row_id + 1000)).replace("{id}", str(row_id))
    assert f"{STREET}: {wanted}" in output


def test_a_backdated_row_is_found_even_after_it_was_sealed(app: Flask, owner: Engine) -> None:
    write(app)
    run_seal(app)
    with unlocked(owner) as connection:
        connection.execute(
            text(
                "insert into ledger_row (street_code, at, actor_kind, action, subject_kind, subject_id,"
                " place_code, data) values (:street, now() - interval '1 day', 'user', 'forged', 'x', 'x',"
                " :street, '{}')"
            ),
            {"street": STREET},
        )
    assert run_seal(app).rows == 1
    code, output = verify(app)
    assert code == 1
    assert "inserted: row" in output
    assert "sealed only in batch 2" in output


def partitions(owner: Engine) -> list[str]:
    """All partitions of the ledger."""
    with owner.connect() as connection:
        found = connection.scalars(
            text("select inhrelid::regclass::text from pg_inherits where inhparent = 'ledger_row'::regclass")
        )
        return list(found)


def in_partition(owner: Engine) -> str:
    """The partition that holds the newest row."""
    with owner.connect() as connection:
        return str(
            connection.scalar(
                text("select tableoid::regclass::text from ledger_row order by id desc limit 1")
            )
        )


def test_the_application_may_not_touch_a_partition_directly(app: Flask, owner: Engine) -> None:
    write(app)
    known = partitions(owner)
    with owner.begin() as connection:  # as the worker makes them later on
        connection.execute(text("select ensure_partitions(now() + interval '400 days', interval '1 day')"))
    made = set(partitions(owner)) - set(known)
    assert made
    assert "ledger_row_rest" in known
    engine = create_engine(app.config["SETTINGS"].database_url)
    for part in partitions(owner):
        for statement in (f"update {part} set action = 'x'", f"delete from {part}", f"truncate {part}"):
            with engine.connect() as connection, pytest.raises(ProgrammingError, match="permission denied"):
                connection.execute(text(statement))
        with owner.connect() as connection, pytest.raises(ProgrammingError, match="append-only"):
            connection.execute(text(f"truncate {part}"))
    engine.dispose()
    with owner.connect() as connection, pytest.raises(ProgrammingError, match="append-only"):
        connection.execute(text(f"delete from {in_partition(owner)}"))
    with owner.begin() as connection:
        for part in made:
            connection.execute(text(f"drop table {part}"))


CUT = "delete from ledger_batch where batch_no = (select max(batch_no) from ledger_batch)"
CUT_WITH_ROWS = (
    "with gone as (" + CUT + " returning row_ids) delete from ledger_row using gone where id = any(row_ids)"
)
EVERYTHING = "truncate ledger_row, ledger_batch"


@pytest.mark.parametrize(
    ("tamper", "finding"),
    [
        (CUT, "batch_missing: batch 3 is missing at the end"),
        (CUT_WITH_ROWS, "batch_missing: batch 3 is missing at the end"),
        (EVERYTHING, "batch_missing: batch 1–3 is missing at the end"),
        ("delete from ledger_seal_mark", "mark_altered: the mark of the last seal is gone"),
        ("update ledger_seal_mark set batch_no = 2", "mark_altered: the mark of the last seal names batch 2"),
        ("update ledger_seal_mark set hash = '\\x00'", "batch_altered: batch 3 is not the one"),
    ],
)
def test_a_cut_off_end_is_found(app: Flask, owner: Engine, tamper: str, finding: str) -> None:
    for _ in range(3):
        write(app, 2)
        run_seal(app)
    assert verify(app)[0] == 0
    with unlocked(owner) as connection:
        connection.execute(text(tamper))
    code, output = verify(app)
    assert code == 1
    assert f"{STREET}: {finding}" in output


@pytest.mark.parametrize("tamper", [CUT, CUT_WITH_ROWS])
def test_sealing_on_does_not_heal_a_cut(app: Flask, owner: Engine, tamper: str) -> None:
    for _ in range(2):
        write(app, 2)
        run_seal(app)
    with unlocked(owner) as connection:
        connection.execute(text(tamper))
    write(app, 2)
    run_seal(app)
    code, output = verify(app)
    assert code == 1
    assert f"{STREET}: batch_missing: batch 2 is missing before batch 3" in output


def test_a_last_batch_made_anew_is_found_by_mark_and_by_chain(app: Flask, owner: Engine) -> None:
    write(app, 2)
    run_seal(app)
    with unlocked(owner) as connection:
        connection.execute(text("create temp table kept on commit drop as table ledger_seal_mark"))
        connection.execute(text("truncate ledger_batch, ledger_seal_mark"))
        connection.execute(
            text("update ledger_row set action = 'forged' where street_code = :s"), {"s": STREET}
        )
        kept = connection.execute(text("select batch_no, hash from kept")).one()
    run_seal(app)  # a chain that fits in itself
    with unlocked(owner) as connection:
        connection.execute(
            text("update ledger_seal_mark set batch_no = :n, hash = :h"), {"n": kept.batch_no, "h": kept.hash}
        )
    assert f"{STREET}: batch_altered: batch 1 is not the one" in verify(app)[1]
    write(app)
    run_seal(app)
    assert f"{STREET}: batch_altered: batch 2 is not chained to the batch before it" in verify(app)[1]


def test_a_noted_hash_tells_a_ledger_that_was_made_anew(app: Flask, owner: Engine) -> None:
    write(app, 2)
    run_seal(app)
    noted = verify(app)[1].partition("last hash ")[2].split()[0]
    write(app)
    run_seal(app)
    assert verify(app, "--expect", noted.upper())[0] == 0, "a later batch does not matter"
    with unlocked(owner) as connection:
        connection.execute(text("delete from ledger_row where id = (select min(id) from ledger_row)"))
        connection.execute(text("truncate ledger_batch, ledger_seal_mark"))
    run_seal(app)
    assert verify(app)[0] == 0, "whoever makes everything anew leaves no trace in the database"
    code, output = verify(app, "--street", STREET, "--expect", noted)
    assert code == 1
    assert f"{STREET}: noted_missing: no batch has the noted hash {noted}" in output
    assert verify(app, "--expect", "abc")[0] == 2


def test_rows_of_a_street_that_does_not_exist_are_named(app: Flask) -> None:
    write(app)
    write(app, street="310107999")
    run_seal(app)
    code, output = verify(app)
    assert code == 1
    assert output.count("street_unknown") == 1
    assert "310107999: street_unknown: there are ledger rows or batches, but no place" in output


def test_the_mark_only_goes_forward(app: Flask, owner: Engine) -> None:
    write(app)
    run_seal(app)
    for statement in (
        "update ledger_seal_mark set batch_no = 0",
        "update ledger_seal_mark set hash = ''",
        "delete from ledger_seal_mark",
        "truncate ledger_seal_mark",
    ):
        with owner.connect() as connection, pytest.raises(Exception, match=r"append-only|only goes forward"):
            connection.execute(text(statement))


def test_the_locks_hold_for_everybody_who_did_not_switch_them_off(app: Flask, owner: Engine) -> None:
    write(app)
    run_seal(app)
    for engine_url in ("database_url", "owner_database_url"):
        engine = create_engine(getattr(app.config["SETTINGS"], engine_url))
        for table in ("ledger_row", "ledger_batch"):
            for statement in (
                f"delete from {table}",
                f"update {table} set street_code = 'x'",
                f"truncate {table}",
            ):
                with (
                    engine.connect() as connection,
                    pytest.raises(Exception, match=r"append-only|permission"),
                ):
                    connection.execute(text(statement))
        engine.dispose()


def test_two_sealers_at_once_seal_everything_once(app: Flask, owner: Engine) -> None:
    write(app, 200)
    done: list[seal.Sealed] = []
    start = threading.Barrier(4)

    def work() -> None:
        start.wait()
        for _ in range(10):
            done.append(run_seal(app))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    start.wait()
    for _ in range(20):
        write(app, 5)
    for thread in threads:
        thread.join()
    done.append(run_seal(app))
    assert sum(one.rows for one in done) == 300
    ids = listed_ids(owner)
    assert len(ids) == len(set(ids)) == 300
    code, output = verify(app)
    assert code == 0, output


def test_a_database_restored_into_another_cluster_goes_on_being_sealed(
    app: Flask, owner: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its old rows name transactions that the new cluster has not reached."""
    write(app, 2)
    run_seal(app)
    write(app, 2)
    with unlocked(owner) as connection:
        connection.execute(text("update ledger_row set tx = tx + 1000000000"))
        connection.execute(text("truncate ledger_batch, ledger_seal_mark"))
    run_seal(app)  # the account of a ledger that was never sealed
    with owner.connect() as connection:
        assert connection.scalar(text("select sum(cardinality(row_ids)) from ledger_batch")) == 4
    write(app, 3)  # low transaction ids, as after a restore
    assert run_seal(app).rows == 3
    code, output = verify(app)
    assert code == 0, output

    monkeypatch.setattr(
        seal,
        "_MOMENT",
        text(
            "select pg_snapshot_xmin(pg_current_snapshot())::text::bigint as horizon_tx, 'other' as cluster_id"
        ),
    )
    write(app, 2)
    assert run_seal(app).rows == 2
    assert run_seal(app) == seal.Sealed(0, 0)
    write(app, 1)
    assert run_seal(app).rows == 1
    ids = listed_ids(owner)
    assert len(ids) == len(set(ids)) == 10
    assert verify(app)[0] == 0


def test_an_account_of_exactly_full_batches_ends_with_an_empty_one(
    app: Flask, owner: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seal, "BATCH_ROWS", 2)
    write(app, 4)
    with unlocked(owner) as connection:
        connection.execute(text("update ledger_row set tx = tx + 1000000000"))
    assert run_seal(app) == seal.Sealed(4, 3)
    assert verify(app)[0] == 0


def test_an_unknown_street_is_said_to_be_unknown(app: Flask) -> None:
    code, output = verify(app, "--street", "nowhere")
    assert code == 2
    assert "nowhere has no ledger" in output
