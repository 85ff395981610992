"""Where people can be reached just now: browsers of living sessions, group robots, telephones."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import text

from app.core import clock, current
from app.core.extensions import db
from app.notify.rules import CHANNELS, SMS, WEB_PUSH, WECOM

PHONE = re.compile(r"\+?\d{5,15}")


@dataclass(frozen=True, slots=True)
class Address:
    """One way to one person. ``values`` hold what the channel needs and are never logged or recorded.

    Attributes:
        id: of the subscription or robot; of the person for a telephone.
        lane: what may be slow or dead as a whole: the origin that is called, or ``sms``.
    """

    channel: str
    id: UUID
    lane: str
    values: dict[str, str] = field(repr=False)


Addresses = dict[UUID, dict[str, list[Address]]]

# A browser counts while the session is alive in which it subscribed: signing out stops the pushes.
_BROWSERS = text("""
    select p.user_id, p.id, p.endpoint, p.p256dh, p.auth
    from push_subscription p
    join sign_in_session s on s.id = p.session_id
    join app_user u on u.id = p.user_id
    where p.street_code = :street_code and p.user_id = any(:people)
      and s.ended_at is null and s.expires_at > :now and u.active
    order by p.confirmed_at desc
""")
# A robot of one's own, else that of the nearest place above a post in force.
_ROBOTS = text("""
    select distinct on (u.id) u.id as user_id, a.id, a.address, u.phone
    from app_user u
    join channel_address a on a.street_code = u.street_code and a.channel = 'wecom' and a.active
    left join post p on p.user_id = u.id
      and (p.starts_on is null or p.starts_on <= :today) and (p.ends_on is null or p.ends_on >= :today)
    left join place l on l.code = p.place_code
    where u.street_code = :street_code and u.id = any(:people) and u.active
      and (a.user_id = u.id or a.place_code = any(l.path))
    order by u.id, (a.user_id is null), array_position(l.path, a.place_code) desc nulls last, a.id
""")
_TELEPHONES = text("""
    select id as user_id, phone from app_user
    where street_code = :street_code and id = any(:people) and active and phone <> ''
""")


def origin(url: str) -> str:
    """Scheme, host and port of *url*: what is slow or dead together."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


def dialable(phone: str) -> str:
    """The telephone number without spaces and dashes, or "" where it is none."""
    plain = re.sub(r"[\s()-]", "", phone)
    return plain if PHONE.fullmatch(plain) else ""


def addresses_of(
    street_code: str, people: Collection[UUID], now: datetime, channels: Collection[str] = CHANNELS
) -> Addresses:
    """The addresses of *people* on *channels*, by person and channel. Who is not active has none."""
    found: Addresses = {user_id: {} for user_id in people}

    def add(user_id: UUID, address: Address) -> None:
        found[user_id].setdefault(address.channel, []).append(address)

    asked = {
        "street_code": street_code,
        "people": list(people),
        "now": now,
        "today": now.astimezone(clock.SHANGHAI).date(),
    }
    if WEB_PUSH in channels:
        for row in db.session.execute(_BROWSERS, asked):
            values = {"endpoint": row.endpoint, "p256dh": row.p256dh, "auth": row.auth}
            add(row.user_id, Address(WEB_PUSH, row.id, origin(row.endpoint), values))
    if WECOM in channels:
        for row in db.session.execute(_ROBOTS, asked):
            values = {"url": row.address, "phone": dialable(row.phone)}
            add(row.user_id, Address(WECOM, row.id, origin(row.address), values))
    if SMS in channels and current.settings().channels.sms.url:
        for row in db.session.execute(_TELEPHONES, asked):
            if phone := dialable(row.phone):
                add(row.user_id, Address(SMS, row.user_id, SMS, {"phone": phone}))
    return found
