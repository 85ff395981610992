"""What a street and a person have chosen: ladder, quiet hours, order of channels, language."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, text
from sqlalchemy.dialects.postgresql import insert

from app.core import clock, problems
from app.core.extensions import db
from app.ledger.service import record
from app.notify import rules
from app.notify.addresses import addresses_of
from app.notify.models import NotifyPolicy, NotifySetting
from app.notify.rules import Plan, Policy, Quiet
from app.places.models import Place

DEFAULT_LANGUAGE = "zh"
_FILE = Path(__file__).parent / "policy.json"


@dataclass(frozen=True, slots=True)
class Chosen:
    """How one person is told."""

    plan: Plan
    language: str


@cache
def default_policy() -> Policy:
    """The policy of streets that have none of their own."""
    return rules.parse_policy(json.loads(_FILE.read_text(encoding="utf-8")))


def policy_of(street_code: str) -> Policy:
    """The policy in force in a street."""
    document = db.session.scalar(select(NotifyPolicy.document).where(NotifyPolicy.street_code == street_code))
    return _policy_in(document)


def _policy_in(document: dict[str, Any] | None) -> Policy:
    return default_policy() if document is None else rules.parse_policy(document)


def set_policy(street_code: str, document: dict[str, Any], now: datetime) -> None:
    """Give a street a policy of its own; ladders that have begun go on by it from their next step.

    Raises:
        PolicyError: where it cannot work, or there is no such street.
    """
    rules.parse_policy(document)
    if not db.session.scalar(select(Place.code).where(Place.code == street_code, Place.level == "street")):
        raise rules.PolicyError(f"There is no street with the code {street_code}.")
    row = insert(NotifyPolicy).values(street_code=street_code, document=document, changed_at=now)
    changed = {"document": document, "changed_at": now}
    db.session.execute(row.on_conflict_do_update(index_elements=["street_code"], set_=changed))
    record(
        "notify_policy.changed",
        actor_id=None,
        actor_kind="cli",
        street_code=street_code,
        place_code=street_code,
        subject_kind="notify_policy",
        subject_id=street_code,
        data=document,
    )


# What the street says, and what people have chosen, in one query: it is part of every message.
_CHOSEN = text("""
    select p.document, s.user_id, s.channel_order, s.language, s.quiet_from_minute, s.quiet_until_minute
    from (select 1) one
    left join notify_policy p on p.street_code = :street_code
    left join notify_setting s on s.street_code = :street_code and s.user_id = any(:people)
""")


def chosen_by(street_code: str, people: Collection[UUID]) -> dict[UUID, Chosen]:
    """How each of *people* is told; who has chosen nothing is told as the street says, in Chinese."""
    rows = db.session.execute(_CHOSEN, {"street_code": street_code, "people": list(people)}).all()
    policy = _policy_in(rows[0].document)
    usual = Chosen(rules.plan_for(policy), DEFAULT_LANGUAGE)
    own = {
        row.user_id: Chosen(rules.plan_for(policy, row.channel_order, _quiet(row)), row.language)
        for row in rows
        if row.user_id is not None
    }
    return {user_id: own.get(user_id, usual) for user_id in people}


def _quiet(row: Row[Any]) -> Quiet | None:
    if row.quiet_from_minute is None or row.quiet_until_minute is None:
        return None
    return Quiet(row.quiet_from_minute, row.quiet_until_minute)


def settings_of(street_code: str, user_id: UUID) -> dict[str, Any]:
    """One's settings as they work now, beside what the street says."""
    policy = policy_of(street_code)
    chosen = chosen_by(street_code, [user_id])[user_id]
    quiet = chosen.plan.quiet
    order = [rung.channel for rung in chosen.plan.rungs if rung.channel != rules.LIVE]
    addresses = addresses_of(street_code, [user_id], clock.now(), order)[user_id]
    return {
        "channel_order": order,
        "reached_by": [channel for channel in order if channel in addresses],
        "language": chosen.language,
        "quiet": {
            "from": rules.clock_of(quiet.from_minute),
            "until": rules.clock_of(quiet.until_minute),
        },
        "street_quiet": {
            "from": rules.clock_of(policy.quiet.from_minute),
            "until": rules.clock_of(policy.quiet.until_minute),
        },
        "rungs": [
            {"channel": r.channel, "after_s": r.after_s, "urgent_after_s": r.urgent_after_s}
            for r in chosen.plan.rungs
        ],
    }


def change_settings(
    street_code: str,
    user_id: UUID,
    *,
    channel_order: list[str],
    language: str,
    quiet: dict[str, str] | None,
) -> None:
    """Choose how to be told. Quiet hours may be wider than the street's, not narrower; *quiet* None: the
    street's, whatever they become.

    Raises:
        Problem: INVALID where a channel is not on the street's ladder or the quiet hours do not hold.
    """
    policy = policy_of(street_code)
    allowed = {rung.channel for rung in policy.rungs} - {rules.LIVE}
    if set(channel_order) - allowed or len(set(channel_order)) != len(channel_order):
        raise problems.Problem(problems.INVALID, errors={"channel_order": ["Not on the street's ladder."]})
    hours = _checked_quiet(quiet, policy.quiet) if quiet else None
    values = {
        "channel_order": channel_order,
        "language": language,
        "quiet_from_minute": hours.from_minute if hours else None,
        "quiet_until_minute": hours.until_minute if hours else None,
    }
    key = (street_code, user_id)
    before = db.session.get(NotifySetting, key)
    if before is not None and all(getattr(before, name) == value for name, value in values.items()):
        return
    row = insert(NotifySetting).values(street_code=street_code, user_id=user_id, **values)
    db.session.execute(
        row.on_conflict_do_update(index_elements=["street_code", "user_id"], set_=values),
        execution_options={"populate_existing": True},
    )
    if before is not None:
        db.session.expire(before)
    record(
        "notify_settings.changed",
        actor_id=user_id,
        street_code=street_code,
        place_code=street_code,
        subject_kind="user",
        subject_id=user_id,
        data={"channel_order": channel_order, "language": language, "quiet": quiet},
    )


def _checked_quiet(quiet: dict[str, str], street: Quiet) -> Quiet:
    try:
        own = Quiet(rules.minute_of(quiet["from"]), rules.minute_of(quiet["until"]))
    except rules.PolicyError as error:
        raise problems.Problem(problems.INVALID, errors={"quiet": [str(error)]}) from error
    if own.length > max(rules.MOST_QUIET_MINUTES, street.length):
        raise problems.Problem(problems.INVALID, errors={"quiet": ["Too little of the day is left."]})
    if not own.contains(street):
        raise problems.Problem(
            problems.INVALID, errors={"quiet": ["Quiet hours may be wider than the street's, not narrower."]}
        )
    return own
