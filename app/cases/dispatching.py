"""Giving a case to somebody: the choice comes from the rules of dispatch, the consequences are here."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from app.cases import clocks
from app.cases.acting import (
    Act,
    StepRefused,
    accept_as,
    appoint,
    former_owners,
    release,
    take,
    workers_on,
)
from app.cases.models import CaseFile
from app.cases.responsibility import dispatch
from app.cases.responsibility.dispatch import Matter
from app.cases.responsibility.dispatch_rules import Choice
from app.cases.telling import tell
from app.core import problems
from app.core.ids import uuid7

_STANDING_IN = frozenset({"unit_head", "duty_desk"})


def matter_of(case: CaseFile) -> Matter:
    """The case as the rules of dispatch see it."""
    return Matter(case.street_code, case.place_code, case.class_key, case.department, case.lat, case.lon)


def system_act(now: datetime, **data: Any) -> Act:
    """A step that the rules take by themselves."""
    return Act(uuid7(now), None, now, now, data=data, content={"data": data})


def choose(case: CaseFile, now: datetime, *, replace: str | None = None) -> Choice:
    """Whom the rules would give the case to now.

    Args:
        replace: a word of the policy: ``next_handler``, ``named_owner``, ``unit_head``, ``duty_desk``;
            where None, whatever the case's mode asks for.
    """
    matter, tried = matter_of(case), former_owners(case)
    if case.watcher_id is not None:  # nobody watches over themselves
        tried |= {case.watcher_id}
    word = replace or ("next_handler" if case.mode == "point" else "named_owner")
    if word == "next_handler":
        return dispatch.find_handler(matter, tried, now)
    if word == "named_owner":
        return dispatch.find_owner(matter, tried, now)
    if word == "unit_head":
        return dispatch.find_unit_head(matter, tried, now)
    return dispatch.find_duty_desk(matter, tried, now)


def give_by_rules(case: CaseFile, now: datetime, *, replace: str | None = None) -> bool:
    """Give the case to whom the rules choose; False where they find nobody (the case stays as it is).

    Whoever would get it only because nobody else is there is nobody here: whether that is the head of the
    unit or the duty desk, and who hears of it, is for the policy to say (its trigger ``nobody_found``).
    """
    choice = choose(case, now, replace=replace)
    if choice.user_id is None or (choice.why in _STANDING_IN and choice.why != replace):
        return False
    give(case, choice.user_id, system_act(now, why=choice.why, facts=list(choice.facts)), why=choice.why)
    return True


def give(case: CaseFile, owner_id: UUID, act: Act, *, why: str, step: str = "dispatch") -> None:
    """Make *owner_id* the owner: they are told and have the class's time to accept.

    Whoever had accepted before stays as a co-handler, because they know the matter.

    Raises:
        StepRefused: PERSON_UNFIT where they watch over the case.
    """
    if owner_id == case.watcher_id:
        raise StepRefused(problems.PERSON_UNFIT, "Whoever watches over a case cannot answer for it, too.")
    act.data["owner_id"] = str(owner_id)
    before = case.owner_id
    keep = before if case.state in {"acknowledged", "on_scene"} and before != owner_id else None
    if case.version > 1:  # more has happened than its filing: perhaps nobody was found before
        clocks.stop(case, (clocks.NOBODY, clocks.LOOK))
    take(case, step, act)
    now = act.received_at
    appoint(case, owner_id, "owner", why, now)
    release(case, "co_handler", "became_owner", now, user_id=owner_id)
    if keep is not None:
        appoint(case, keep, "co_handler", "was_owner", now)
    case.dispatched_at, case.acknowledged_at, case.on_scene_at = now, None, None
    case.owner_is_final = False  # an arbiter's word was about the owner before
    if case.arbiter_id is not None:
        release(case, "arbiter", "decided", now)
    clocks.start_acknowledging(case, now)
    tell(case, "case.dispatched", [owner_id], now, by=act.actor_id)
    if before is not None and before != owner_id:
        tell(case, "case.replaced", [before], now, by=act.actor_id)


def accept(case: CaseFile, act: Act, user_id: UUID) -> None:
    """The owner takes it on: the acknowledge clock stops, the working clock runs on."""
    take(case, "accept", act)
    case.acknowledged_at = act.received_at
    accept_as(case, user_id, min(act.at, act.received_at))
    clocks.stop_acknowledging(case)


def watch_by_rules(case: CaseFile, now: datetime) -> bool:
    """Name a watcher, who owes notes of progress and alone may close; False where nobody is found."""
    busy = workers_on(case) | ({case.verifier_id} if case.verifier_id else set())
    choice = dispatch.find_watcher(matter_of(case), busy, now)
    if choice.user_id is None:
        return False
    appoint(case, choice.user_id, "watcher", choice.why, now)
    clocks.start_noting(case, now)
    tell(case, "case.watching", [choice.user_id], now)
    return True


def ask_to_verify(case: CaseFile, now: datetime) -> None:
    """Ask somebody who had no part in the work, and does not watch over it, to look whether it is gone."""
    avoid = frozenset({case.reporter_id} if case.reporter_id else ())
    barred = workers_on(case) | ({case.watcher_id} if case.watcher_id else set())
    choice = dispatch.find_verifier(matter_of(case), barred, avoid, now)
    if choice.user_id is None:
        release(case, "verifier", "replaced", now)
        return
    appoint(case, choice.user_id, "verifier", choice.why, now)
    tell(case, "case.to_verify", [choice.user_id], now)


def renamed(act: Act, now: datetime) -> Act:
    """The same act with an id of the server's making, where the given id belongs to another event."""
    return replace(act, id=uuid7(now), photos=(), data={"implied": True})
