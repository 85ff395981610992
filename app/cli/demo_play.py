"""``flask demo play``: recorded walks and a day's cases, through the public API as phones would send them.

Each demo patroller signs in, registers a log with a key of their own and sends what it holds for the
rounds of the last day and night. Times lie in the past, never in the future: a walk that would still be
going on is sent as far as it has got. Rounds that somebody has started are left alone, so a second run
adds nothing until another window has opened.

Besides, two people without rounds are on duty now, and one supervisor has decided two doubtful check-ins,
of which the patroller has answered one: so a console shows every state at any hour. Then the day's cases
are played (:mod:`app.cli.demo_cases`).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import click
from flask.cli import with_appcontext

from app.cli.demo import DATA, refuse_in_production
from app.cli.demo_cases import play_cases
from app.cli.demo_people import Api, NewApi, register
from app.cli.walk import Event, Mishaps, Step, Walk, read_walks, stroll
from app.core import clock
from app.core.ids import uuid7

CHUNK = 20  # entries a phone sends at a time while it has network
BEFORE = timedelta(minutes=6)
AFTER = timedelta(minutes=4)
SETTLED = timedelta(seconds=5)  # the newest entry lies this far in the past
# What arrives more than a day after it happened is doubtful for that reason alone.
BACK = timedelta(hours=23, minutes=50)
LAST_SEEN = timedelta(minutes=2)  # so old is the last position of those who are on duty now
FIRST = frozenset({0})
BOTH = frozenset({0, 1})


@dataclass(frozen=True, slots=True)
class Part:
    """What one demo patroller walks: which track, how long after the window opens, what goes wrong.

    *left_out* and *mishaps_in* count the day's windows from 0: the round of the one is not walked, on
    those of the others everything of *mishaps* happens.
    """

    track: str
    starts_after: timedelta
    mishaps: Mishaps
    left_out: int | None = None
    mishaps_in: frozenset[int] = FIRST


PARTS = {
    # The afternoon round of patrol1 is left for whoever tries the field app.
    "patrol1": Part("K03", timedelta(minutes=12), Mishaps(gap=True), left_out=1),
    "patrol2": Part("K02", timedelta(minutes=7), Mishaps(poor=1, offline=True), mishaps_in=BOTH),
    "patrol3": Part("K04", timedelta(minutes=21), Mishaps(jump=2), mishaps_in=BOTH),
    "patrol4": Part("K06", timedelta(minutes=33), Mishaps(early="下大雨，路面湿滑，余下点位改日补查")),
    "patrol5": Part("K05", timedelta(minutes=16), Mishaps(stale=1, poor=3, gap=True), mishaps_in=BOTH),
    # and one is missed
    "patrol6": Part("K01", timedelta(minutes=26), Mishaps(wrong_tag=0), left_out=0, mishaps_in=BOTH),
    "patrol7": Part("K08", timedelta(minutes=41), Mishaps(offline=True)),
    "patrol8": Part("K07", timedelta(minutes=55), Mishaps()),
}
ON_DUTY = {"patrol9": "K04", "patrol10": "K05"}  # who has no round of their own, and their walk
SUPERVISOR = "supervisor2"  # the queues of the others are left to whoever tries the console
DECISIONS = {
    "accepted": "已电话核实，人在现场，是手机定位偏差。",
    "rejected": "这次定位看不出人在点位，请说明当时的情况。",
}
ANSWER = "楼里信号弱，定位不准，我确实到了点位，门卫可以证明。"


@click.command("play")
@click.option(
    "--base-url",
    envvar="IRONFEET_BASE_URL",
    default="http://127.0.0.1:8000",
    show_default=True,
    help="Where the API runs.",
)
@with_appcontext
def play_command(base_url: str) -> None:
    """Play the recorded walks and the day's cases through the API of a running server."""
    refuse_in_production()
    told = play_street(lambda: Api(base_url))
    summary = ", ".join(f"{count} {word}" for word, count in sorted(told.items()))
    click.echo(f"played: {summary or 'nothing new'}")


def play_street(new_api: NewApi) -> Counter[str]:
    """Play everything; *new_api* gives a client that nobody has signed in with. Returns what was done."""
    walks = read_walks(DATA / "tracks" / "patrol_demo_open.csv")
    told: Counter[str] = Counter()
    for username, part in PARTS.items():
        told += play(new_api(), username, part, walks[part.track], clock.now())
    for username, track in ON_DUTY.items():
        told += go_on_duty(new_api(), username, walks[track], clock.now())
    told += review(new_api)
    return told + play_cases(new_api, clock.now())


def play(api: Api, username: str, part: Part, steps: list[Step], now: datetime) -> Counter[str]:
    """Play one person's rounds; returns how many entries were answered how, and rounds."""
    user = api.sign_in(username)
    due = rounds_to_walk(api.call("GET", "/field/feed")["rounds"], part, now - SETTLED)
    told: Counter[str] = Counter()
    for window, planned in due:
        mishaps = part.mishaps if window in part.mishaps_in else Mishaps()
        starts_at = datetime.fromisoformat(planned["window_starts_at"]) + part.starts_after
        events = shift_events(planned, steps, starts_at, mishaps, now - SETTLED)
        told += send(api, user, events, offline=mishaps.offline)
        told["rounds"] += 1
    return told


def send(api: Api, user: UUID, events: list[Event], *, offline: bool = False) -> Counter[str]:
    """Send *events* as a phone of its own would; returns how many entries were answered how."""
    phone = register(api, user)
    entries = [phone.entry(e.kind, e.body, e.at, entry_id=e.entry_id) for e in events]
    told: Counter[str] = Counter()
    for batch in batches(entries, offline=offline):
        answer = api.call("POST", "/sync", phone.batch(batch, clock.now()))
        told += Counter(f"entries {result['status']}" for result in answer["results"])
    return told


def go_on_duty(api: Api, username: str, steps: list[Step], now: datetime) -> Counter[str]:
    """Put one person on duty with a walk that ends now; who is on duty already stays as they are."""
    user = api.sign_in(username)
    if api.call("GET", "/field/feed")["shift"] is not None:
        return Counter()
    ends_at = now - LAST_SEEN
    shift = uuid7(ends_at - steps[-1].after)
    return send(api, user, stroll(steps, shift, ends_at)) + Counter({"people on duty": 1})


def review(new_api: NewApi) -> Counter[str]:
    """Decide two doubtful check-ins and answer the rejected one, where none has been decided yet."""
    supervisor = new_api()
    supervisor.sign_in(SUPERVISOR)
    pages = [supervisor.call("GET", f"/reviews?state={state}")["items"] for state in ("open", "decided")]
    if any(item["reviews"] for page in pages for item in page):
        return Counter()
    usernames = {person["id"]: person["username"] for person in supervisor.call("GET", "/staff")["items"]}
    doubtful = [item for item in pages[0] if usernames.get(item["user"]["id"]) in PARTS]
    told: Counter[str] = Counter()
    for item, (decision, note) in zip(doubtful, DECISIONS.items(), strict=False):
        body = {"id": str(uuid7()), "decision": decision, "note": note}
        supervisor.call("POST", f"/reviews/{item['proof_id']}/decisions", body)
        told["check-ins decided"] += 1
        if decision == "rejected":
            patroller = new_api()
            user = patroller.sign_in(usernames[item["user"]["id"]])
            answer = {"proof": item["proof_id"], "text": ANSWER}
            told += send(patroller, user, [Event(clock.now(), "review_answered", answer)])
    return told


def rounds_to_walk(
    rounds: list[dict[str, Any]], part: Part, until: datetime
) -> list[tuple[int, dict[str, Any]]]:
    """The rounds of the last 24 hours which nobody has started yet and *part* includes, each with the
    number of its window in its day."""
    found = []
    windows: Counter[str] = Counter()
    for planned in rounds:
        window = windows[planned["on_day"]]
        windows[planned["on_day"]] += 1
        starts_at = datetime.fromisoformat(planned["window_starts_at"]) + part.starts_after
        begun = until - BACK < starts_at < until - timedelta(minutes=1)
        if begun and planned["state"] in {"planned", "missed"} and window != part.left_out:
            found.append((window, planned))
    return found


def shift_events(
    planned: dict[str, Any], steps: list[Step], starts_at: datetime, mishaps: Mishaps, until: datetime
) -> list[Event]:
    """A shift around one walked round, in order of time, as far as *until*."""
    shift = uuid7(starts_at - BEFORE)
    walked = Walk(planned, steps, shift, starts_at, mishaps).events()
    events = [
        Event(starts_at - BEFORE, "shift_started", {"place": planned["place_code"]}, shift),
        *walked,
        Event(walked[-1].at + AFTER, "shift_ended", {"shift": str(shift)}),
    ]
    return [event for event in events if event.at <= until]


def batches(entries: list[dict[str, str]], *, offline: bool) -> list[list[dict[str, str]]]:
    """How the log drains: a few entries at a time, or the start and then all the rest in one go."""
    if offline:
        return [part for part in (entries[:2], entries[2:]) if part]
    return [entries[start : start + CHUNK] for start in range(0, len(entries), CHUNK)]
