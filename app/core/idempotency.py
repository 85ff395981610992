"""Writes with an id of the caller's making: the same again gets the same answer, another body a 409.

The id is the row's own key (a UUIDv7), so no table of past requests is needed: the row remembers a
fingerprint of the content it was made from.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from app.core import problems


def fingerprint(content: dict[str, Any]) -> bytes:
    """SHA-256 of *content* in a fixed form."""
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).digest()


def same_or_conflict(stored: bytes, content: dict[str, Any]) -> None:
    """Return where *content* is what the stored row was made from.

    Raises:
        Problem: ID_REUSED where the id was used for something else.
    """
    if stored != fingerprint(content):
        raise problems.Problem(problems.ID_REUSED)
