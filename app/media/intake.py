"""Taking in the bytes of photos: whole or in parts, twice or at once by two, good or not."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text

from app.core import current, problems
from app.core.extensions import db
from app.core.problems import Problem, ProblemType, catalogue
from app.core.transactions import end_reading
from app.ledger import service as ledger
from app.media import parts, pictures, service, storage
from app.media.parts import Arriving, Part
from app.media.pictures import Header, UnfitError

MAX_PHOTO_BYTES = 8 * 1024 * 1024
# Of one person, whole or in part. A phone sends its reports ahead of their photos and has few; more than
# this are no work, and would fill the store until they are swept.
MAX_UNNAMED = 200

# Written out, because a hundred photos a second go this way: building statements took longer than running
# them. The row, the end of its parts and the question whether somebody waits for it are one statement.
_KNOWN = text("""
    select p.state, p.size_bytes, p.problem,
           (select count(*) from photo mine where mine.street_code = :street_code
             and mine.uploaded_by = :user_id and not mine.used)
           + (select count(distinct part.sha256) from photo_part part where part.street_code = :street_code
             and part.user_id = :user_id and part.sha256 <> :sha256) as unnamed,
           exists (select from photo_use named where named.street_code = :street_code
             and named.sha256 = :sha256) as named
      from (select) one left join photo p on p.street_code = :street_code and p.sha256 = :sha256
""")
_WRITE = text("""
    with done as (
        delete from photo_part
        where street_code = :street_code and sha256 = :sha256 and user_id = :user_id
    )
    insert into photo (street_code, sha256, state, problem, used, storage_key, format, size_bytes, width,
        height, uploaded_by, received_at, exif_taken_at, exif_lat, exif_lon, camera, sizes_due_at)
    values (:street_code, :sha256, :state, :problem,
        exists (select from photo_use where street_code = :street_code and sha256 = :sha256),
        :storage_key, :format, :size_bytes, :width, :height, :user_id, :now, :exif_taken_at, :exif_lat,
        :exif_lon, :camera, :sizes_due_at)
    on conflict (street_code, sha256) do nothing
    returning state, used, problem
""")
_COLUMNS = "problem storage_key format width height exif_taken_at exif_lat exif_lon camera sizes_due_at"
_NOTHING: dict[str, object] = dict.fromkeys(_COLUMNS.split())


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
        Problem: PHOTO_STORE_AWAY where they could not be kept; PHOTO_TOO_MANY_UNNAMED where the person has
            sent so many photos that nothing names that only named ones are taken now.
    """
    row = _look(photo)
    if row.state is not None:
        return _receipt(row)
    if row.unnamed >= MAX_UNNAMED and not row.named:
        raise Problem(problems.PHOTO_TOO_MANY_UNNAMED, headers={"Retry-After": "300"})
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
        return _note(photo, {"state": "rejected", "problem": unfit.kind.slug}, len(whole), now)
    end_reading()
    key = storage.make_key(photo.street_code, photo.sha256)
    try:
        storage.open_store(current.settings().photos).put(key, whole)
    except storage.StoreError as error:
        raise Problem(problems.PHOTO_STORE_AWAY, str(error), headers={"Retry-After": "10"}) from error
    return _note(photo, _stored(key, header, now), len(whole), now)


def state(photo: Arriving) -> Receipt:
    """What has arrived of a photo so far: all of it, through whomever, or this person's parts."""
    row = _look(photo)
    return Receipt("missing", parts.received(photo)) if row.state is None else _receipt(row)


def _look(photo: Arriving) -> Row[Any]:
    """What is known of the photo, if anything, and how much its sender has sent that nothing names."""
    values = {"street_code": photo.street_code, "sha256": photo.sha256, "user_id": photo.user_id}
    return db.session.execute(_KNOWN, values).one()


def _receipt(row: Row[Any]) -> Receipt:
    return Receipt(row.state, row.size_bytes, catalogue()[row.problem] if row.problem else None)


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
    values = (
        _NOTHING
        | outcome
        | {
            "street_code": photo.street_code,
            "sha256": photo.sha256,
            "size_bytes": size_bytes,
            "user_id": photo.user_id,
            "now": now,
        }
    )
    row = db.session.execute(_WRITE, values).one_or_none()
    if row is None:
        return state(photo)
    if row.used:
        service.join(photo.street_code, {photo.sha256})
    ledger.record(
        f"photo.{row.state}",
        actor_id=photo.user_id,
        street_code=photo.street_code,
        place_code=photo.street_code,
        subject_kind="photo",
        subject_id=photo.sha256,
        data={"problem": row.problem} if row.problem else {},
    )
    return Receipt(row.state, size_bytes, catalogue()[row.problem] if row.problem else None)
