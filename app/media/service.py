"""Naming photos and serving them. A use and its photo may come in any order, seconds or days apart."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Row, text

from app.core import current, problems
from app.core.extensions import db
from app.core.problems import Problem
from app.core.transactions import end_reading
from app.media import pictures, queries, rules, storage
from app.media.rules import ROLES, Claimed, Exif

Size = Literal["small", "large"]


@dataclass(frozen=True, slots=True)
class Claim:
    """A photo as an entry of the phone's log names it.

    Attributes:
        sha256: of the bytes, 64 lower-case hexadecimal digits.
        role: one of ``rules.ROLES``.
        captured_at: when it was taken, with the skew of the phone's clock taken away.
        lat, lon, accuracy_m: where it was taken, WGS-84; None where the phone had no fix, or none that
            may be kept.
    """

    sha256: str
    role: str
    ordinal: int
    captured_at: datetime
    lat: float | None
    lon: float | None
    accuracy_m: float | None


@dataclass(frozen=True, slots=True)
class Served:
    """A picture to send: drawn by us, with nothing of the original file but what one sees."""

    content_type: str
    body: bytes
    etag: str


# Also says whether any of the photos has arrived: of most reports none has, or all.
_USE = text("""
    with used as (
        insert into photo_use (street_code, subject_kind, subject_id, sha256, role, ordinal, place_code, entry_id,
                               used_by, used_at, captured_at, claim_lat, claim_lon, claim_accuracy_m)
        select street_code, subject_kind, subject_id, sha256, role, ordinal, place_code, entry_id,
               used_by, used_at, captured_at, claim_lat, claim_lon, claim_accuracy_m
        from json_populate_recordset(null::photo_use, cast(:rows as json))
        on conflict do nothing
    )
    select exists (select from photo where street_code = :street_code and sha256 = any(:hashes))
""")


def use_photos(
    *,
    street_code: str,
    place_code: str,
    subject_kind: str,
    subject_id: UUID,
    entry_id: UUID,
    used_by: UUID,
    claims: Sequence[Claim],
    now: datetime,
) -> None:
    """Note that a subject names photos; they may have arrived, or come later, or never.

    The same use again changes nothing.

    Args:
        place_code: where the subject lies; decides who hears of a photo that never comes.
    """
    if not claims:
        return
    rows = [
        {
            "street_code": street_code,
            "subject_kind": subject_kind,
            "subject_id": subject_id,
            "sha256": claim.sha256,
            "role": claim.role,
            "ordinal": claim.ordinal,
            "place_code": place_code,
            "entry_id": entry_id,
            "used_by": used_by,
            "used_at": now,
            "captured_at": claim.captured_at,
            "claim_lat": claim.lat,
            "claim_lon": claim.lon,
            "claim_accuracy_m": claim.accuracy_m,
        }
        for claim in claims
    ]
    hashes = {claim.sha256 for claim in claims}
    given = {"rows": json.dumps(rows, default=str), "street_code": street_code, "hashes": list(hashes)}
    if db.session.scalar(_USE, given):
        join(street_code, hashes)


def join(street_code: str, hashes: Collection[str]) -> int:
    """Compare photos that have arrived with the uses that wait for them, and note the doubts.

    Whichever of the two comes last calls this in its transaction. Where both come at the very same
    moment neither sees the other; a job of the worker calls it again for those.

    Returns:
        how many uses were joined.
    """
    rows = db.session.execute(_USES, {"street_code": street_code, "hashes": list(hashes)}).all()
    rows = sorted(rows, key=lambda row: (row.sha256, row.used_at, ROLES.index(row.role), row.subject_id))
    settled = []
    for sha256, group in groupby(rows, key=lambda row: row.sha256):
        uses = list(group)
        settled += [_compared(sha256, use, uses[:place]) for place, use in enumerate(uses) if use.waiting]
    if settled:
        arrived = sorted({use["sha256"] for use in settled})
        given = {"street_code": street_code, "rows": json.dumps(settled), "hashes": arrived}
        db.session.execute(_SETTLE, given)
    return len(settled)


# Every use of the photos that have arrived, with what is known of the photo; those that wait are locked.
_USES = text("""
    with waiting as materialized (
        select subject_kind, subject_id, sha256, role from photo_use u
        where street_code = :street_code and sha256 = any(:hashes) and doubts is null
          and exists (select from photo p where p.street_code = u.street_code and p.sha256 = u.sha256)
        for update skip locked
    )
    select u.subject_kind, u.subject_id, u.sha256, u.role, u.used_at, u.captured_at, u.claim_lat, u.claim_lon,
           u.claim_accuracy_m, p.exif_taken_at, p.exif_lat, p.exif_lon, p.camera, w.sha256 is not null as waiting
    from photo p
    join photo_use u on u.street_code = p.street_code and u.sha256 = p.sha256
    left join waiting w on (w.subject_kind, w.subject_id, w.sha256, w.role)
                         = (u.subject_kind, u.subject_id, u.sha256, u.role)
    where p.street_code = :street_code and p.sha256 = any(:hashes) and exists (select from waiting)
""")
# The photos are updated, not only locked: a sweep that has seen the row already looks at it again.
_SETTLE = text("""
    with found as (
        select * from json_to_recordset(cast(:rows as json)) as found (
            subject_kind text, subject_id uuid, sha256 text, role text, doubts text[], distance_m float8)
    ), settled as (
        update photo_use u
           set doubts = found.doubts, distance_m = found.distance_m,
               claim_lat = null, claim_lon = null, claim_accuracy_m = null
          from found
         where u.street_code = :street_code and u.subject_kind = found.subject_kind
           and u.subject_id = found.subject_id and u.sha256 = found.sha256 and u.role = found.role
    )
    update photo set used = true where street_code = :street_code and sha256 = any(:hashes) and not used
""")


def _compared(sha256: str, use: Row[Any], before: Sequence[Row[Any]]) -> dict[str, Any]:
    """The doubts of one use, *before* which others came; the position of its claim has done its service
    then."""
    exif = Exif(use.exif_taken_at, use.exif_lat, use.exif_lon, use.camera)
    claim = Claimed(use.captured_at, use.claim_lat, use.claim_lon, use.claim_accuracy_m)
    earlier = {(other.subject_kind, str(other.subject_id), other.role) for other in before}
    return {
        "subject_kind": use.subject_kind,
        "subject_id": str(use.subject_id),
        "sha256": sha256,
        "role": use.role,
        "doubts": list(rules.doubts(exif, claim, earlier)),
        "distance_m": rules.apart_m(exif, claim),
    }


def photo_for(street_code: str, sha256: str, size: Size) -> Served:
    """The photo in a served size. The caller has made sure that the asker may see a subject that names it.

    Until the worker has drawn the sizes the wanted one is drawn at once, so that a photo can be looked at
    from the moment it is stored. No transaction is open meanwhile: whatever the caller read is read anew.

    Raises:
        Problem: PHOTO_NOT_HERE with its ``state`` (and ``problem``) where there is nothing to show,
            PHOTO_STORE_AWAY where the store cannot be reached.
        RuntimeError: where the caller has written something in this transaction.
    """
    photo = queries.photo_row(street_code, sha256)
    if photo is None:
        raise Problem(problems.PHOTO_NOT_HERE, state="missing")
    if photo.storage_key is None:
        raise Problem(problems.PHOTO_NOT_HERE, state="rejected", problem=photo.problem)
    key, ready = photo.storage_key, photo.state == "ready"
    end_reading()
    try:
        body = _drawn(storage.open_store(current.settings().photos), key, size, ready=ready)
    except storage.GoneError as error:
        raise Problem(problems.PHOTO_NOT_HERE, state="missing") from error
    except pictures.UnfitError as error:
        raise Problem(problems.PHOTO_NOT_HERE, state="rejected", problem=error.kind.slug) from error
    except storage.StoreError as error:
        raise Problem(problems.PHOTO_STORE_AWAY, str(error), headers={"Retry-After": "10"}) from error
    return Served("image/jpeg", body, etag=f"{sha256}-{size}")


def _drawn(store: storage.Store, key: str, size: Size, *, ready: bool) -> bytes:
    if ready:
        try:
            return store.get(storage.size_key(key, size))
        except storage.GoneError:  # a served size can always be drawn again
            return pictures.draw(storage.get_original(store, key), size)[size]
    return pictures.draw(storage.get_original(store, key), size)[size]
