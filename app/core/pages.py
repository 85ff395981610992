"""Keyset pages: a page ends with a cursor, so that nothing is skipped or shown twice while rows arrive."""

from __future__ import annotations

import base64
import binascii
import json

from app.core import problems

MAX_PAGE = 200


def encode_cursor(*keys: str | int) -> str:
    """Pack the sort keys of the last row of a page."""
    return base64.urlsafe_b64encode(json.dumps(keys).encode()).decode().rstrip("=")


def decode_cursor(cursor: str, size: int) -> list[str | int]:
    """Unpack a cursor of *size* keys.

    Raises:
        Problem: BAD_REQUEST where it is not one of ours.
    """
    try:
        keys = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error) as error:
        raise problems.Problem(problems.BAD_REQUEST, "The page cursor is not valid.") from error
    if not isinstance(keys, list) or len(keys) != size or not all(_may_be_a_key(key) for key in keys):
        raise problems.Problem(problems.BAD_REQUEST, "The page cursor is not valid.")
    return keys


def _may_be_a_key(key: object) -> bool:
    """True for what a row can hold: a number, or text without NUL and halves of characters."""
    return isinstance(key, int) or (isinstance(key, str) and key.isprintable())
