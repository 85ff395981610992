"""Who is told how and when: the ladder, quiet hours, pauses of dead providers. Pure.

The ladder of a notification is a list of rungs, each a channel with a delay after the telling. Delays
count waking time: for all but urgent news the clock stands still in quiet hours, so nothing is lost at
night and nothing comes in a heap in the morning. After the last rung comes one more step, giving up.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

KINDS = (
    "case.dispatched",
    "case.co_handler",
    "case.watching",
    "case.not_acknowledged",
    "case.warned",
    "case.overdue",
    "case.replaced",
    "case.returned",
    "case.arbitrated",
    "case.to_verify",
    "case.verify_overdue",
    "case.rework",
    "case.verified",
    "case.closed",
    "case.reopened",
    "case.note_due",
    "case.note_overdue",
    "case.hold_ended",
    "case.raised",
    "case.nobody_on_duty",
    "case.many_reports",
    "case.extension_asked",
    "case.extension_decided",
    "case.hold_asked",
    "case.hold_decided",
    "case.voided",
    "case.arrived",
)
LIVE, WEB_PUSH, WECOM, SMS = CHANNELS = ("live", "web_push", "wecom", "sms")
LANGUAGES = ("zh", "en")
STATES = ("acknowledged", "shown", "sent", "waiting", "not_reached")

LOCAL = ZoneInfo("Asia/Shanghai")
DAY_MINUTES = 24 * 60
MAX_DELAY_S = 7 * 24 * 3600


class PolicyError(ValueError):
    """A policy that cannot work; the text says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Rung:
    """One step of the ladder: a channel and its delay after the telling, in seconds of waking time."""

    channel: str
    after_s: int
    urgent_after_s: int

    def delay_s(self, urgent: bool) -> int:
        """The delay for news that are urgent, or are not."""
        return self.urgent_after_s if urgent else self.after_s


@dataclass(frozen=True, slots=True)
class Quiet:
    """Quiet hours as minutes of the local day, over midnight where *from* is later; equal: none."""

    from_minute: int
    until_minute: int

    @property
    def length(self) -> int:
        """In minutes; 0 where there are none."""
        return (self.until_minute - self.from_minute) % DAY_MINUTES

    def covers(self, minute: int) -> bool:
        """True where that minute of the day is quiet; the last one is not."""
        return (minute - self.from_minute) % DAY_MINUTES < self.length

    def contains(self, other: Quiet) -> bool:
        """True where every quiet minute of *other* is quiet here, too."""
        return (other.from_minute - self.from_minute) % DAY_MINUTES + other.length <= self.length or (
            other.length == 0
        )


NO_QUIET = Quiet(0, 0)
MOST_QUIET_MINUTES = 18 * 60  # of a person's own day: whoever is told of a case must be awake for some of it


@dataclass(frozen=True, slots=True)
class Policy:
    """How a street tells its people."""

    rungs: tuple[Rung, ...]
    give_up_after_s: int
    quiet: Quiet


@dataclass(frozen=True, slots=True)
class Step:
    """The next thing the ladder does: the rung *channel* at *at*, or giving up where it is None."""

    at: datetime
    channel: str | None


@dataclass(frozen=True, slots=True)
class Plan:
    """The ladder of one person: their order of channels, their quiet hours."""

    rungs: tuple[Rung, ...]
    give_up_after_s: int
    quiet: Quiet

    def delay_s(self, used: int, urgent: bool) -> int:
        """Seconds of waking time from the telling to the step after *used* others; the last gives up."""
        if used < len(self.rungs):
            return self.rungs[used].delay_s(urgent)
        return (self.rungs[-1].delay_s(urgent) if self.rungs else 0) + self.give_up_after_s


def minute_of(text: str) -> int:
    """The minute of the day of ``"22:00"``.

    Raises:
        PolicyError: where it is no time of day.
    """
    if not isinstance(text, str) or not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", text):
        raise PolicyError(f"{text!r} is not a time of day such as 22:00.")
    return int(text[:2]) * 60 + int(text[3:])


def clock_of(minute: int) -> str:
    """``"22:00"`` for 1320."""
    return f"{minute // 60:02d}:{minute % 60:02d}"


def parse_policy(document: Mapping[str, Any]) -> Policy:
    """Read a policy as data (see ``policy.json``).

    Raises:
        PolicyError: where something is missing, unknown, out of order or out of range.
    """
    if set(document) != {"rungs", "give_up_after_s", "quiet"} or not isinstance(document["rungs"], list):
        raise PolicyError("A policy has rungs (a list), give_up_after_s and quiet.")
    rungs = tuple(_parse_rung(rung) for rung in document["rungs"])
    channels = [rung.channel for rung in rungs]
    if len(set(channels)) != len(channels):
        raise PolicyError("A channel may be on the ladder once only.")
    if not set(channels) - {LIVE}:
        raise PolicyError("The ladder needs a channel besides the live page, which reaches open pages only.")
    for urgent in (False, True):
        delays = [rung.delay_s(urgent) for rung in rungs]
        if delays != sorted(delays):
            raise PolicyError("The rungs must stand in the order of their delays.")
    if any(rung.urgent_after_s > rung.after_s for rung in rungs):
        raise PolicyError("Urgent news must not be slower than others.")
    quiet = document["quiet"]
    if not isinstance(quiet, Mapping) or set(quiet) != {"from", "until"}:
        raise PolicyError("Quiet hours have from and until.")
    return Policy(
        rungs,
        _seconds(document["give_up_after_s"], "give_up_after_s"),
        Quiet(minute_of(quiet["from"]), minute_of(quiet["until"])),
    )


def _parse_rung(rung: Any) -> Rung:
    if not isinstance(rung, Mapping) or set(rung) != {"channel", "after_s", "urgent_after_s"}:
        raise PolicyError("A rung has channel, after_s and urgent_after_s.")
    if rung["channel"] not in CHANNELS:
        raise PolicyError(f"{rung['channel']!r} is not a channel; there are {', '.join(CHANNELS)}.")
    return Rung(
        rung["channel"],
        _seconds(rung["after_s"], "after_s"),
        _seconds(rung["urgent_after_s"], "urgent_after_s"),
    )


def _seconds(value: Any, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_DELAY_S:
        raise PolicyError(f"{name} must be whole seconds, at most {MAX_DELAY_S}.")
    return value


def plan_for(policy: Policy, order: Sequence[str] = (), quiet: Quiet | None = None) -> Plan:
    """The ladder of one person: the street's delays, its channels in the person's *order*.

    The live page stays where it is. What the street does not use is left out of *order*, what *order*
    does not name comes last. *quiet* hours count where they contain the street's.
    """
    given = [rung for rung in policy.rungs if rung.channel != LIVE]
    allowed = [rung.channel for rung in given]
    wanted = [channel for channel in dict.fromkeys(order) if channel in allowed]
    wanted += [channel for channel in allowed if channel not in wanted]
    turned = iter(
        Rung(channel, rung.after_s, rung.urgent_after_s) for channel, rung in zip(wanted, given, strict=True)
    )
    rungs = tuple(rung if rung.channel == LIVE else next(turned) for rung in policy.rungs)
    own = quiet if quiet is not None and quiet.contains(policy.quiet) else policy.quiet
    return Plan(rungs, policy.give_up_after_s, own)


def next_rung(
    plan: Plan, used: int, told_at: datetime, *, urgent: bool, climbed_at: datetime | None = None
) -> Step | None:
    """What comes after *used* steps; None where the ladder is over.

    Args:
        told_at: when the person was told (aware).
        climbed_at: when the last step was really taken: after a standstill of the worker the rungs keep
            their distance instead of coming all at once.
    """
    if used > len(plan.rungs):
        return None
    channel = plan.rungs[used].channel if used < len(plan.rungs) else None
    if channel == LIVE:
        return Step(told_at, channel)
    delay_s = plan.delay_s(used, urgent)
    quiet = NO_QUIET if urgent else plan.quiet
    at = awake_after(told_at, delay_s, quiet)
    if climbed_at is not None and used > 0:
        at = max(at, awake_after(climbed_at, delay_s - plan.delay_s(used - 1, urgent), quiet))
    return Step(at, channel)


def steps(plan: Plan, told_at: datetime, *, urgent: bool) -> list[Step]:
    """All steps of a ladder in their order; the last one gives up."""
    found = (next_rung(plan, used, told_at, urgent=urgent) for used in range(len(plan.rungs) + 1))
    return [step for step in found if step is not None]


def awake_after(start: datetime, delay_s: int, quiet: Quiet) -> datetime:
    """The first moment outside *quiet* with *delay_s* seconds outside of it since *start*."""
    left = timedelta(seconds=delay_s)
    moment = start
    while True:
        if quiet.covers(_minute(moment)):
            moment = _next_at(moment, quiet.until_minute)
        if quiet.length == 0:
            return moment + left
        begins = _next_at(moment, quiet.from_minute)
        if moment + left < begins:
            return moment + left
        left -= begins - moment
        moment = begins


def _minute(moment: datetime) -> int:
    local = moment.astimezone(LOCAL)
    return local.hour * 60 + local.minute


def _next_at(moment: datetime, minute: int) -> datetime:
    """The next moment after *moment* at that minute of the local day (Shanghai has no summer time)."""
    local = moment.astimezone(LOCAL)
    at = local.replace(hour=minute // 60, minute=minute % 60, second=0, microsecond=0)
    at = at if at > local else at + timedelta(days=1)
    return at.astimezone(moment.tzinfo)


def channels_due(plan: Plan, used: int, told_at: datetime, now: datetime, *, urgent: bool) -> set[str]:
    """The channels of the next rung and of those whose time has come as well."""
    ahead = steps(plan, told_at, urgent=urgent)[used:]
    return {step.channel for n, step in enumerate(ahead) if step.channel and (n == 0 or step.at <= now)}


def carried(used: int, own: Sequence[Step], older: Sequence[tuple[int, datetime]]) -> tuple[int, datetime]:
    """Where the ladder of a new notification goes on when it takes over *older* ones of its subject.

    The person hears of the newest only, but does not wait longer for the higher rungs than they would
    have without it: many small news must not keep the last rung from ever coming.

    Args:
        used: steps of the new one that are done.
        own: all its steps.
        older: steps used and time of the next one, of each that is taken over; none of them at its end.

    Returns:
        steps used and time of the next one.
    """
    ahead = [(taken, at) for taken, at in older if taken >= used]
    if not ahead:
        return used, own[used].at
    taken = max(count for count, _ in ahead)
    return taken, min(own[taken].at, *(at for count, at in ahead if count == taken))


@dataclass(frozen=True, slots=True)
class Reach:
    """What is known of one notification, for saying whether it reached its person."""

    acknowledged: bool
    shown: bool
    sent: bool  # some address took it
    given_up: bool
    over: bool  # no further rung will come, and nothing is on its way

    @property
    def state(self) -> str:
        """One of STATES. Sent is not seen: what nobody answered until the end did not reach them."""
        if self.acknowledged:
            return "acknowledged"
        if self.shown:
            return "shown"
        if self.given_up:
            return "not_reached"
        if self.sent:
            return "sent"
        return "not_reached" if self.over else "waiting"


# --- providers -------------------------------------------------------------------------------------------

LANE_WIDTH = 4  # sends to one lane at a time, by all workers together
FAILURES_BEFORE_REST = 3
FIRST_REST_S, LONGEST_REST_S = 30, 900
FIRST_RETRY_S, LONGEST_RETRY_S = 5, 900
LONGEST_RETRY_AFTER_S = 3600
MAX_ATTEMPTS = 8
ROBOT_MESSAGES, ROBOT_WINDOW = 20, timedelta(seconds=60)


def lane_width(failures: int) -> int:
    """How many sends at a time: one where the lane has failed and is tried again."""
    return 1 if failures >= FAILURES_BEFORE_REST else LANE_WIDTH


def rest_s(failures: int) -> int:
    """Seconds for which a lane rests after so many failures in a row."""
    if failures < FAILURES_BEFORE_REST:
        return 0
    return min(FIRST_REST_S << min(failures - FAILURES_BEFORE_REST, 16), LONGEST_REST_S)


def retry_s(attempt: int, asked_s: float | None) -> float | None:
    """Seconds until a delivery is tried again after its *attempt*-th try; None: give it up.

    Args:
        asked_s: what the provider asked for (Retry-After).
    """
    if attempt >= MAX_ATTEMPTS:
        return None
    own: float = min(FIRST_RETRY_S * 3 ** min(max(attempt, 1) - 1, 8), LONGEST_RETRY_S)
    return max(own, min(asked_s or 0.0, LONGEST_RETRY_AFTER_S))


def robot_room(recent: Sequence[datetime], now: datetime) -> int:
    """How many messages a robot may send now, after those at the times *recent*."""
    return max(0, ROBOT_MESSAGES - sum(1 for at in recent if at > now - ROBOT_WINDOW))


def robot_free_at(recent: Sequence[datetime], now: datetime) -> datetime:
    """When a robot may send again; *now* where it may."""
    if robot_room(recent, now):
        return now
    return sorted(recent)[-ROBOT_MESSAGES] + ROBOT_WINDOW
