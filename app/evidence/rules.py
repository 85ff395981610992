"""Grading a proof: verified, or doubtful with plain reasons. Pure.

A doubt is not an accusation. It says what a person should look at, and every rule leans towards the
worker: the accuracy circle counts for them, the skew of the phone's clock is taken away before any
time is judged, and nothing here refuses anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.core import geo

RULES_VERSION = 1

GRADES = ("verified", "doubtful")
REVIEW_STATES = ("none", "pending", "accepted", "rejected", "answered")
DECISIONS = ("accepted", "rejected")

# In the order they are shown. The codes are stable: both apps carry the words for them.
REASONS = (
    "bad_signature",
    "unknown_device",
    "broken_chain",
    "shared_device",
    "no_fix",
    "outside_china",
    "outside_radius",
    "datum_suspect",
    "poor_accuracy",
    "stale_fix",
    "impossible_speed",
    "repeated_position",
    "wrong_tag",
    "missing_tag",
    "off_duty",
    "out_of_window",
    "future_time",
    "late_arrival",
    "clock_skew",
)


@dataclass(frozen=True, slots=True)
class Limits:
    """The thresholds, in one place so that a supervisor can be shown them.

    Attributes:
        accuracy_m: a fix is poor above this radius; the circle counts for the worker up to it too.
        tagged_accuracy_m: the same where the right tag was scanned (lifts, basements).
        fix_age_s: how much older than the check-in a fix may be.
        speed_mps: faster than this between two fixes is not a patrol, by any vehicle they use.
        jump_m: shorter jumps are drift, whatever their speed.
        memory: a previous sighting older than this says nothing.
        repeats: so many earlier check-ins at exactly the same coordinates raise a doubt.
        repeat_accuracy_m: only positions as sharp as from satellites, which never repeat to the last
            digit; indoors a phone places itself by its network and gives the same spot every day.
        skew_s: clock error of the phone above which times are doubtful even after correction.
        window_slack: tolerance at both ends of a round's window.
        future_slack: how far ahead of the server a corrected time may lie.
        late: arrival later than this after the capture is pointed out.
    """

    accuracy_m: float = 50.0
    tagged_accuracy_m: float = 200.0
    fix_age_s: float = 60.0
    speed_mps: float = 15.0
    jump_m: float = 50.0
    memory: timedelta = timedelta(minutes=30)
    repeats: int = 2
    repeat_accuracy_m: float = 20.0
    skew_s: float = 120.0
    window_slack: timedelta = timedelta(minutes=5)
    future_slack: timedelta = timedelta(seconds=60)
    late: timedelta = timedelta(hours=24)


LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Sighting:
    """A position that was claimed, in WGS-84 degrees.

    Attributes:
        fixed_at: time of the position, the phone's skew taken away.
        accuracy_m: radius of the circle that the phone believes itself in.
        checked_in: it belonged to a check-in (and not to a track).
    """

    fixed_at: datetime
    lat: float
    lon: float
    accuracy_m: float
    checked_in: bool = True


@dataclass(frozen=True, slots=True)
class Expected:
    """Where and when the check-in should have been, and whether the spot has a tag to scan."""

    lat: float
    lon: float
    radius_m: float
    window_starts_at: datetime
    window_ends_at: datetime
    tag_required: bool = False


@dataclass(frozen=True, slots=True)
class Circumstances:
    """All that surrounds the claim.

    Attributes:
        at: when it was captured, skew taken away.
        skew_s: phone's clock minus server's.
        tag_state: ``none``, ``right``, ``wrong``, ``revoked`` or ``forged``.
        shared_device: another person is on duty with the same device at that time.
        earlier: what is known of the person before ``at``, newest first.
    """

    at: datetime
    received_at: datetime
    skew_s: float
    signature_ok: bool
    key_ok: bool
    chain_ok: bool
    on_duty: bool
    shared_device: bool
    tag_state: str
    earlier: Sequence[Sighting] = ()


@dataclass(frozen=True, slots=True)
class Grade:
    """The verdict. ``distance_m`` is from the centre of the checkpoint, None without a fix."""

    grade: str
    reasons: tuple[str, ...]
    distance_m: float | None


def grade(fix: Sighting | None, expected: Expected, around: Circumstances, limits: Limits = LIMITS) -> Grade:
    """Grade one check-in.

    Args:
        fix: the claimed position, None where the phone had none in time.
    """
    doubts = _device_doubts(around) | _time_doubts(expected, around, limits) | _tag_doubts(expected, around)
    distance = None
    if fix is None:
        doubts.add("no_fix")
    else:
        distance = geo.distance_m(fix.lat, fix.lon, expected.lat, expected.lon)
        doubts |= _place_doubts(fix, distance, expected, around, limits)
        doubts |= _movement_doubts(fix, around, limits)
    reasons = tuple(reason for reason in REASONS if reason in doubts)
    return Grade("doubtful" if reasons else "verified", reasons, distance)


def _device_doubts(around: Circumstances) -> set[str]:
    doubts = set()
    if not around.key_ok:
        doubts.add("unknown_device")
    elif not around.signature_ok:
        doubts.add("bad_signature")
    if not around.chain_ok:
        doubts.add("broken_chain")
    if around.shared_device:
        doubts.add("shared_device")
    return doubts


def _time_doubts(expected: Expected, around: Circumstances, limits: Limits) -> set[str]:
    doubts = set()
    if not around.on_duty:
        doubts.add("off_duty")
    opens = expected.window_starts_at - limits.window_slack
    if not opens <= around.at <= expected.window_ends_at + limits.window_slack:
        doubts.add("out_of_window")
    if around.at > around.received_at + limits.future_slack:
        doubts.add("future_time")
    if around.received_at - around.at > limits.late:
        doubts.add("late_arrival")
    if abs(around.skew_s) > limits.skew_s:
        doubts.add("clock_skew")
    return doubts


def _tag_doubts(expected: Expected, around: Circumstances) -> set[str]:
    if around.tag_state in {"wrong", "revoked", "forged"}:
        return {"wrong_tag"}
    if around.tag_state == "none" and expected.tag_required:
        return {"missing_tag"}
    return set()


def _place_doubts(
    fix: Sighting, distance: float, expected: Expected, around: Circumstances, limits: Limits
) -> set[str]:
    doubts = set()
    # The right tag stretches what accuracy is good enough (no sky in a basement); it never moves a fix.
    enough = limits.tagged_accuracy_m if around.tag_state == "right" else limits.accuracy_m
    if fix.accuracy_m > enough:
        doubts.add("poor_accuracy")
    if not geo.in_china(fix.lat, fix.lon):
        doubts.add("outside_china")
    reach = expected.radius_m + min(fix.accuracy_m, enough)
    if distance > reach:
        doubts.add("outside_radius")
        as_gcj = geo.gcj02_to_wgs84(fix.lat, fix.lon)
        if geo.distance_m(*as_gcj, expected.lat, expected.lon) <= reach:
            doubts.add("datum_suspect")
    if around.at - fix.fixed_at > timedelta(seconds=limits.fix_age_s):
        doubts.add("stale_fix")
    if fix.fixed_at > min(around.at, around.received_at) + limits.future_slack:
        doubts.add("future_time")  # nobody has a position of a time that has not come
    return doubts


def _movement_doubts(fix: Sighting, around: Circumstances, limits: Limits) -> set[str]:
    doubts = set()
    before = next((s for s in around.earlier if s.fixed_at <= fix.fixed_at), None)
    if before and fix.fixed_at - before.fixed_at <= limits.memory and _jumped(before, fix, limits):
        doubts.add("impossible_speed")
    same = sum(
        1
        for s in around.earlier
        # The same fix used twice in a row is one sighting (and stale before long), not a repetition.
        if s.checked_in
        and s.fixed_at != fix.fixed_at
        and (s.lat, s.lon, s.accuracy_m) == (fix.lat, fix.lon, fix.accuracy_m)
    )
    if same >= limits.repeats and fix.accuracy_m <= limits.repeat_accuracy_m:
        doubts.add("repeated_position")
    return doubts


def _jumped(before: Sighting, fix: Sighting, limits: Limits) -> bool:
    """True where even the nearest edges of both accuracy circles are too far apart for the time."""
    apart = geo.distance_m(before.lat, before.lon, fix.lat, fix.lon) - before.accuracy_m - fix.accuracy_m
    if apart <= limits.jump_m:
        return False
    seconds = max(1.0, (fix.fixed_at - before.fixed_at).total_seconds())
    return apart / seconds > limits.speed_mps


@dataclass(frozen=True, slots=True)
class ReviewStep:
    """What a decision on a proof in some state leads to: its ordinal and the state after it."""

    ordinal: int
    final: bool


def next_review(review_state: str) -> ReviewStep | None:
    """Which decision may be taken on a proof in *review_state*; None where there is none to take.

    A doubtful check-in is decided once; the worker may answer once; after the answer it is decided a
    second time, and that is final.
    """
    if review_state == "pending":
        return ReviewStep(1, final=False)
    if review_state == "answered":
        return ReviewStep(2, final=True)
    return None


def may_answer(review_state: str, decisions: int, answered: bool) -> bool:
    """True where the worker may still answer: one decision is there, and no answer yet."""
    return review_state in {"accepted", "rejected"} and decisions == 1 and not answered
