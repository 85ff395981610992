"""HTTP doors of photos: bringing them in. They are served by what they belong to."""

from __future__ import annotations

import re
from typing import Any

from flask import request

from app.core import clock, pipeline, problems
from app.core.pipeline import endpoint
from app.core.problems import Problem
from app.core.transactions import end_reading
from app.core.web import Blueprint, problem_response
from app.media import intake, schemas
from app.media.intake import MAX_PHOTO_BYTES, Receipt
from app.media.parts import MAX_PART_BYTES, Arriving, Part

TAKEN_TYPES = (
    "image/jpeg",
    "image/png",
    "image/webp",
    "image/heic",
    "image/heif",
    "application/octet-stream",
)
_BYTES = {"schema": {"type": "string", "format": "binary"}}
_BODY = {"required": True, "content": dict.fromkeys(TAKEN_TYPES, _BYTES)}
_RANGE = re.compile(r"bytes ([0-9]{1,8})-([0-9]{1,8})/([0-9]{1,8})")
_HASH = re.compile(r"[0-9a-f]{64}")

blp = Blueprint("media", __name__, url_prefix="/api/v1", description="Photos: bytes by their hash")


@blp.put("/photos/<string(length=64):sha256>")
@endpoint("photo.upload")
@blp.doc(
    requestBody=_BODY,
    parameters=[
        {
            "in": "header",
            "name": "Content-Range",
            "description": "`bytes first-last/total` for a part of at most 1 MiB",
            "schema": {"type": "string"},
        }
    ],
)
@blp.alt_response(202, schema=schemas.UploadOut, description="A part is kept; more are missing")
@blp.response(200, schemas.UploadOut)
def upload_photo(sha256: str) -> Any:
    """Bring a photo, whole or in parts, under the SHA-256 of its bytes."""
    photo = _arriving(sha256)
    end_reading()  # a slow sender must not hold a connection to the database
    body = _body()
    receipt = intake.receive(photo, body, clock.now())
    if receipt.problem is not None:  # returned, not raised, so that what is known of it is committed
        return problem_response(Problem(receipt.problem))
    return _told(receipt), 202 if receipt.state == "missing" else 200


@blp.get("/photos/<string(length=64):sha256>/upload")
@endpoint("photo.upload")
@blp.response(200, schemas.UploadOut)
def upload_state(sha256: str) -> dict[str, Any]:
    """How much of a photo has arrived, to go on from there after a cut."""
    return _told(intake.state(_arriving(sha256)))


def _arriving(sha256: str) -> Arriving:
    if not _HASH.fullmatch(sha256):
        raise Problem(problems.NOT_FOUND, "A photo is named by 64 lower-case hexadecimal digits.")
    who = pipeline.principal()
    return Arriving(who.street_code, sha256, who.user_id)


def _told(receipt: Receipt) -> dict[str, Any]:
    problem = receipt.problem.uri if receipt.problem is not None else None
    return {"state": receipt.state, "received": receipt.received, "problem": problem}


def _body() -> bytes | Part:
    """The bytes of the request, checked against what it says about them.

    Raises:
        Problem: UNSUPPORTED_MEDIA or PHOTO_PART_WRONG.
    """
    if request.mimetype not in TAKEN_TYPES:
        raise Problem(problems.UNSUPPORTED_MEDIA, f"Send one of {', '.join(TAKEN_TYPES)}.")
    request.max_content_length = MAX_PHOTO_BYTES  # of this route only
    said = request.headers.get("Content-Range")
    body = request.get_data(cache=False)
    if said is None:
        return body
    found = _RANGE.fullmatch(said)
    first, last, total = (int(number) for number in found.groups()) if found else (0, -1, 0)
    if not (0 < len(body) == last - first + 1 <= MAX_PART_BYTES and last < total <= MAX_PHOTO_BYTES):
        raise Problem(
            problems.PHOTO_PART_WRONG, "Say `bytes first-last/total`, with at most 1 MiB in a part."
        )
    return Part(first, total, body)
