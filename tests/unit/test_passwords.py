"""Length instead of composition, Argon2id, and delays that grow into a lock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from argon2 import PasswordHasher

from app.people import passwords

NOW = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "password",
    [
        "ironfeet-demo",
        "correct horse",
        "曹杨新村一九五一年建成的",
        "x1y" * 20,
        "ab cdefghij",
        "a" * 9 + "b" + "c",
    ],
)
def test_long_enough_is_good_enough(password: str) -> None:
    assert passwords.weakness(password, "patrol1") is None


@pytest.mark.parametrize(
    "password",
    [
        "",
        "short",
        "ninechars",
        "曹杨新村",
        "x" * 201,
        "aaaaaaaaaaaa",
        "abababababab",
        "1234567890",
        "QWERTYUIOP",
        "Password123",
        "woaini1314",
        "zhang.wei-310107",
        "ZHANG.WEI-310107",
        "１２３４５６７８９０",  # full-width digits are the same digits
    ],
)
def test_what_anybody_would_try_is_refused(password: str) -> None:
    assert passwords.weakness(password, "zhang.wei-310107") is not None


def test_a_hash_is_argon2id_salted_and_fits_its_password_only() -> None:
    one, two = passwords.hash_password("ironfeet-demo"), passwords.hash_password("ironfeet-demo")
    assert one.startswith("$argon2id$")
    assert one != two
    assert passwords.fits(one, "ironfeet-demo")
    assert not passwords.fits(one, "ironfeet-demO")
    assert not passwords.fits("no hash at all", "ironfeet-demo")
    assert not passwords.is_outdated(one)


def test_other_keyboards_other_bytes_same_password() -> None:
    assert passwords.fits(passwords.hash_password("ｉｒｏｎｆｅｅｔ－ｄｅｍｏ"), "ironfeet-demo")


def test_a_hash_of_other_parameters_is_outdated() -> None:
    assert passwords.is_outdated(PasswordHasher(time_cost=1, memory_cost=64).hash("ironfeet-demo"))


@pytest.mark.parametrize(
    ("failures", "wait_s"),
    [(1, None), (2, None), (3, 1), (4, 2), (5, 4), (6, 8), (7, 16), (8, 900), (9, 900)],
)
def test_delays_grow_into_a_lock(failures: int, wait_s: int | None) -> None:
    allowed_at = passwords.next_try_at(failures, NOW)
    assert allowed_at == (None if wait_s is None else NOW + timedelta(seconds=wait_s))


def test_a_lock_that_was_sat_out_starts_the_count_again() -> None:
    assert [passwords.failures_after(n) for n in (0, 6, 7, 8)] == [1, 7, 8, 1]
