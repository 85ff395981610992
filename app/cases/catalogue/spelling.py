"""How Chinese names are found by Latin letters: pinyin without tones, and its initials."""

from __future__ import annotations

import re


def spelled(name: str) -> tuple[str, str]:
    """Pinyin and initials of *name*, letters and digits only: 跨门营业 is (kuamenyingye, kmyy).

    Of characters with several readings the one that is usual in such words is taken.
    """
    from pypinyin import lazy_pinyin  # noqa: PLC0415 - its tables take 20 MB, and only imports need them

    syllables = [re.sub(r"[^a-z0-9]", "", part.lower()) for part in lazy_pinyin(name)]
    parts = [part for part in syllables if part]
    return "".join(parts), "".join(part[0] for part in parts)
