"""Whom a message about a case goes to, and what it carries."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select

from app.cases.acting import SUBJECT, is_new, people_on
from app.cases.catalogue import queries as catalogue_queries
from app.cases.models import CaseFile
from app.core.extensions import db
from app.core.fields import wire_time
from app.core.once import keep, once
from app.notify import service as notify
from app.people.models import User
from app.people.queries import holders
from app.places.models import Place

_ROLE_OF = {
    "dispatchers": "dispatcher",
    "leaders": "leader",
    "unit_head": "supervisor",
    "area_head": "supervisor",
}
# The deadline that a message speaks of, where it is not that for putting it right
_DUE = {
    "case.dispatched": "acknowledge_due_at",
    "case.arbitrated": "acknowledge_due_at",
    "case.to_verify": "verify_due_at",
    "case.verify_overdue": "verify_due_at",
    "case.note_due": "note_due_at",
    "case.note_overdue": "note_due_at",
}


# Not the whole row, which has the outline.
_PLACE_NAMES = select(Place.name, Place.name_en).where(Place.code == bindparam("code"))


def tell(
    case: CaseFile,
    kind: str,
    recipients: Collection[UUID],
    now: datetime,
    *,
    by: UUID | None = None,
    urgent: bool | None = None,
    **more: Any,
) -> None:
    """Tell *recipients* (but not whoever did it) about the case, in the transaction of the change.

    Args:
        urgent: also in quiet hours; where None, as the case is.
    """
    people = frozenset(recipients) - {by}
    if not people:
        return
    notify.tell(
        street_code=case.street_code,
        place_code=case.place_code,
        recipients=people,
        kind=kind,
        subject_kind=SUBJECT,
        subject_id=case.id,
        first=is_new(case),
        data=_data(case, kind, by) | more,
        urgent=case.urgent if urgent is None else urgent,
        now=now,
    )


def _data(case: CaseFile, kind: str, by: UUID | None) -> dict[str, Any]:
    due_at: datetime | None = getattr(case, _DUE.get(kind, "due_at"))
    found = catalogue_queries.class_of(case.street_code, case.catalogue_version, case.class_key)
    place_zh, place_en = _place_names(case.place_code)
    actor = db.session.get(User, by) if by else None
    return {
        "number": case.number,
        "class_zh": found.name if found else case.class_key,
        "class_en": (found.name_en if found else "") or case.class_key,
        "place_zh": place_zh,
        "place_en": place_en or case.place_code,
        "address": case.address,
        "due_at": wire_time(due_at) if due_at else None,
        "by_zh": actor.display_name if actor else "",
        "by_en": (actor.display_name_en or actor.display_name) if actor else "",
        "mode": case.mode,
    }


def remember_place(code: str, name: str, name_en: str) -> None:
    """Spare the session the question what that place is called."""
    keep(("place", code), (name, name_en))


def _place_names(code: str) -> tuple[str, str]:
    def read() -> tuple[str, str] | None:
        row = db.session.execute(_PLACE_NAMES, {"code": code}).one_or_none()
        return (row.name, row.name_en) if row else None

    return once(("place", code), read) or (code, "")


def resolve(case: CaseFile, words: Iterable[str], now: datetime) -> frozenset[UUID]:
    """The people behind the words of a policy: owner, watcher, dispatchers, leaders …"""
    found: set[UUID] = set()
    named = {
        "owner": case.owner_id,
        "watcher": case.watcher_id,
        "arbiter": case.arbiter_id,
        "verifier": case.verifier_id,
        "reporter": case.reporter_id,
    }
    for word in words:
        if word in named:
            holder = named[word]
            found |= {holder} if holder else set()
        elif word == "co_handlers":
            found |= {p.user_id for p in people_on(case) if p.part == "co_handler" and p.until is None}
        else:
            found |= holders(case.place_code, _ROLE_OF[word], now, nearest=word == "unit_head")
    return frozenset(found)
