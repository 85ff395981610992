"""The life of a case: which step is legal, for whom, and where it leads. Pure.

The table is ``life.json``, which the phone reads, too; ``tests/vectors/case_life.json`` holds both sides
to the same answers.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

_TABLE = json.loads((Path(__file__).parent / "life.json").read_text(encoding="utf-8"))

STATES: Final[tuple[str, ...]] = tuple(_TABLE["states"])
ENDED: Final[frozenset[str]] = frozenset(_TABLE["ended"])


@dataclass(frozen=True, slots=True)
class Step:
    """One row of the table.

    Attributes:
        to: the state it leads to; ``same``, or ``previous``: that before the hold.
        by: whose step it is; any one of these will do.
        needs: what has to come with it: text, photos, until, amount, person, parent.
    """

    name: str
    from_states: frozenset[str]
    to: str
    by: frozenset[str]
    needs: frozenset[str]


STEPS: Final[dict[str, Step]] = {
    name: Step(name, frozenset(row["from"]), row["to"], frozenset(row["by"]), frozenset(row["needs"]))
    for name, row in _TABLE["steps"].items()
}

Refusal = Literal["state", "part"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The state a step leads to, or why it is refused: ``state`` (not now) or ``part`` (not you)."""

    to_state: str | None
    refusal: Refusal | None = None


def decide(state: str, previous_state: str | None, step: str, parts: Collection[str]) -> Verdict:
    """May somebody with *parts* take *step* on a case in *state*?

    Args:
        previous_state: of a case on hold, where the hold began.
        parts: what the person is to the case (owner, watcher …) and what their posts let them be
            (dispatcher, verifier, supervisor, reporter); ``system`` for the rules themselves.

    Raises:
        KeyError: for a step that is not in the table; a typing mistake must not be a silent no.
    """
    row = STEPS[step]
    if state not in row.from_states:
        return Verdict(None, "state")
    if not row.by.intersection(parts):
        return Verdict(None, "part")
    if row.to == "same":
        return Verdict(state)
    return Verdict((previous_state or "acknowledged") if row.to == "previous" else row.to)


def open_steps(state: str, parts: Collection[str]) -> tuple[str, ...]:
    """The steps that somebody with *parts* may take now, in the table's order."""
    return tuple(
        name for name, row in STEPS.items() if state in row.from_states and row.by.intersection(parts)
    )
