"""The dry run: the whole timeline that a policy would give a case, by the same rules as a real one. Pure.

Whoever sets a policy can read what would happen to a case that nobody takes up, or takes up late, before
any case is filed under it. Nothing is simulated that the rules do not decide: clocks ring, the policy says
what follows, people do what was assumed of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from app.cases.life import ENDED
from app.cases.policy import escalation
from app.cases.policy.document import TRIGGERS, Policy
from app.cases.policy.escalation import Standing, Step
from app.timers import worktime
from app.timers.worktime import Calendar, Limit

MAX_STEPS: Final = 60
_MOST_RINGS = 5_000  # a bound for the program, not for the policy: faults() has refused what has no end

Kind = Literal["state", "clock", "trigger"]
# A new owner starts these anew, or ends them.
_OF_AN_OWNER: Final = frozenset({"not_acknowledged", "nobody_found"})


@dataclass(frozen=True, slots=True)
class CaseLimits:
    """What a class gives a new case: its limits, the mode it starts in, and whether it is urgent."""

    acknowledge: Limit
    resolve: Limit
    mode: str
    urgent: bool


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What people are taken to do; None: never. Times run on the clock from what came before.

    Attributes:
        on_duty: False: no handler is on duty when the case is filed, or later.
        acknowledged_after: from each dispatch to the owner's acceptance.
        returned_after: from each dispatch to a return by the owner, where that comes before acceptance.
        arbitrated_after: from a return to the arbiter's word.
        resolved_after: from acceptance.
        verified_after: from resolved; the watcher, where there is one, closes the case at once.
        notes_written: the watcher writes every note in time.
    """

    on_duty: bool = True
    acknowledged_after: timedelta | None = None
    returned_after: timedelta | None = None
    arbitrated_after: timedelta | None = None
    resolved_after: timedelta | None = None
    verified_after: timedelta | None = None
    notes_written: bool = False


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happens to the case.

    Attributes:
        kind: the case comes into a state, a clock is started, or a trigger comes.
        what: the state, or the trigger (of a clock: the one that it will be).
        mode: of the case after it.
        state: of the case after it.
        due_at: when the clock that was started, or started anew, rings; None: none was.
        warnings: of that deadline, see :mod:`app.timers.worktime`.
        step: what the policy wanted done; of triggers only.
        owner_stays: the policy wanted another owner, and there was nobody else.
    """

    at: datetime
    kind: Kind
    what: str
    mode: str
    state: str
    due_at: datetime | None = None
    warnings: tuple[str, ...] = ()
    step: Step | None = None
    owner_stays: bool = False


@dataclass(slots=True)
class _Run:
    """The case of a dry run, as it stands."""

    policy: Policy
    limits: CaseLimits
    calendar: Calendar
    assume: Assumptions
    now: datetime
    mode: str
    state: str = "open"
    fired: dict[str, int] = field(default_factory=dict)
    returns: int = 0
    final: bool = False
    waiting: dict[str, datetime] = field(default_factory=dict)  # clocks and what people will do
    ended: set[str] = field(default_factory=set)  # clocks that are at their last resort
    moments: list[Moment] = field(default_factory=list)

    def start(self) -> None:
        """The case is filed; the clock to resolve starts and somebody is looked for."""
        self.tell("state", "open")
        due = worktime.deadline(self.now, self.limits.resolve, self.calendar)
        warn_at = worktime.fraction_at(self.now, self.limits.resolve, self.calendar, (), self.policy.warn_at)
        if due.due_at is not None and warn_at is not None:
            self.waiting |= {"warned": warn_at, "overdue": due.due_at}
            self.tell("clock", "overdue", due_at=due.due_at, warnings=due.warnings)
        if self.assume.on_duty or self.mode != "point":
            self.give_to_owner(self.limits.acknowledge)
        else:
            self.ring("nobody_found")
        if self.mode == "watch":
            self.begin_notes()

    def tell(
        self,
        kind: Kind,
        what: str,
        *,
        due_at: datetime | None = None,
        warnings: tuple[str, ...] = (),
        step: Step | None = None,
        owner_stays: bool = False,
    ) -> None:
        """Note a moment."""
        where = (self.now, kind, what, self.mode, self.state)
        self.moments.append(Moment(*where, due_at, warnings, step, owner_stays))

    def until(self, limit: Limit) -> datetime:
        """When *limit*, starting now, ends."""
        due_at = worktime.deadline(self.now, limit, self.calendar).due_at
        assert due_at is not None  # noqa: S101 - a dry run has no pauses
        return due_at

    def begin_notes(self) -> None:
        """The watcher owes notes from now on."""
        if self.policy.note_cadence is not None and not self.assume.notes_written:
            self.waiting["note_overdue"] = self.until(self.policy.note_cadence)
            self.tell("clock", "note_overdue", due_at=self.waiting["note_overdue"])

    def give_to_owner(self, acknowledge: Limit) -> None:
        """A new owner, who has to accept and does, or returns, or neither."""
        self.state = "dispatched"
        for name in ("accept", "give_back", "resolve", "nobody_found"):
            self.waiting.pop(name, None)
        self.ended.discard("not_acknowledged")
        self.waiting["not_acknowledged"] = self.until(acknowledge)
        accept, give_back = self.assume.acknowledged_after, self.assume.returned_after
        if give_back is not None and not self.final and (accept is None or give_back < accept):
            self.waiting["give_back"] = self.now + give_back
        elif accept is not None:
            self.waiting["accept"] = self.now + accept
        self.tell("state", "dispatched", due_at=self.waiting["not_acknowledged"])

    def act(self, name: str) -> None:
        """Somebody does what was assumed of them."""
        if name == "accept":
            self.come_into("acknowledged", ("not_acknowledged",))
            self.will("resolve", self.assume.resolved_after)
        elif name == "give_back":
            self.returns += 1
            self.come_into("returned", ("not_acknowledged",))
            self.will("arbitrate", self.assume.arbitrated_after)
            self.ring("returned")
        elif name == "arbitrate":
            self.final = escalation.return_is_final(self.policy, self.returns)
            self.give_to_owner(self.limits.acknowledge)
        elif name == "resolve":
            due_at = self.until(self.policy.verify_limit)
            self.come_into("resolved", ("warned", "overdue"), due_at)
            self.waiting["verify_overdue"] = due_at
            self.will("verify", self.assume.verified_after)
        else:
            self.come_into("verified", tuple(self.waiting))
            self.come_into("closed", ())

    def come_into(self, state: str, stopped: tuple[str, ...], due_at: datetime | None = None) -> None:
        """The case comes into *state*, and the clocks *stopped* mean nothing any more."""
        self.state = state
        for name in stopped:
            self.waiting.pop(name, None)
        self.tell("state", state, due_at=due_at)

    def will(self, name: str, after: timedelta | None) -> None:
        """Somebody will do *name* after that time; None: never."""
        if after is not None:
            self.waiting[name] = self.now + after

    def standing(self) -> Standing:
        """The case as the rules see it."""
        return Standing(
            mode=self.mode,
            state=self.state,
            urgent=self.limits.urgent,
            fired=self.fired,
            returns=self.returns,
            owner_is_final=self.final,
            has_watcher=self.mode == "watch",
        )

    def ring(self, trigger: str) -> None:
        """*trigger* has come: do what the policy says, and start the clock anew where it says so."""
        step = escalation.next_step(self.policy, self.standing(), trigger)
        self.fired = escalation.new_fired(self.fired, trigger, step)
        before, self.mode = self.mode, escalation.mode_after(self.mode, step)
        if self.mode != before:
            self.ended.clear()
        limit = escalation.again(step, trigger, self.limits.acknowledge)
        found = step.replace is not None and (step.replace != "next_handler" or self.assume.on_duty)
        stays = step.replace is not None and not found and self.state != "open"
        due_at = None
        if limit is not None and not (step.replace and not stays and trigger in _OF_AN_OWNER):
            due_at = self.until(limit)
        if not (step.last_resort and trigger in self.ended):  # said once; it goes on day after day
            self.tell("trigger", trigger, due_at=due_at, step=step, owner_stays=stays)
        if step.last_resort:
            self.ended.add(trigger)
        if self.mode == "watch" and before != "watch":
            self.begin_notes()
        if found:
            own = limit if trigger == "not_acknowledged" else None
            self.give_to_owner(own or self.limits.acknowledge)
        elif step.replace is not None and not stays:
            self.ring("nobody_found")
        if due_at is not None:
            self.waiting[trigger] = due_at

    @property
    def is_over(self) -> bool:
        """True where nothing new can come: closed, or all that is left are last resorts."""
        return self.state in ENDED or self.ended.issuperset(self.waiting)

    def go_on(self) -> None:
        """The next thing that falls due; at the same moment people come first, then the older clock."""
        name = min(self.waiting, key=lambda one: (self.waiting[one], one in TRIGGERS))
        self.now = self.waiting.pop(name)
        if name not in TRIGGERS:
            self.act(name)
        elif escalation.applies(name, self.state):
            self.ring(name)


def timeline(
    policy: Policy,
    limits: CaseLimits,
    calendar: Calendar,
    starts_at: datetime,
    assumptions: Assumptions,
    *,
    max_steps: int = MAX_STEPS,
) -> list[Moment]:
    """What would happen to a case filed at *starts_at* (aware) under *policy*, in order.

    It ends when the case is closed, when only last resorts are left, or after *max_steps* moments.
    """
    run = _Run(policy, limits, calendar, assumptions, starts_at.astimezone(UTC), limits.mode)
    run.start()
    for _ in range(_MOST_RINGS):
        if run.is_over or len(run.moments) >= max_steps:
            break
        run.go_on()
    return run.moments[:max_steps]
