"""Naming photos and serving them. A use and its photo may come in any order, seconds or days apart."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import and_, select, text, update

from app.core import current, problems
from app.core.extensions import db
from app.core.problems import Problem
from app.core.transactions import end_reading
from app.media import pictures, queries, rules, storage
from app.media.models import Photo, PhotoUse
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
    together = and_(Photo.street_code == PhotoUse.street_code, Photo.sha256 == PhotoUse.sha256)
    waiting = db.session.execute(
        select(PhotoUse, Photo)
        .join(Photo, together)
        .where(
            PhotoUse.street_code == street_code,
            PhotoUse.sha256.in_(hashes),
            PhotoUse.doubts.is_(None),
        )
        .with_for_update(of=PhotoUse, skip_locked=True)
    ).all()
    if not waiting:
        return 0
    arrived = {photo.sha256 for _use, photo in waiting}
    all_uses = _uses_of(street_code, arrived)
    for use, photo in waiting:
        _settle(use, photo, all_uses[photo.sha256])
    # An update, not only a lock: a sweep that has seen the row already looks at it again.
    db.session.execute(
        update(Photo)
        .where(Photo.street_code == street_code, Photo.sha256.in_(arrived), ~Photo.used)
        .values(used=True)
        .execution_options(synchronize_session=False)
    )
    return len(waiting)


def _uses_of(street_code: str, hashes: Collection[str]) -> dict[str, list[PhotoUse]]:
    """All uses of some photos, in the order in which they came."""
    uses: dict[str, list[PhotoUse]] = {sha256: [] for sha256 in hashes}
    for use in db.session.scalars(
        select(PhotoUse).where(PhotoUse.street_code == street_code, PhotoUse.sha256.in_(hashes))
    ):
        uses[use.sha256].append(use)
    for found in uses.values():
        found.sort(key=lambda use: (use.used_at, ROLES.index(use.role), use.subject_id))
    return uses


def _settle(use: PhotoUse, photo: Photo, all_uses: Sequence[PhotoUse]) -> None:
    """Note the doubts of one use; the position of its claim has done its service then."""
    exif = Exif(photo.exif_taken_at, photo.exif_lat, photo.exif_lon, photo.camera)
    claim = Claimed(use.captured_at, use.claim_lat, use.claim_lon, use.claim_accuracy_m)
    before = all_uses[: all_uses.index(use)]
    earlier = {(other.subject_kind, str(other.subject_id), other.role) for other in before}
    use.doubts = list(rules.doubts(exif, claim, earlier))
    use.distance_m = rules.apart_m(exif, claim)
    use.claim_lat = use.claim_lon = use.claim_accuracy_m = None


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
