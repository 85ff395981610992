"""Acts on checkpoints and their tags.

Nothing here commits; whoever calls decides whether all of it stands.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from app.core import current, problems
from app.core.extensions import db
from app.core.idempotency import fingerprint, same_or_conflict
from app.core.ids import uuid7
from app.core.keys import derive_key
from app.core.problems import Problem
from app.ledger.service import record
from app.places import checkpoint_rules, queries, tags
from app.places.checkpoint_rules import CheckpointIn
from app.places.models import Checkpoint, Tag, TagSheet
from app.places.tags import TagState

CHECKPOINT_FIELDS = (
    "code",
    "name",
    "name_en",
    "kind",
    "floor_label",
    "radius_m",
    "lat",
    "lon",
    "active",
)
MAX_TAGS = 200  # of one sheet


def create_checkpoint(
    checkpoint_id: UUID, wanted: CheckpointIn, *, street_code: str, scope: frozenset[str], actor_id: UUID
) -> Checkpoint:
    """Add a checkpoint with an id of the caller's making; unit and community follow from its position.

    The same id with the same content again returns the stored row.

    Args:
        scope: place codes where the actor may do it.

    Raises:
        Problem: INVALID, FORBIDDEN, ID_REUSED, or CONFLICT where the code is taken.
    """
    at = _settle(wanted, street_code, scope)
    stored = db.session.get(Checkpoint, checkpoint_id)
    if stored is not None:
        if stored.street_code != street_code or differs(stored, wanted, at):
            raise Problem(problems.ID_REUSED)
        return stored
    _refuse_taken_code(street_code, wanted.code)
    row = Checkpoint(id=checkpoint_id, street_code=street_code)
    fill(row, wanted, at)
    db.session.add(row)
    record_checkpoint(row, actor_id, "user")
    return row


def change_checkpoint(
    checkpoint_id: UUID, changes: dict[str, Any], *, street_code: str, scope: frozenset[str], actor_id: UUID
) -> Checkpoint:
    """Change some of ``CHECKPOINT_FIELDS``. Rounds already generated keep their stops.

    Raises:
        Problem: NOT_FOUND, INVALID, FORBIDDEN, or CONFLICT where the code is taken.
    """
    row = db.session.get(Checkpoint, checkpoint_id, with_for_update=True)
    if row is None or row.street_code != street_code:
        raise Problem(problems.NOT_FOUND)
    if row.unit_code not in scope:
        raise Problem(problems.FORBIDDEN, f"checkpoint.manage is not yours at {row.unit_code}")
    present = CheckpointIn(**{name: getattr(row, name) for name in CHECKPOINT_FIELDS})
    wanted = replace(present, **changes)
    at = _settle(wanted, street_code, scope)
    if not differs(row, wanted, at):
        return row
    if wanted.code != row.code:
        _refuse_taken_code(street_code, wanted.code)
    fill(row, wanted, at)
    record_checkpoint(row, actor_id, "user", sorted(changes))
    return row


def _settle(wanted: CheckpointIn, street_code: str, scope: frozenset[str]) -> dict[str, str]:
    """The unit and community that cover a checkpoint, by level; raises where it may not be there."""
    reasons = checkpoint_rules.checkpoint_reasons(wanted)
    if reasons:
        raise Problem(problems.INVALID, "; ".join(reasons))
    at = queries.covering(street_code, [(wanted.lat, wanted.lon)])[0]
    if "unit" not in at:
        raise Problem(problems.INVALID, "the position lies in no unit of the street")
    if at["unit"] not in scope:
        raise Problem(problems.FORBIDDEN, f"checkpoint.manage is not yours at {at['unit']}")
    return at


def _refuse_taken_code(street_code: str, code: str) -> None:
    taken = select(Checkpoint.id).where(Checkpoint.street_code == street_code, Checkpoint.code == code)
    if db.session.scalar(taken) is not None:
        raise Problem(problems.CONFLICT, f"the code {code} is used by another checkpoint")


def differs(row: Checkpoint, wanted: CheckpointIn, at: dict[str, str]) -> bool:
    """Whether the stored row is not what is wanted at that place."""
    return (row.unit_code, row.community_code) != (at["unit"], at.get("community")) or any(
        getattr(row, name) != getattr(wanted, name) for name in CHECKPOINT_FIELDS
    )


def fill(row: Checkpoint, wanted: CheckpointIn, at: dict[str, str]) -> None:
    """Make the row what is wanted at that place."""
    for name in CHECKPOINT_FIELDS:
        setattr(row, name, getattr(wanted, name))
    row.unit_code, row.community_code = at["unit"], at.get("community")


def record_checkpoint(
    row: Checkpoint, actor_id: UUID | None, actor_kind: str, changed: list[str] | None = None
) -> None:
    """Tell the ledger that a checkpoint is new or, naming the members, was *changed*."""
    data: dict[str, Any] = {"code": row.code, "active": row.active}
    if changed is not None:
        data["changed"] = changed
    record(
        "checkpoint.changed",
        actor_id=actor_id,
        actor_kind=actor_kind,
        street_code=row.street_code,
        place_code=row.unit_code,
        subject_kind="checkpoint",
        subject_id=row.id,
        data=data,
    )


def tag_key() -> bytes:
    """The key that tags are signed with, derived from the root secret."""
    return derive_key(current.settings().secret_key, "tag")


def tag_state(text: str | None, checkpoint_id: UUID, street_code: str) -> TagState:
    """What the text read from a QR code says about being at a checkpoint.

    ``none``: nothing was read. ``right``: the checkpoint's valid tag. ``revoked``: a tag of the
    checkpoint that a newer sheet has replaced. ``wrong``: the tag of another checkpoint. ``forged``:
    not a tag of this installation.
    """
    if text is None:
        return "none"
    tag_id = tags.read_token(tag_key(), text)
    tag = db.session.get(Tag, tag_id) if tag_id else None
    if tag is None:
        return "forged"
    if tag.checkpoint_id != checkpoint_id or tag.street_code != street_code:
        return "wrong"
    return "revoked" if tag.revoked_at else "right"


@dataclass(frozen=True, slots=True)
class SheetTag:
    """One tag of a sheet: the checkpoint, the text of its code, and whether it was replaced since."""

    checkpoint: Checkpoint
    token: str
    revoked: bool


def issue_tags(
    sheet_id: UUID,
    *,
    place_code: str | None,
    checkpoint_ids: list[UUID] | None,
    lang: str,
    street_code: str,
    scope: frozenset[str],
    actor_id: UUID,
    now: datetime,
) -> list[SheetTag]:
    """Issue new tags for checkpoints and revoke their old ones; the same sheet id again is the same sheet.

    Args:
        place_code: all active checkpoints there, or else
        checkpoint_ids: exactly these.
        scope: place codes where the actor may issue tags.

    Raises:
        Problem: INVALID, FORBIDDEN, NOT_FOUND, ID_REUSED, or CONFLICT where there is nothing to print.
    """
    if (place_code is None) == (checkpoint_ids is None):
        raise Problem(problems.INVALID, "give either place_code or checkpoint_ids")
    content = {"place": place_code, "checkpoints": checkpoint_ids, "lang": lang, "by": actor_id}
    # Two requests with the same new id at once: the second waits here and then finds the sheet.
    db.session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(str(sheet_id), 0))))
    stored = db.session.get(TagSheet, sheet_id)
    if stored is not None:
        same_or_conflict(stored.fingerprint, content)
        return _tags_of(stored)
    chosen = _chosen_checkpoints(place_code, checkpoint_ids, street_code, scope)
    sheet = TagSheet(
        id=sheet_id,
        street_code=street_code,
        lang=lang,
        issued_at=now,
        issued_by=actor_id,
        fingerprint=fingerprint(content),
    )
    db.session.add(sheet)
    db.session.flush()
    _replace_tags(sheet, chosen)
    db.session.flush()
    return _tags_of(sheet)


def _replace_tags(sheet: TagSheet, checkpoints: list[Checkpoint]) -> None:
    """Revoke the tags of *checkpoints*, add new ones on *sheet*, and tell it once for each unit."""
    _revoke_tags([c.id for c in checkpoints], sheet.issued_at)
    for checkpoint in checkpoints:
        db.session.add(
            Tag(
                id=uuid7(sheet.issued_at),
                street_code=sheet.street_code,
                checkpoint_id=checkpoint.id,
                sheet_id=sheet.id,
                issued_at=sheet.issued_at,
                issued_by=sheet.issued_by,
            )
        )
    for unit_code in sorted({c.unit_code for c in checkpoints}):
        record(
            "tags.issued",
            actor_id=sheet.issued_by,
            street_code=sheet.street_code,
            place_code=unit_code,
            subject_kind="tag_sheet",
            subject_id=sheet.id,
            data={"checkpoint_ids": [str(c.id) for c in checkpoints if c.unit_code == unit_code]},
        )


def _chosen_checkpoints(
    place_code: str | None, checkpoint_ids: list[UUID] | None, street_code: str, scope: frozenset[str]
) -> list[Checkpoint]:
    if place_code is not None:
        if place_code not in scope:
            raise Problem(problems.FORBIDDEN, f"tag.issue is not yours at {place_code}")
        chosen = list(queries.checkpoints_in(queries.place_and_below(place_code), active_only=True))
    else:
        found = queries.checkpoints_by_id(set(checkpoint_ids or []))
        chosen = sorted(found.values(), key=lambda c: c.code)
        if len(found) != len(set(checkpoint_ids or [])) or any(c.street_code != street_code for c in chosen):
            raise Problem(problems.NOT_FOUND, "one of the checkpoints does not exist")
        if not all({c.unit_code, c.community_code} & scope for c in chosen):
            raise Problem(problems.FORBIDDEN, "tag.issue is not yours at one of the checkpoints")
    if not chosen:
        raise Problem(problems.CONFLICT, "there are no active checkpoints there")
    if len(chosen) > MAX_TAGS:
        raise Problem(problems.INVALID, f"at most {MAX_TAGS} tags fit a sheet; choose a smaller place")
    return chosen


def _revoke_tags(checkpoint_ids: list[UUID], now: datetime) -> None:
    old = select(Tag).where(Tag.checkpoint_id.in_(checkpoint_ids), Tag.revoked_at.is_(None))
    for tag in db.session.scalars(old.with_for_update()):
        tag.revoked_at = now


def _tags_of(sheet: TagSheet) -> list[SheetTag]:
    rows = db.session.execute(
        select(Tag, Checkpoint)
        .join(Checkpoint, Checkpoint.id == Tag.checkpoint_id)
        .where(Tag.sheet_id == sheet.id)
        .order_by(Checkpoint.code)
    )
    key = tag_key()
    return [SheetTag(c, tags.make_token(key, tag.id), tag.revoked_at is not None) for tag, c in rows]
