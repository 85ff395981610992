"""Sends what is due: claim, send outside of any transaction, write down, for as long as there is something.

Every send has a thread of a bounded pool and a deadline. A result is written down as soon as it is
there, and room that has become free is filled at once, so a provider that hangs holds up its own lane
and nobody else.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime
from functools import partial
from typing import Any, Protocol

from app.core import current
from app.notify import outbox, robots, subscriptions
from app.notify.channels.base import Channel, Result, Retry
from app.notify.channels.sms import SmsChannel
from app.notify.channels.web_push import WebPushChannel
from app.notify.channels.wecom import WecomChannel
from app.notify.outbox import Parcel
from app.notify.rules import SMS, WEB_PUSH, WECOM
from app.notify.vapid import vapid_key_of
from config import Settings

log = logging.getLogger(__name__)

THREADS = 32
LOOK_EVERY_S = 0.5  # for what has become due while something is under way


class Transact(Protocol):
    """Runs one step in a transaction of its own and returns its result; None where that failed."""

    def __call__(self, step: Callable[[datetime], Any]) -> Any:
        """Run *step* at the present moment and commit."""
        ...


def channels_of(settings: Settings) -> dict[str, Channel]:
    """The channels that this installation can send by."""
    ours = settings.channels
    found: dict[str, Channel] = {
        WEB_PUSH: WebPushChannel(vapid_key_of(settings), subscriptions.push_reach()),
        WECOM: WecomChannel(robots.robot_reach(), mention_phones=ours.wecom_mention_phones),
    }
    if ours.sms.url:
        found[SMS] = SmsChannel(ours.sms)
    return found


def send_due(transact: Transact, stopping: Callable[[], bool]) -> None:
    """Send until nothing is due or under way. Once *stopping*, what is under way is finished."""
    settings = current.settings()
    channels, deadline_s = channels_of(settings), settings.channels.send_deadline_s
    under_way: dict[Future[Result], Parcel] = {}
    with ThreadPoolExecutor(THREADS, "send") as pool:
        while True:
            room = THREADS - len(under_way)
            if room > 0 and not stopping():
                for parcel in transact(partial(outbox.claim, room=room)) or ():
                    under_way[pool.submit(_send, channels, parcel, deadline_s)] = parcel
            if not under_way:
                return
            done, _ = wait(under_way, timeout=LOOK_EVERY_S, return_when=FIRST_COMPLETED)
            for future in done:
                transact(partial(outbox.record, under_way.pop(future), future.result()))


def _send(channels: Mapping[str, Channel], parcel: Parcel, deadline_s: float) -> Result:
    channel = channels.get(parcel.address.channel)
    if channel is None:
        return Retry("the channel is not set up")
    try:
        return channel.send(parcel.message, parcel.address.values, deadline_s)
    except Exception:
        # A fault of ours: told with its traceback, tried again, and given up after the usual number of tries.
        log.exception("a message could not be made for %s", parcel.address.channel)
        return Retry("a fault of this server")
