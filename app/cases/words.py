"""The closed lists of words that cases are told in; wire shapes and rules share them."""

from __future__ import annotations

from typing import Final

SOURCES: Final = ("patrol", "hotline", "shop_code", "sensor", "video", "inspection")
LEVELS: Final = ("common", "key", "difficult")
MODES: Final = ("point", "assign", "watch")
PARTS: Final = ("owner", "co_handler", "watcher", "arbiter", "verifier")
UNITS: Final = ("urgent_hours", "urgent_days", "work_hours", "work_days")
RETURN_REASONS: Final = ("not_ours", "wrong_place", "not_found", "beyond_means", "other")
PHOTO_ROLES: Final = ("before", "after", "verify", "note")
# What somebody who could be given a case has had to do with it: holds it, has just given it back, gave it back
# earlier, held it.
HAD_IT: Final = ("owner", "just_returned", "returned", "former")
# Steps that stand in a timeline beside those of life.json: filed at first, done by a rule of the policy,
# or arrived from somebody who was no longer on the case.
OTHER_STEPS: Final = ("file", "escalate", "late")
