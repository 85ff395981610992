"""The escalation policy: who is told and who takes over when a case is not moving. Pure.

A policy is data of the street, kept in versions; a case keeps the version it was filed under. Its rules
form chains: for each mode (点到人, 定到人, 盯到人) and each trigger the rules for the first, second, …
occurrence of that trigger while the case is in that mode. A chain of a clock that runs on until somebody
acts ends by raising the case to a harder mode, or at a last resort that is told again every day;
:mod:`app.cases.policy.faults` refuses a policy in which one does not.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, fields
from typing import Any, Final

from app.cases.policy.messages import LANGUAGES, MESSAGES, say
from app.cases.words import MODES
from app.timers.worktime import UNITS, Limit

SCHEMA: Final = 1
TRIGGERS: Final = (
    "not_acknowledged",
    "warned",
    "overdue",
    "returned",
    "reopened",
    "raised",
    "many_reports",
    "verify_overdue",
    "note_overdue",
    "hold_ended",
    "nobody_found",
)
# Clocks that ring again until somebody acts; the other triggers have a cause of their own each time.
RUNNING_ON: Final = frozenset(
    {"not_acknowledged", "overdue", "verify_overdue", "note_overdue", "nobody_found"}
)
RECIPIENTS: Final = (
    "owner",
    "co_handlers",
    "watcher",
    "arbiter",
    "verifier",
    "reporter",
    "dispatchers",
    "unit_head",
    "area_head",
    "leaders",
)
REPLACEMENTS: Final = ("next_handler", "named_owner", "unit_head", "duty_desk")
MAX_RULES: Final = 200
MAX_AMOUNT: Final = 1_000.0  # of a limit in a policy
MIN_AMOUNT: Final = 0.01  # of any unit: what comes round faster would ring without end
MAX_TIMES: Final = 20  # of one rule, unless it is a last resort
_MAX_NAME = 80
_PREFIX = re.compile(r"[A-Z0-9]{1,6}")


@dataclass(frozen=True, slots=True)
class Rule:
    """What happens when *trigger* comes for the *nth* time while a case is in *mode*.

    Attributes:
        nth: the first occurrence that this rule answers, from 1; counted anew in each mode.
        tell: who is told; ``owner`` is whoever is the owner after this rule.
        urgent: told at night, too; None: where the case is urgent.
        replace: who becomes the owner instead; None: nobody, but see :attr:`new_owner`.
        raise_to: the mode that the case goes to.
        again_after: when the same clock rings again unless somebody has acted. None: after that clock's
            own limit (to acknowledge, to verify, to write a note); other clocks have none.
        max_times: how many occurrences this rule answers; None: all that follow.
        last_resort: the end of the chain: told again, day after day, until somebody acts.
    """

    mode: str
    trigger: str
    nth: int = 1
    tell: tuple[str, ...] = ()
    urgent: bool | None = None
    replace: str | None = None
    raise_to: str | None = None
    again_after: Limit | None = None
    max_times: int | None = 1
    last_resort: bool = False

    @property
    def new_owner(self) -> str | None:
        """Who becomes the owner: a 点到人 case that is raised goes to its named owner, if the rule names
        nobody else; one that was raised before keeps the owner it has."""
        if self.replace is None and self.raise_to is not None and self.mode == "point":
            return "named_owner"
        return self.replace

    def answers(self, nth: int) -> bool:
        """True where the *nth* occurrence is one of this rule's."""
        return self.nth <= nth and (self.max_times is None or nth < self.nth + self.max_times)


@dataclass(frozen=True, slots=True)
class Policy:
    """A street's escalation policy.

    Attributes:
        schema: of the document's form.
        number_prefix: of case numbers, 1 to 6 capital letters or digits.
        warn_at: the share of the resolve limit after which the owner is warned, between 0 and 1.
        verify_limit: from resolved to verified.
        note_cadence: at least this often the watcher writes a note; None is a fault.
        returns_final_after: after so many returns the owner whom the arbiter names is final.
        many_reports: so many reports of one case are a trigger, and so is each multiple.
    """

    schema: int
    name: str
    name_en: str
    number_prefix: str
    warn_at: float
    verify_limit: Limit
    note_cadence: Limit | None
    returns_final_after: int
    many_reports: int
    rules: tuple[Rule, ...]

    def chain(self, mode: str, trigger: str) -> list[tuple[int, Rule]]:
        """The rules of *mode* and *trigger* in the order of their occurrences, each with its index."""
        found = [(i, r) for i, r in enumerate(self.rules) if (r.mode, r.trigger) == (mode, trigger)]
        return sorted(found, key=lambda pair: pair[1].nth)


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong with a policy.

    Attributes:
        path: where: ``rules[3].tell[1]``.
        code: stable, for programs.
        zh, en: one sentence for people, which says what to do.
    """

    path: str
    code: str
    zh: str
    en: str


class PolicyFault(Exception):
    """A policy that cannot be used; *faults* say why."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(f"{fault.path}: {fault.en}" for fault in self.faults[:5]))


def make_fault(path: str, code: str, **values: object) -> Fault:
    """A fault with its words; values named ``mode``, ``to``, ``trigger``, ``who`` are told by their names."""
    named = {"mode": "mode", "to": "mode", "trigger": "trigger", "who": "replacement"}

    def told(lang: str) -> str:
        words = {k: MESSAGES[lang][f"{named[k]}.{v}"] if k in named else v for k, v in values.items()}
        return say(lang, f"fault.{code}", **words)

    zh, en = map(told, LANGUAGES)
    return Fault(path, code, zh, en)


class _Reader:
    """Reads a JSON value into a policy and notes every fault on the way, not only the first."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []

    def fault(self, path: str, code: str, **values: object) -> None:
        """Note a fault."""
        self.faults.append(make_fault(path, code, **values))

    def members(
        self, value: Any, path: str, known: Collection[str], needed: Collection[str]
    ) -> dict[str, Any]:
        """The known members of an object; unknown and missing ones are faults."""
        if not isinstance(value, dict):
            self.fault(path, "not_an_object")
            return {}
        for name in value:
            if name not in known:
                self.fault(_join(path, str(name)[:40]), "unknown_member")
        for name in needed:
            if name not in value:
                self.fault(_join(path, name), "missing")
        return {name: member for name, member in value.items() if name in known}

    def word(self, value: Any, path: str, known: Collection[str]) -> str:
        """One of the *known* words."""
        if isinstance(value, str) and value in known:
            return value
        self.fault(path, "unknown_word", words=", ".join(known))
        return ""

    def text(self, value: Any, path: str) -> str:
        """A name that can be seen."""
        if isinstance(value, str) and 0 < len(value.strip()) <= _MAX_NAME and value.isprintable():
            return value
        self.fault(path, "not_a_name", most=_MAX_NAME)
        return ""

    def whole(self, value: Any, path: str, most: int) -> int:
        """A whole number from 1 to *most*."""
        if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= most:
            return value
        self.fault(path, "not_a_count", most=most)
        return 1

    def flag(self, value: Any, path: str) -> bool:
        """True or false."""
        if isinstance(value, bool):
            return value
        self.fault(path, "not_true_or_false")
        return False

    def share(self, value: Any, path: str) -> float:
        """A number between 0 and 1."""
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1:
            return float(value)
        self.fault(path, "not_a_share")
        return 0.5

    def limit(self, value: Any, path: str) -> Limit:
        """An amount of a unit of working time."""
        got = self.members(value, path, ("amount", "unit"), ("amount", "unit"))
        amount, unit = got.get("amount"), got.get("unit")
        number = float(amount) if isinstance(amount, int | float) and abs(amount) <= MAX_AMOUNT else 0.0
        if "unit" in got:
            self.word(unit, _join(path, "unit"), UNITS)
        if "amount" in got and (isinstance(amount, bool) or not number >= MIN_AMOUNT):
            self.fault(
                _join(path, "amount"), "limit_out_of_bounds", least=f"{MIN_AMOUNT:g}", most=f"{MAX_AMOUNT:g}"
            )
            number = 1.0
        for known in UNITS:
            if unit == known:
                return Limit(number or 1.0, known)
        return Limit(1.0, "urgent_hours")

    def tell(self, value: Any, path: str) -> tuple[str, ...]:
        """Who is told."""
        if not isinstance(value, list) or len(value) > len(RECIPIENTS):
            self.fault(path, "not_a_list", most=len(RECIPIENTS))
            return ()
        return tuple(self.word(who, f"{path}[{i}]", RECIPIENTS) for i, who in enumerate(value))

    def rule(self, value: Any, path: str) -> Rule:
        """One rule; members left out have the defaults of :class:`Rule`."""
        known = [field.name for field in fields(Rule)]
        got = self.members(value, path, known, ("mode", "trigger", "tell"))

        def at(name: str, read: Any, default: Any, *more: Any, none: bool = False) -> Any:
            if name not in got or (none and got[name] is None):
                return None if name in got else default
            return read(got[name], _join(path, name), *more)

        return Rule(
            mode=at("mode", self.word, "", MODES),
            trigger=at("trigger", self.word, "", TRIGGERS),
            nth=at("nth", self.whole, 1, 1000),
            tell=at("tell", self.tell, ()),
            urgent=at("urgent", self.flag, None, none=True),
            replace=at("replace", self.word, None, REPLACEMENTS, none=True),
            raise_to=at("raise_to", self.word, None, MODES, none=True),
            again_after=at("again_after", self.limit, None, none=True),
            max_times=at("max_times", self.whole, 1, MAX_TIMES, none=True),
            last_resort=at("last_resort", self.flag, False),
        )

    def rules(self, value: Any) -> tuple[Rule, ...]:
        """All rules."""
        if not isinstance(value, list) or len(value) > MAX_RULES:
            self.fault("rules", "not_a_list", most=MAX_RULES)
            return ()
        return tuple(self.rule(rule, f"rules[{i}]") for i, rule in enumerate(value))


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def read_policy(document: Any) -> Policy:
    """The policy that a JSON value describes; whether it makes sense is for ``policy_faults.faults``.

    Raises:
        PolicyFault: where its form is wrong, with every fault found.
    """
    reader = _Reader()
    known = [field.name for field in fields(Policy)]
    got = reader.members(document, "", known, known)
    schema = got.get("schema", SCHEMA)
    if type(schema) is not int or schema != SCHEMA:
        reader.fault("schema", "other_schema", schema=SCHEMA)
    prefix = got.get("number_prefix", "X")
    if not (isinstance(prefix, str) and _PREFIX.fullmatch(prefix)):
        reader.fault("number_prefix", "not_a_prefix")
    cadence = got.get("note_cadence")
    policy = Policy(
        schema=SCHEMA,
        name=reader.text(got.get("name", "-"), "name"),
        name_en=reader.text(got.get("name_en", "-"), "name_en"),
        number_prefix=str(prefix),
        warn_at=reader.share(got.get("warn_at", 0.5), "warn_at"),
        verify_limit=_limit_or_any(reader, got, "verify_limit"),
        note_cadence=None if cadence is None else reader.limit(cadence, "note_cadence"),
        returns_final_after=reader.whole(got.get("returns_final_after", 1), "returns_final_after", MAX_TIMES),
        many_reports=reader.whole(got.get("many_reports", 2), "many_reports", 1000),
        rules=reader.rules(got.get("rules", [])),
    )
    if reader.faults:
        raise PolicyFault(reader.faults)
    return policy


def _limit_or_any(reader: _Reader, got: dict[str, Any], name: str) -> Limit:
    """The limit; where the member is missing, which is noted already, any one."""
    return reader.limit(got[name], name) if name in got else Limit(1.0, "urgent_hours")


def _limit_document(limit: Limit) -> dict[str, Any]:
    return {"amount": int(limit.amount) if limit.amount.is_integer() else limit.amount, "unit": limit.unit}


def document(policy: Policy) -> dict[str, Any]:
    """The canonical JSON object of *policy*: members that say nothing new are left out of its rules."""
    written: dict[str, Any] = {field.name: getattr(policy, field.name) for field in fields(policy)}
    written["verify_limit"] = _limit_document(policy.verify_limit)
    written["note_cadence"] = _limit_document(policy.note_cadence) if policy.note_cadence else None
    written["rules"] = [_rule_document(rule) for rule in policy.rules]
    return written


def _rule_document(rule: Rule) -> dict[str, Any]:
    written: dict[str, Any] = {}
    for field in fields(rule):
        value = getattr(rule, field.name)
        if isinstance(value, Limit):
            written[field.name] = _limit_document(value)
        elif field.name == "tell":
            written["tell"] = list(value)
        elif field.name in {"mode", "trigger"} or value != field.default:
            written[field.name] = value
    return written
