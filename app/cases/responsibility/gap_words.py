"""Gaps of the responsibility matrix as sentences that say what is missing and what to do. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from app.cases.policy.messages import say
from app.cases.responsibility.gap_rules import Gap

MOST_NAMED = 6  # departments or classes in one sentence
_COMMA = {"zh": "、", "en": ", "}
Names = tuple[str, str]  # Chinese, English


@dataclass(frozen=True, slots=True)
class Known:
    """Names in Chinese and English, by what they are names of."""

    places: Mapping[str, Names]
    departments: Mapping[str, Names]
    classes: Mapping[str, Names]
    people: Mapping[UUID, Names]


def sentence(gap: Gap, known: Known, lang: str) -> str:
    """*gap* in words of *lang* (``zh`` or ``en``)."""
    index = 0 if lang == "zh" else 1
    unknown = say(lang, "gap.nobody_known")

    def name(names: Mapping[str, Names], key: str) -> str:
        pair = names.get(key, (key, key))
        return pair[index] or pair[0]

    what = [name(known.departments, key) for key in gap.departments]
    what += [name(known.classes, key) for key in gap.class_keys]
    who = known.people.get(gap.user_id, (unknown, unknown)) if gap.user_id else (unknown, unknown)
    where = [name(known.places, code) for code in gap.place_codes]
    where += [say(lang, "gap.edge", unit=name(known.places, code)) for code in gap.edge_codes]
    return say(
        lang,
        f"gap.{gap.kind}",
        where=_COMMA[lang].join(where),
        what=say(lang, "gap.every_class") if gap.every_class else _joined(what, lang),
        who=who[index] or who[0],
    )


def _joined(names: list[str], lang: str) -> str:
    told = _COMMA[lang].join(names[:MOST_NAMED])
    return told if len(names) <= MOST_NAMED else say(lang, "gap.more", names=told, count=len(names))
