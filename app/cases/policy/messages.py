"""What the rules of cases say to people, in Chinese and English, from the message files beside this module."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

LANGUAGES: Final = ("zh", "en")
_HERE = Path(__file__).parent


def _flat(tree: dict[str, Any], before: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for key, value in tree.items():
        found |= _flat(value, f"{before}{key}.") if isinstance(value, dict) else {f"{before}{key}": value}
    return found


MESSAGES: Final[dict[str, dict[str, str]]] = {
    lang: _flat(json.loads((_HERE / f"messages.{lang}.json").read_text(encoding="utf-8")))
    for lang in LANGUAGES
}


def say(lang: str, key: str, **values: object) -> str:
    """The message *key* (``fault.hole``) in *lang*, with *values* filled in.

    Raises:
        KeyError: for a message, or a value in it, that there is not; a typing mistake must not be silent.
    """
    return MESSAGES[lang][key].format(**values)
