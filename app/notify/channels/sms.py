"""Text messages through whatever gateway the operator has: address, body and success are settings."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from app.notify import words
from app.notify.channels import http
from app.notify.channels.base import Failed, Message, Result, Retry, Sent
from app.notify.channels.http import Answer, BadAddress, Reach, Unreachable
from config import SmsSettings

MAX_CHARACTERS = 134  # two parts of a text message with Chinese characters
_SLOT = re.compile(r"\{(phone|text)\}")


class SmsChannel:
    """Hands texts to the gateway. The gateway's address is the operator's own word, so it may be inside."""

    def __init__(self, settings: SmsSettings) -> None:
        self._settings = settings
        self._success = re.compile(settings.success)
        self._reach = Reach(hosts=None, private=True, loopback=True, plain=True)

    def send(self, message: Message, address: Mapping[str, str], deadline_s: float) -> Result:
        """Send *message* to the number ``phone``."""
        values = {"phone": address["phone"], "text": text_of(message)}
        url = _filled(self._settings.url, {name: quote(value, safe="") for name, value in values.items()})
        body, headers = self._body(values)
        try:
            answer = http.call(
                url, self._settings.method, headers, body, reach=self._reach, deadline_s=deadline_s
            )
        except BadAddress:
            return Failed("SMS_URL makes no address")
        except Unreachable as error:
            return Retry(str(error), lane_down=True)
        return self._result(answer)

    def _body(self, values: Mapping[str, str]) -> tuple[bytes | None, dict[str, str]]:
        headers = dict(self._settings.headers)
        if self._settings.method == "GET":
            return None, headers
        body = _filled_in(self._settings.body, values)
        if self._settings.format == "form":
            kind, raw = "application/x-www-form-urlencoded", urlencode(body).encode()
        else:
            kind, raw = "application/json", json.dumps(body, ensure_ascii=False).encode()
        return raw, {"Content-Type": kind} | headers

    def _result(self, answer: Answer) -> Result:
        if answer.status == 429:
            return Retry("the gateway answered 429", answer.retry_after_s)
        if answer.status >= 500:
            return Retry(f"the gateway answered {answer.status}", answer.retry_after_s, lane_down=True)
        if not 200 <= answer.status < 300:
            return Failed(f"the gateway answered {answer.status}")
        if not self._success.search(answer.body.decode(errors="replace")):
            return Failed("the gateway did not say that it took the message")
        return Sent()


def text_of(message: Message) -> str:
    """Title and body on one line, at most two parts of a text message."""
    said = f"{message.words.title} {message.words.body}"
    if len(said) <= MAX_CHARACTERS:
        return said
    return words.shortened(said[: MAX_CHARACTERS - 1] + "…", 4 * MAX_CHARACTERS)


def _filled(template: str, values: Mapping[str, str]) -> str:
    return _SLOT.sub(lambda slot: values[slot[1]], template)


def _filled_in(template: Any, values: Mapping[str, str]) -> Any:
    """The template with its strings filled, however deep they stand."""
    if isinstance(template, dict):
        return {key: _filled_in(value, values) for key, value in template.items()}
    if isinstance(template, list):
        return [_filled_in(value, values) for value in template]
    return _filled(template, values) if isinstance(template, str) else template
