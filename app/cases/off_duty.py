"""Positions in entries about cases: the text of an entry stays only where they were taken on duty.

What follows from an entry is not touched by that: a problem found on the way home is a case like any other,
and its own position is kept with it, because it is the problem's and not the person's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import Any

from app.core.entry import Applied, Entry, Memory
from app.people.service import shift_covering

Apply = Callable[[Entry, dict[str, Any], Memory], Applied]


def forgetful(apply: Apply) -> Apply:
    """*apply*, keeping of an entry with a position that was not taken during a shift its hash only."""

    @wraps(apply)
    def run(entry: Entry, body: dict[str, Any], memory: Memory) -> Applied:
        applied = apply(entry, body, memory)
        if _positioned(body) and shift_covering(entry.user_id, entry.at) is None:
            return replace(applied, keep_payload=False)
        return applied

    return run


def _positioned(body: dict[str, Any]) -> bool:
    return body.get("fix") is not None or any(photo["fix"] is not None for photo in body.get("photos", ()))
