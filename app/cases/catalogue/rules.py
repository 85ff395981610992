"""What a class of problems is, and which limits a case of it gets. Pure.

The values are those of one version of a street's catalogue and never change; a newer version has values
of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from app.timers.worktime import Limit, Unit

KINDS = ("part", "matter")
COMPARISONS = (">", ">=", "any")
URGENT_UNITS = frozenset({"urgent_hours", "urgent_days"})
MODE_OF_LEVEL = {"common": "point", "key": "assign", "difficult": "watch"}

Remark = Literal["below_threshold", "not_measured"]


@dataclass(frozen=True, slots=True)
class Condition:
    """A filing condition: what is seen or measured, and how long there is to resolve it.

    ``comparison`` ``any``: nothing is measured, and ``threshold`` is None.
    """

    ordinal: int
    text: str
    text_en: str
    measure: str
    measure_en: str
    measure_unit: str
    comparison: str
    threshold: float | None
    resolve_amount: float
    resolve_unit: Unit
    closing_condition: str

    @property
    def measured(self) -> bool:
        """Whether the form asks for a number."""
        return self.comparison != "any"

    def met_by(self, value: float) -> bool:
        """Whether the measured *value* (in ``measure_unit``) fulfils the condition."""
        if self.threshold is None:
            return True
        return value >= self.threshold if self.comparison == ">=" else value > self.threshold


@dataclass(frozen=True, slots=True)
class ProblemClass:
    """A class of problems with everything that its cases are judged by; the names are the table's."""

    key: str  # P-01001, M-09005
    kind: str
    code: str
    major: str
    minor: str
    name: str
    name_en: str
    pinyin: str
    initials: str
    level: str
    mode: str
    department: str
    acknowledge_amount: float
    acknowledge_unit: Unit
    resolve_amount: float
    resolve_unit: Unit
    filing_condition: str
    closing_condition: str
    radius_m: float
    local: bool
    standard_ref: str
    source: str
    conditions: tuple[Condition, ...] = ()

    def condition(self, ordinal: int | None) -> Condition | None:
        """The filing condition with that number, or None where there is none."""
        return next((c for c in self.conditions if c.ordinal == ordinal), None)


@dataclass(frozen=True, slots=True)
class Limits:
    """How long there is to acknowledge and to resolve.

    Attributes:
        urgent: the resolve limit runs on the clock, at night and on holidays, too.
        remark: what whoever decides about the case should know about the measured value.
    """

    acknowledge_amount: float
    acknowledge_unit: Unit
    resolve_amount: float
    resolve_unit: Unit
    urgent: bool
    closing_condition: str
    remark: Remark | None = None

    @property
    def acknowledge(self) -> Limit:
        """The limit to acknowledge."""
        return Limit(self.acknowledge_amount, self.acknowledge_unit)

    @property
    def resolve(self) -> Limit:
        """The limit to resolve."""
        return Limit(self.resolve_amount, self.resolve_unit)


def limit_for(
    problem: ProblemClass, condition: Condition | None = None, measured: float | None = None
) -> Limits:
    """The limits of a case of *problem*, found under *condition* (None: no particular one).

    The condition's own limit holds where one is named. The time to acknowledge is the class's, counted
    like the limit to resolve: on the clock where that is urgent, else in working hours.

    A measured value never refuses a case and never changes its limit: a patroller with a tape measure
    in the rain is not an instrument, and a case that should not be one is made void by a person. A value
    that does not reach the threshold, or is missing where one is asked for, is a remark on the case.
    """
    source = condition or problem
    urgent = source.resolve_unit in URGENT_UNITS
    return Limits(
        acknowledge_amount=problem.acknowledge_amount,
        acknowledge_unit="urgent_hours" if urgent else "work_hours",
        resolve_amount=source.resolve_amount,
        resolve_unit=source.resolve_unit,
        urgent=urgent,
        closing_condition=source.closing_condition,
        remark=_remark(condition, measured),
    )


def _remark(condition: Condition | None, measured: float | None) -> Remark | None:
    if condition is None or not condition.measured:
        return None
    if measured is None:
        return "not_measured"
    return None if condition.met_by(measured) else "below_threshold"


def oddities(classes: Iterable[ProblemClass], departments: Mapping[str, str]) -> list[tuple[str, str]]:
    """What is allowed in a catalogue but looks like a mistake: (class key or department, why).

    Args:
        departments: English names by name.
    """
    found = []
    seen: dict[str, str] = {}
    for one in classes:
        if not one.name_en:
            found.append((one.key, "has no English name"))
        if MODE_OF_LEVEL[one.level] != one.mode:
            found.append((one.key, f"has level {one.level}, but mode {one.mode}"))
        if one.name in seen:
            found.append((one.key, f"has the same name as {seen[one.name]}"))
        seen.setdefault(one.name, one.key)
        if one.acknowledge_unit == one.resolve_unit and one.acknowledge_amount > one.resolve_amount:
            found.append((one.key, "gives more time to acknowledge than to resolve"))
    used = {one.department for one in classes}
    found += [(name, "has no English name") for name in sorted(used) if not departments.get(name)]
    return found + [(name, "handles no class") for name in sorted(departments.keys() - used)]
