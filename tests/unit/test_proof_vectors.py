"""What the phone warns of before a check-in is what the server would doubt: vectors shared with the PWA."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from app.evidence.rules import Circumstances, Expected, Sighting, grade

VECTORS = Path(__file__).parents[1] / "vectors" / "proof_warnings.json"
CASES = json.loads(VECTORS.read_text())["cases"]
SERVER_ONLY = {"datum_suspect"}


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_the_phone_warns_of_what_would_be_doubted(case: dict[str, Any]) -> None:
    at, fix, spot = _moment(case["at"]), case["fix"], case["spot"]
    sighting = Sighting(_moment(fix["at"]), fix["lat"], fix["lon"], fix["acc"]) if fix else None
    expected = Expected(
        lat=spot["lat"],
        lon=spot["lon"],
        radius_m=spot["radius_m"],
        window_starts_at=_moment(case["window_starts_at"]),
        window_ends_at=_moment(case["window_ends_at"]),
    )
    around = Circumstances(
        at=at,
        received_at=at,
        skew_s=0.0,
        signature_ok=True,
        key_ok=True,
        chain_ok=True,
        on_duty=True,
        shared_device=False,
        tag_state="right" if case["tag"] else "none",
    )
    doubts = grade(sighting, expected, around).reasons
    assert [doubt for doubt in doubts if doubt not in SERVER_ONLY] == case["warnings"]
