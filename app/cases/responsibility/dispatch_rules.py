"""Who gets a case. Pure: people as they stand now go in, one of them (or nobody) comes out, with why.

Nobody is a legal answer: the case is then open without an owner, which is a fact with rules of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

LOAD_BAND = 3  # so many open cases more or less are no reason to send somebody from further away
DISTANCE_BAND_M = 100.0  # less than that is within what positions in streets are worth

Why = Literal[
    "responsible", "next", "owner", "deputy", "watcher", "arbiter", "verifier",
    "unit_head", "leader", "duty_desk", "nobody",
]  # fmt: skip
Fact = Literal[
    "nobody_on_duty", "nobody_responsible", "owner_away", "owner_left", "owner_asked_before",
    "owner_off_duty", "no_owner", "no_deputy", "no_unit_head", "no_duty_desk", "reporter_verifies",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody who might take a part in a case, as they stand now.

    Attributes:
        specificity: how closely the matrix (or the post) names just this case; higher is closer.
        rank: 1 is asked first among equally specific ones.
        on_duty: has a running shift.
        distance_m: from the last position to the case; None where it is not known.
        open_cases: cases not yet ended that they answer for.
        away: noted as absent now.
        in_force: an active person with a post in force that lets them do it here.
        at_desk: a dispatcher, who works without a shift.
    """

    user_id: UUID
    specificity: int = 0
    rank: int = 1
    on_duty: bool = False
    distance_m: float | None = None
    open_cases: int = 0
    away: bool = False
    in_force: bool = True
    at_desk: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """The person chosen (None: nobody), how it came about, and what to know about it."""

    user_id: UUID | None
    why: Why
    facts: tuple[Fact, ...] = ()

    def after(self, *facts: Fact) -> Choice:
        """The same choice, with *facts* that came before."""
        return Choice(self.user_id, self.why, (*facts, *self.facts))


NOBODY = Choice(None, "nobody")


def available(candidates: Iterable[Candidate], tried: frozenset[UUID] = frozenset()) -> list[Candidate]:
    """Those who can be asked: in force, not away, not tried."""
    return [c for c in candidates if c.in_force and not c.away and c.user_id not in tried]


def choose_point(candidates: Sequence[Candidate], tried: frozenset[UUID] = frozenset()) -> Choice:
    """点到人: the right person on duty, nobody who was tried before.

    Responsibility first, then the lesser load, then the shorter way. Bands keep two open cases or fifty
    metres from deciding; the last resort is the id, so that the same people give the same answer.
    """
    on_duty = [c for c in available(candidates, tried) if c.on_duty]
    if not on_duty:
        return Choice(None, "nobody", ("nobody_on_duty" if candidates else "nobody_responsible",))
    best = min(on_duty, key=_point_order)
    return Choice(best.user_id, "next" if tried else "responsible")


def _point_order(c: Candidate) -> tuple[int, int, int, float, int, UUID]:
    return (-c.specificity, c.rank, c.open_cases // LOAD_BAND, _band(c), c.open_cases, c.user_id)


def _band(c: Candidate) -> float:
    return float("inf") if c.distance_m is None else c.distance_m // DISTANCE_BAND_M


def choose_owner(
    owners: Sequence[Candidate], deputies: Sequence[Candidate], tried: frozenset[UUID] = frozenset()
) -> Choice:
    """定到人: the named owner; the deputy where the owner cannot; then whoever else is named as owner.

    A named owner answers for it on duty or not; that they are off duty is a fact to be told.
    """
    named = sorted(owners, key=_named_order)
    if named and available(named[:1], tried):
        return Choice(named[0].user_id, "owner", () if named[0].on_duty else ("owner_off_duty",))
    fact = _owner_fact(named[0]) if named else "no_owner"
    for why, people in (("deputy", deputies), ("next", named)):
        free = available(people, tried)
        if free:
            best = min(free, key=_named_order)
            return Choice(best.user_id, "deputy" if why == "deputy" else "next", (fact,))
    return Choice(None, "nobody", (fact, "no_deputy"))


def _named_order(c: Candidate) -> tuple[int, int, UUID]:
    return (-c.specificity, c.rank, c.user_id)


def _owner_fact(owner: Candidate) -> Fact:
    if not owner.in_force:
        return "owner_left"
    return "owner_away" if owner.away else "owner_asked_before"


def choose_watcher(candidates: Sequence[Candidate], exclude: frozenset[UUID] = frozenset()) -> Choice:
    """盯到人: the named watcher, who is none of *exclude* (the owner)."""
    free = available(candidates, exclude)
    return Choice(min(free, key=_named_order).user_id, "watcher") if free else NOBODY


def choose_arbiter(candidates: Sequence[Candidate], owner_id: UUID | None) -> Choice:
    """Who decides about a return: the named arbiter, never the owner whose return it is."""
    free = available(candidates, frozenset({owner_id}) if owner_id else frozenset())
    return Choice(min(free, key=_named_order).user_id, "arbiter") if free else NOBODY


def choose_verifier(
    candidates: Sequence[Candidate],
    exclude: frozenset[UUID] = frozenset(),
    avoid: frozenset[UUID] = frozenset(),
) -> Choice:
    """Who looks whether it is gone: near and on duty first, then the desk, then those off duty.

    Args:
        exclude: never (who resolved it, who answers for it).
        avoid: only where there is nobody else (who found it).
    """
    free = available(candidates, exclude)
    if not free:
        return NOBODY
    best = min(free, key=lambda c: (c.user_id in avoid, _readiness(c), _band(c), -c.specificity, c.user_id))
    return Choice(best.user_id, "verifier", ("reporter_verifies",) if best.user_id in avoid else ())


def _readiness(c: Candidate) -> int:
    return 0 if c.on_duty else 1 if c.at_desk else 2


def choose_unit_head(candidates: Sequence[Candidate], exclude: frozenset[UUID] = frozenset()) -> Choice:
    """The supervisor closest to the place, on duty or not."""
    free = available(candidates, exclude)
    if not free:
        return Choice(None, "nobody", ("no_unit_head",))
    best = min(free, key=lambda c: (-c.specificity, not c.on_duty, c.open_cases, c.user_id))
    return Choice(best.user_id, "unit_head")


def choose_duty_desk(candidates: Sequence[Candidate], exclude: frozenset[UUID] = frozenset()) -> Choice:
    """The dispatcher who has the least on the desk."""
    free = available(candidates, exclude)
    if not free:
        return Choice(None, "nobody", ("no_duty_desk",))
    return Choice(min(free, key=lambda c: (c.open_cases, -c.specificity, c.user_id)).user_id, "duty_desk")


def choose_leader(candidates: Sequence[Candidate], exclude: frozenset[UUID] = frozenset()) -> Choice:
    """A leader of the place, where nobody nearer to it can watch or decide."""
    free = available(candidates, exclude)
    return Choice(min(free, key=_named_order).user_id, "leader") if free else NOBODY


def fallback(
    unit_heads: Sequence[Candidate], duty_desk: Sequence[Candidate], tried: frozenset[UUID] = frozenset()
) -> Choice:
    """Where nobody else can be found: the unit's head, then the duty desk, then nobody, as a fact."""
    return first(choose_unit_head(unit_heads, tried), choose_duty_desk(duty_desk, tried))


def first(*choices: Choice) -> Choice:
    """The first choice that is somebody; the facts of those before it are kept."""
    facts: tuple[Fact, ...] = ()
    for choice in choices:
        if choice.user_id is not None:
            return choice.after(*facts)
        facts += choice.facts
    return Choice(None, "nobody", facts)
