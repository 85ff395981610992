"""Sound policies for properties: whatever these make may be put in force."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from app.cases.policy.document import RECIPIENTS, RUNNING_ON, SCHEMA, TRIGGERS, Policy, Rule
from app.cases.policy.faults import can_occur
from app.cases.words import MODES
from app.timers.worktime import UNITS, Limit

DEMO_FILE = Path(__file__).parents[1] / "data" / "demo" / "policy.json"

limits = st.builds(Limit, st.sampled_from([0.25, 0.5, 1.0, 4.0, 15.0]), st.sampled_from(UNITS))
tells = st.lists(st.sampled_from(RECIPIENTS), min_size=1, max_size=4, unique=True).map(tuple)
day_or_more = st.builds(Limit, st.sampled_from([1.0, 2.5]), st.sampled_from(["urgent_days", "work_days"]))


@st.composite
def chains(draw: st.DrawFn, mode: str, trigger: str) -> list[Rule]:
    """The rules of one chain, in order, to its end."""
    runs_on = trigger in RUNNING_ON
    may_replace = trigger in {"not_acknowledged", "overdue", "nobody_found", "raised"}
    replaces = st.sampled_from([None, "next_handler"]) if may_replace else st.none()
    rules: list[Rule] = []
    nth = 1

    def add(**columns: Any) -> None:
        urgent = draw(st.sampled_from([None, True, False]))
        rules.append(Rule(mode, trigger, nth, draw(tells), urgent, **columns))

    for _ in range(draw(st.integers(0, 2))):
        times = draw(st.integers(1, 3))
        again_after = draw(limits) if runs_on else None
        add(max_times=times, again_after=again_after, replace=draw(replaces))
        nth += times
    higher = MODES[MODES.index(mode) + 1 :]
    if higher and draw(st.booleans()):
        again_after = draw(limits) if runs_on else None
        add(raise_to=draw(st.sampled_from(higher)), again_after=again_after, replace=draw(replaces))
    elif runs_on:
        add(max_times=None, last_resort=True, again_after=draw(day_or_more))
    else:
        add(max_times=None, replace=draw(replaces))
    return rules


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    """A sound policy with any chains; its rules stand in any order."""
    rules = [
        rule
        for mode in MODES
        for trigger in TRIGGERS
        if can_occur(mode, trigger)
        for rule in draw(chains(mode, trigger))
    ]
    return Policy(
        schema=SCHEMA,
        name="任意",
        name_en="Any",
        number_prefix="CY",
        warn_at=draw(st.sampled_from([0.5, 0.75, 0.9])),
        verify_limit=draw(limits),
        note_cadence=draw(limits),
        returns_final_after=draw(st.integers(1, 4)),
        many_reports=draw(st.integers(1, 5)),
        rules=tuple(draw(st.permutations(rules))) if draw(st.booleans()) else tuple(rules),
    )


def demo_document() -> dict[str, Any]:
    """The policy of the demonstration street, as it lies in its file."""
    found: dict[str, Any] = json.loads(DEMO_FILE.read_text(encoding="utf-8"))
    return found
