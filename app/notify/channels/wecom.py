"""Group robots of WeCom (企业微信): one web address per robot, a text of at most 2048 bytes.

The robot always answers 200; what counts is ``errcode`` in the body. It takes 20 messages a minute;
the outbox sees to that, because several workers send to the same robot.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from app.notify import words
from app.notify.channels import http
from app.notify.channels.base import Failed, Gone, Message, Result, Retry, Sent
from app.notify.channels.http import Answer, BadAddress, Reach, Unreachable

MAX_TEXT_BYTES = 2048
TOO_OFTEN_S = 60
OK, BUSY, TOO_OFTEN = 0, -1, 45009
NO_SUCH_ROBOT = frozenset({93000, 93008, 40035})  # the address is wrong, or the robot was taken out


class WecomChannel:
    """Sends to a group robot. The person is named, because the whole group reads it."""

    def __init__(self, reach: Reach, *, mention_phones: bool) -> None:
        self._reach = reach
        self._mention_phones = mention_phones

    def send(self, message: Message, address: Mapping[str, str], deadline_s: float) -> Result:
        """Send *message* to the robot at ``url``; ``phone`` makes it ring for the person."""
        body = self._body(message, address.get("phone", ""))
        headers = {"Content-Type": "application/json; charset=utf-8"}
        try:
            answer = http.call(
                address["url"], "POST", headers, body, reach=self._reach, deadline_s=deadline_s
            )
        except BadAddress as error:
            return Failed(str(error))
        except Unreachable as error:
            return Retry(str(error), lane_down=True)
        return _result(answer)

    def _body(self, message: Message, phone: str) -> bytes:
        said = message.words
        text = words.spoken_to(message.name, f"{said.title}\n{said.body}", message.language)
        content: dict[str, Any] = {"content": words.shortened(text, MAX_TEXT_BYTES)}
        if self._mention_phones and phone:
            content["mentioned_mobile_list"] = [phone]
        return json.dumps({"msgtype": "text", "text": content}, ensure_ascii=False).encode()


def _result(answer: Answer) -> Result:
    if answer.status == 429:
        return Retry("the robot answered 429", answer.retry_after_s or TOO_OFTEN_S)
    if answer.status >= 500:
        return Retry(f"the robot answered {answer.status}", answer.retry_after_s, lane_down=True)
    if answer.status != 200:
        return Failed(f"the robot answered {answer.status}")
    code = _errcode(answer.body)
    if code == OK:
        return Sent()
    if code in {BUSY, TOO_OFTEN}:
        return Retry(f"the robot answered errcode {code}", TOO_OFTEN_S)
    if code in NO_SUCH_ROBOT:
        return Gone(f"the robot answered errcode {code}")
    return Failed(f"the robot answered errcode {code}")


def _errcode(body: bytes) -> int | None:
    """The code in the answer; None where the answer is not one of WeCom."""
    try:
        found = json.loads(body)
    except ValueError:
        return None
    code = found.get("errcode") if isinstance(found, dict) else None
    return code if isinstance(code, int) and not isinstance(code, bool) else None
