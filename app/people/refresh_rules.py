"""What happens to a family of refresh tokens when one of them is presented. Pure.

A session is a family: each refresh answers with a successor of the token it was asked with. On a bad
line that answer can get lost, and the phone asks again with the token it still has. So a token does not
die when its successor is made but when a successor is *used*: only then is it certain that the answer
arrived. Whoever presents a dead token holds a copy of something that was passed on; nobody can tell
which of the two is the thief, so the whole family ends.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

IDLE = timedelta(days=30)
ABSOLUTE = timedelta(days=90)


class Verdict(StrEnum):
    """What to do with a presented token."""

    ROTATE = "rotate"  # answer with a successor
    ENDED = "ended"  # the session is over; nothing else happens
    REUSED = "reused"  # a dead token: end the family


@dataclass(frozen=True, slots=True)
class Token:
    """One link of a family; ``dead`` since one of its successors, or a twin of it, was used."""

    hash: bytes
    predecessor_hash: bytes | None
    dead: bool


@dataclass(frozen=True, slots=True)
class Family:
    """The session that the tokens belong to."""

    ended: bool
    expires_at: datetime


def judge(token: Token, family: Family, now: datetime) -> Verdict:
    """Decide about a presented *token* of *family*."""
    if family.ended or family.expires_at <= now:
        return Verdict.ENDED
    return Verdict.REUSED if token.dead else Verdict.ROTATE


def dies_with(used: Token, others: Iterable[Token]) -> frozenset[bytes]:
    """Hashes of the tokens that die because *used* is used: its predecessor, and its twins.

    Twins are other successors of the same predecessor, made because an answer seemed lost.
    """
    if used.predecessor_hash is None:
        return frozenset()
    return frozenset(
        other.hash
        for other in others
        if other.hash != used.hash
        and used.predecessor_hash in (other.hash, other.predecessor_hash)
        and not other.dead
    )


def expires_at(started_at: datetime, used_at: datetime) -> datetime:
    """When a session ends by itself: unused for 30 days, and 90 days after the start at the latest."""
    return min(used_at + IDLE, started_at + ABSOLUTE)
