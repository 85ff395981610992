"""Taking in the bytes of photos: whole or in parts, twice or at once by two, good or not."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.dialects.postgresql import insert

from app.core import current, problems
from app.core.extensions import db
from app.core.problems import Problem, ProblemType, catalogue
from app.core.transactions import end_reading
from app.ledger import service as ledger
from app.media import parts, pictures, queries, service, storage
from app.media.models import Photo
from app.media.parts import Arriving, Part
from app.media.pictures import Header, UnfitError

MAX_PHOTO_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of the bytes.

    Attributes:
        state: ``missing`` while parts are missing, ``stored``, ``ready`` or ``rejected``.
        received: bytes from the beginning that are here.
        problem: why they were not taken; what else was written about it is to be committed all the same.
    """

    state: str
    received: int
    problem: ProblemType | None = None


def receive(photo: Arriving, body: bytes | Part, now: datetime) -> Receipt:
    """Take in a whole photo or a part of one. The same again gives the same answer.

    The bytes are in the store before the row tells of them; a process that dies in between leaves bytes
    that nobody names, which are swept.

    Raises:
        Problem: PHOTO_STORE_AWAY where they could not be kept.
    """
    known = state(photo)
    if known.state != "missing":
        return known
    whole = body
    if isinstance(whole, Part):
        received, complete = parts.add(photo, whole, now)
        if complete is None:
            return Receipt("missing", received)
        whole = complete
    if hashlib.sha256(whole).hexdigest() != photo.sha256:
        parts.drop(photo)
        return Receipt("missing", 0, problems.PHOTO_HASH_MISMATCH)
    try:
        header = pictures.read_header(whole)
    except UnfitError as unfit:
        return _note(photo, _rejected(unfit.kind), len(whole), now)
    end_reading()
    key = storage.make_key(photo.street_code, photo.sha256)
    try:
        storage.open_store(current.settings().photos).put(key, whole)
    except storage.StoreError as error:
        raise Problem(problems.PHOTO_STORE_AWAY, str(error), headers={"Retry-After": "10"}) from error
    return _note(photo, _stored(key, header, now), len(whole), now)


def state(photo: Arriving) -> Receipt:
    """What has arrived of a photo so far: all of it, through whomever, or this person's parts."""
    known = queries.photo_row(photo.street_code, photo.sha256)
    if known is None:
        return Receipt("missing", parts.received(photo))
    problem = catalogue()[known.problem] if known.problem else None
    return Receipt(known.state, known.size_bytes, problem)


def _rejected(kind: ProblemType) -> dict[str, object]:
    return {"state": "rejected", "problem": kind.slug}


def _stored(key: str, header: Header, now: datetime) -> dict[str, object]:
    return {
        "state": "stored",
        "storage_key": key,
        "format": header.kind,
        "width": header.width,
        "height": header.height,
        "exif_taken_at": header.exif.taken_at,
        "exif_lat": header.exif.lat,
        "exif_lon": header.exif.lon,
        "camera": header.exif.camera,
        "sizes_due_at": now,
    }


def _note(photo: Arriving, outcome: dict[str, object], size_bytes: int, now: datetime) -> Receipt:
    """Write the row of a photo that has wholly arrived, and tell those who wait for it.

    Where another phone brought the same bytes meanwhile its row stands, and what was stored here is
    named by nobody.
    """
    values = outcome | {"size_bytes": size_bytes, "uploaded_by": photo.user_id, "received_at": now}
    row = insert(Photo).values(street_code=photo.street_code, sha256=photo.sha256, **values)
    written = db.session.scalar(
        row.on_conflict_do_nothing(index_elements=["street_code", "sha256"]).returning(Photo.state)
    )
    parts.drop(photo)
    if written is None:
        return state(photo)
    service.join(photo.street_code, {photo.sha256})
    ledger.record(
        f"photo.{written}",
        actor_id=photo.user_id,
        street_code=photo.street_code,
        place_code=photo.street_code,
        subject_kind="photo",
        subject_id=photo.sha256,
        data={"problem": outcome["problem"]} if "problem" in outcome else {},
    )
    return state(photo)
