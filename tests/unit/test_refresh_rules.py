"""A refresh token dies when its successor is used; a dead one ends the family."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.people.refresh_rules import Family, Token, Verdict, dies_with, expires_at, judge

NOW = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
LATER, EARLIER = NOW + timedelta(days=1), NOW - timedelta(seconds=1)


@pytest.mark.parametrize(
    ("dead", "ended", "expires", "verdict"),
    [
        (False, False, LATER, Verdict.ROTATE),
        (True, False, LATER, Verdict.REUSED),
        (False, True, LATER, Verdict.ENDED),
        (True, True, LATER, Verdict.ENDED),  # ended already: no second end in the ledger
        (False, False, EARLIER, Verdict.ENDED),
        (False, False, NOW, Verdict.ENDED),
        (True, False, EARLIER, Verdict.ENDED),
    ],
)
def test_judging_a_presented_token(dead: bool, ended: bool, expires: datetime, verdict: Verdict) -> None:
    assert judge(Token(b"t", None, dead), Family(ended, expires), NOW) is verdict


def link(name: str, predecessor: str | None, dead: bool = False) -> Token:
    return Token(name.encode(), predecessor.encode() if predecessor else None, dead)


# A family: first → a → b, and a lost answer: a was asked twice, so a → c as well.
FIRST, A, B, C = link("first", None), link("a", "first"), link("b", "a"), link("c", "a")


@pytest.mark.parametrize(
    ("used", "others", "dying"),
    [
        (FIRST, [FIRST], ""),  # the first has nothing before it
        (A, [FIRST, A], "first"),
        (FIRST, [FIRST, A], ""),  # asked again: its unused successor may have arrived or not
        (B, [A, B, C], "ac"),  # the answer with b arrived: a is done, and so is its twin
        (C, [A, B, C], "ab"),
        (B, [link("a", "first", dead=True), B, C], "c"),
        (A, [FIRST, A, B, C], "first"),  # asked again with a: its successors live on
    ],
)
def test_what_dies_with_a_use(used: Token, others: list[Token], dying: str) -> None:
    expected = {b"first"} if dying == "first" else {letter.encode() for letter in dying}
    assert dies_with(used, others) == expected


def test_no_order_of_lost_answers_signs_an_honest_phone_out() -> None:
    """The phone keeps the last token that reached it and asks with that, however often answers get lost."""
    for lost in range(2**6):
        alive: dict[bytes, Token] = {b"0": Token(b"0", None, dead=False)}
        held = alive[b"0"]
        for step in range(1, 7):
            assert held.hash in alive
            for dead in dies_with(held, alive.values()):
                del alive[dead]
            made = Token(str(step).encode(), held.hash, dead=False)
            alive[made.hash] = made
            if not lost >> (step - 1) & 1:
                held = made


def test_thirty_days_idle_ninety_days_at_most() -> None:
    start = NOW
    assert expires_at(start, start) == start + timedelta(days=30)
    assert expires_at(start, start + timedelta(days=20)) == start + timedelta(days=50)
    assert expires_at(start, start + timedelta(days=80)) == start + timedelta(days=90)
