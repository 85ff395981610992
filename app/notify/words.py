"""The words of a notification: templates of the message files, filled with values. Pure but for the files.

A sentence whose value is not known is left out; each template ends with a sentence that needs none and
says what to do next. Values come from people's typing at times: they are cut, put on one line, and are
never read as templates.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from app.core.fields import visible
from app.notify.rules import LOCAL

HERE = Path(__file__).parent
LONGEST_VALUE = 60  # characters
_SLOT = re.compile(r"\{(\w+)\}")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class Words:
    """What a person reads."""

    title: str
    body: str


@cache
def messages(language: str) -> dict[str, Any]:
    """The message file of a language (``zh`` or ``en``)."""
    found: dict[str, Any] = json.loads((HERE / f"messages.{language}.json").read_text(encoding="utf-8"))
    return found


def words_of(kind: str, data: Mapping[str, Any], language: str, unread: int = 1) -> Words:
    """The words of one notification.

    Args:
        kind: of rules.KINDS.
        data: values of the templates: ``number``, ``class_zh``, ``class_en``, ``due_at`` (wire time) …
        unread: how many notifications of the same subject this one stands for.

    Raises:
        KeyError: for a kind without words.
    """
    texts = messages(language)
    template = texts[kind]
    title = _filled(template["title"], data, language, fallback=True) or ""
    parts = [_filled(part, data, language) for part in template["body"]]
    body = texts["form.joint"].join(texts["form.sentence"].replace("{0}", part) for part in parts if part)
    if unread > 1:
        title += texts["form.count"].replace("{n}", str(unread))
    return Words(title, body)


def spoken_to(name: str, text: str, language: str) -> str:
    """*text* with the name of whom it is for, where several people read it."""
    form: str = messages(language)["form.spoken_to"]
    values = {"name": _value(name), "text": text}
    return _SLOT.sub(lambda slot: values[slot[1]], form)


def _filled(template: str, data: Mapping[str, Any], language: str, *, fallback: bool = False) -> str | None:
    """The template with its values; None where one is missing and has no *fallback*."""
    values = {}
    for name in _SLOT.findall(template):
        value = _lookup(name, data, language) or (
            messages(language).get(f"name.{name}", "") if fallback else ""
        )
        if not value:
            return None
        values[name] = value
    return _SLOT.sub(lambda slot: values[slot[1]], template)


def _lookup(name: str, data: Mapping[str, Any], language: str) -> str:
    if name == "due":
        return _moment(data.get("due_at"), language)
    other = "en" if language == "zh" else "zh"
    for key in (f"{name}_{language}", name, f"{name}_{other}"):
        found = data.get(key)
        if found not in (None, ""):
            text = _value(("no", "yes")[found] if isinstance(found, bool) else str(found))
            return str(messages(language).get(f"value.{name}.{text}", text))
    return ""


def _value(text: str) -> str:
    plain = visible(" ".join(text.split()))
    return plain if len(plain) <= LONGEST_VALUE else plain[: LONGEST_VALUE - 1] + "…"


def _moment(value: Any, language: str) -> str:
    if not isinstance(value, str) or not value:
        return ""
    local = datetime.fromisoformat(value).astimezone(LOCAL)
    parts = {
        "month": str(local.month),
        "month_name": _MONTHS[local.month - 1],
        "day": str(local.day),
        "hour": f"{local.hour:02d}",
        "minute": f"{local.minute:02d}",
    }
    form: str = messages(language)["form.time"]
    return _SLOT.sub(lambda slot: parts[slot[1]], form)


def shortened(text: str, max_bytes: int) -> str:
    """*text* in at most *max_bytes* of UTF-8, cut between characters, with … where something was cut.

    Joined emoji and combining marks are not torn off the character before them.
    """
    if len(text.encode()) <= max_bytes:
        return text
    room = max_bytes - len("…".encode())
    if room < 0:
        return ""
    cut = text.encode()[:room].decode(errors="ignore")
    rest = text[len(cut) :]
    while cut and rest and (_joins(rest[0]) or cut[-1] == "\u200d"):
        rest = cut[-1] + rest
        cut = cut[:-1]
    return cut + "…"


def _joins(char: str) -> bool:
    """True for characters that change the one before them."""
    return (
        char == "\u200d"
        or "\ufe00" <= char <= "\ufe0f"
        or "\u0300" <= char <= "\u036f"
        or ("\U0001f3fb" <= char <= "\U0001f3ff")
    )
