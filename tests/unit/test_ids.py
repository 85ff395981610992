"""Ids made by the server: they carry their moment, sort in the order of their making, and never repeat."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.core import clock
from app.core.ids import uuid7

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOMENTS = st.integers(0, 930 * 365 * 86_400 * 10**6).map(lambda us: EPOCH + timedelta(microseconds=us))


@given(MOMENTS)
def test_an_id_is_a_version_7_of_its_moment_to_the_millisecond(at: datetime) -> None:
    made = uuid7(at)
    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    assert made.int >> 80 == (at - EPOCH) // timedelta(milliseconds=1)


@given(MOMENTS, st.integers(1, 10**10))
def test_a_later_microsecond_sorts_behind(at: datetime, by: int) -> None:
    assert uuid7(at) < uuid7(at + timedelta(microseconds=by))


def test_ids_of_one_moment_differ_and_sort_in_the_order_of_their_making() -> None:
    with clock.frozen(datetime(2026, 11, 24, 9, 0, tzinfo=UTC)):
        made = [uuid7() for _ in range(10_000) if uuid7(EPOCH)]  # others of another moment in between
    assert len(set(made)) == 10_000
    assert made == sorted(made)
