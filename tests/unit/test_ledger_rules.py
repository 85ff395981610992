"""The hash of a row depends on what it says and on nothing else; each kind of tampering has a name."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from app.ledger import rules
from app.ledger.rules import Batch, Frontier, Row, Seal

AT = datetime(2026, 11, 23, 4, 5, 6, 789012, tzinfo=UTC)
ROW = Row(
    street_code="310107005",
    id=7,
    at=AT,
    tx=900,
    actor_kind="user",
    actor_id="01936e2a-0000-7000-8000-000000000001",
    action="round.started",
    subject_kind="round",
    subject_id="r1",
    place_code="G1",
    data={"b": [1, Decimal("2.50")], "a": {"字": "值", "x": None, "y": True}},
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (False, "false"),
        ('a"\\\n字', '"a\\"\\\\\\n字"'),
        (0, "0e0"),
        (Decimal("-0.00"), "0e0"),
        (100, "1e2"),
        (Decimal("31.10"), "311e-1"),
        (Decimal("1E-7"), "1e-7"),
        (-205, "-205e0"),
        (Decimal("9007199254740993.5"), "90071992547409935e-1"),
        ({"b": 1, "a": []}, '{"a":[],"b":1e0}'),
        ([{"z": 1}, "x"], '[{"z":1e0},"x"]'),
    ],
)
def test_canonical_form(value: Any, text: str) -> None:
    assert rules.canonical(value) == text


@pytest.mark.parametrize("value", [1.5, float("nan"), Decimal("NaN"), b"x", {1}])
def test_what_has_no_canonical_form(value: Any) -> None:
    with pytest.raises(TypeError):
        rules.canonical(value)


def test_the_hash_ignores_order_zone_and_number_style() -> None:
    other = json.loads(
        '{ "a":{"y":true,"字":"\\u503c","x":null},   "b":[1.0,25e-1]}', parse_float=Decimal, parse_int=Decimal
    )
    shanghai = AT.astimezone(timezone(timedelta(hours=8)))
    assert rules.row_hash(replace(ROW, data=other, at=shanghai)) == rules.row_hash(ROW)


@pytest.mark.parametrize(
    "change",
    [
        {"street_code": "310107006"},
        {"id": 8},
        {"at": AT + timedelta(microseconds=1)},
        {"tx": 901},
        {"actor_kind": "worker"},
        {"actor_id": None},
        {"action": "round.finished"},
        {"subject_kind": "shift"},
        {"subject_id": "r2"},
        {"place_code": "G2"},
        {"data": {}},
    ],
)
def test_every_column_counts(change: dict[str, Any]) -> None:
    assert rules.row_hash(replace(ROW, **change)) != rules.row_hash(ROW)


def test_the_form_never_changes_unnoticed() -> None:
    """A new form would make every sealed row look changed."""
    assert rules.row_hash(ROW).hex() == "b81698acaf1406eb01ac4d638f82017a49757d271aef31638b92cf5a4db3ad8d"
    assert (
        rules.batch_hash(batch(1)).hex() == "6229641547facd4674cfb3ed0995d2d08a4656c3463e0dd4245a6da756570dc4"
    )


def batch(number: int, previous: Batch | None = None) -> Batch:
    """A sound batch of two rows."""
    made = Batch(
        street_code="310107005",
        batch_no=number,
        sealed_at=AT,
        cluster_id="7",
        floor_id=0,
        horizon_tx=1_000,
        last_tx=900,
        last_id=7,
        row_ids=(6, 7),
        row_hashes=b"a" * 32 + b"b" * 32,
        previous_hash=previous.hash if previous else rules.NO_HASH,
    )
    return replace(made, hash=rules.batch_hash(made))


def test_a_sound_chain_has_no_findings() -> None:
    first = batch(1)
    second = batch(2, first)
    assert rules.check_batch(first, None) == rules.check_batch(second, first) == []


@pytest.mark.parametrize(
    "change",
    [
        {"row_ids": (6, 8)},
        {"row_hashes": b"a" * 64},
        {"sealed_at": AT + timedelta(seconds=1)},
        {"cluster_id": "8"},
        {"floor_id": 1},
        {"horizon_tx": 1},
        {"last_tx": 1},
        {"last_id": 1},
        {"hash": b"c" * 32},
    ],
)
def test_an_altered_batch_is_found(change: dict[str, Any]) -> None:
    (finding,) = rules.check_batch(replace(batch(1), **change), None)
    assert (finding.kind, finding.batch_no) == ("batch_altered", 1)


def test_a_rewritten_batch_breaks_the_chain_after_it() -> None:
    first = batch(1)
    second = batch(2, first)
    rewritten = replace(first, row_hashes=b"c" * 64)
    rewritten = replace(rewritten, hash=rules.batch_hash(rewritten))
    assert rules.check_batch(rewritten, None) == []
    (finding,) = rules.check_batch(second, rewritten)
    assert (finding.kind, finding.batch_no) == ("batch_altered", 2)


def test_missing_batches_are_found() -> None:
    (finding,) = rules.check_batch(batch(4, batch(3)), batch(1))
    assert (finding.kind, finding.batch_no) == ("batch_missing", 2)
    assert "2–3" in finding.detail
    assert [f.kind for f in rules.check_batch(batch(2), None)] == ["batch_missing"]


def test_a_sealed_row_is_changed_backdated_or_fine() -> None:
    seal = Seal(3, rules.row_hash(ROW), AT - timedelta(days=1))
    assert rules.check_sealed(ROW, seal) is None
    changed = rules.check_sealed(replace(ROW, data={}), seal)
    assert changed is not None
    assert (changed.kind, changed.row_id, changed.batch_no) == ("changed", 7, 3)
    backdated = rules.check_sealed(ROW, replace(seal, accounted_at=AT + timedelta(hours=2)))
    assert backdated is not None
    assert (backdated.kind, backdated.row_id) == ("inserted", 7)
    assert rules.check_sealed(ROW, replace(seal, accounted_at=AT + timedelta(minutes=59))) is None


FRONTIER = Frontier(
    same_cluster=True,
    floor_id=5,
    last_tx=800,
    last_id=20,
    accounted_at=AT - timedelta(minutes=1),
    next_tx=1_000,
)


@pytest.mark.parametrize(
    ("row", "frontier", "inserted"),
    [
        ({}, None, False),
        ({}, FRONTIER, False),
        ({"id": 5}, FRONTIER, True),  # below a complete account
        ({"tx": 800}, FRONTIER, True),  # inside the sealed range
        ({"tx": 800, "id": 21}, FRONTIER, False),
        ({"tx": 1_000}, FRONTIER, True),  # from the future
        ({"at": AT - timedelta(hours=2)}, FRONTIER, True),  # long before the last seal
        ({"tx": 3}, replace(FRONTIER, same_cluster=False), False),  # restored: transactions tell nothing
        ({"tx": 3, "id": 4}, replace(FRONTIER, same_cluster=False), True),
    ],
)
def test_an_unsealed_row_is_new_or_inserted(
    row: dict[str, Any], frontier: Frontier | None, inserted: bool
) -> None:
    finding = rules.check_unsealed(replace(ROW, **row), frontier)
    assert (finding is not None and finding.kind == "inserted") is inserted
