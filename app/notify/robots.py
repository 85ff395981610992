"""Group robots of WeCom: whose they are, kept by the operator."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from app.core import current
from app.core.extensions import db
from app.core.ids import uuid7
from app.ledger.service import record
from app.notify.channels.http import BadAddress, Reach, check_address
from app.notify.models import ChannelAddress
from app.notify.rules import WECOM
from app.people.models import User
from app.places.models import Place
from config import WECOM_HOSTS


class RobotError(ValueError):
    """A robot that cannot be kept; the text says why, without its address."""


def robot_reach() -> Reach:
    """Which addresses a robot may have. A host that the operator has named may stand inside the network."""
    settings = current.settings()
    hosts = settings.channels.wecom_hosts
    return Reach(hosts, private=hosts != WECOM_HOSTS, loopback=not settings.is_production)


def add(url: str, *, username: str | None, place_code: str | None, now: datetime) -> UUID:
    """Give a person or a place a robot, instead of the one that they had.

    Returns:
        the robot's id.

    Raises:
        RobotError: where the address or the owner will not do.
    """
    try:
        check_address(url, robot_reach())
    except BadAddress as error:
        raise RobotError(str(error)) from error
    street_code, user_id = _owner(username, place_code)
    for old in _active(street_code):
        if (old.user_id, old.place_code) == (user_id, place_code):
            _turn_off(old)
    robot = ChannelAddress(
        id=uuid7(now),
        street_code=street_code,
        channel=WECOM,
        user_id=user_id,
        place_code=place_code,
        address=url,
        active=True,
        created_at=now,
    )
    db.session.add(robot)
    db.session.flush()
    _record(robot)
    return robot.id


def _owner(username: str | None, place_code: str | None) -> tuple[str, UUID | None]:
    """Street and, for a robot of a person, who that is."""
    if (username is None) == (place_code is None):
        raise RobotError("A robot is of one person or of one place.")
    if username is not None:
        user = db.session.execute(
            select(User.street_code, User.id).where(User.username == username.lower())
        ).one_or_none()
        if user is None:
            raise RobotError(f"There is nobody with the user name {username}.")
        return user.street_code, user.id
    street_code = db.session.scalar(select(Place.street_code).where(Place.code == place_code))
    if street_code is None:
        raise RobotError(f"There is no place with the code {place_code}.")
    return street_code, None


def remove(robot_id: UUID) -> bool:
    """Turn a robot off; False where there is none that is on."""
    robot = db.session.get(ChannelAddress, robot_id)
    if robot is None or not robot.active:
        return False
    _turn_off(robot)
    return True


def in_use() -> Sequence[ChannelAddress]:
    """All robots that are on, by street and place."""
    return db.session.scalars(
        select(ChannelAddress)
        .where(ChannelAddress.active)
        .order_by(ChannelAddress.street_code, ChannelAddress.place_code, ChannelAddress.id)
    ).all()


def _active(street_code: str) -> list[ChannelAddress]:
    return [robot for robot in in_use() if robot.street_code == street_code]


def _turn_off(robot: ChannelAddress) -> None:
    robot.active = False
    _record(robot)


def _record(robot: ChannelAddress) -> None:
    record(
        "channel_address.changed",
        actor_id=None,
        actor_kind="cli",
        street_code=robot.street_code,
        place_code=robot.place_code or robot.street_code,
        subject_kind="channel_address",
        subject_id=robot.id,
        data={
            "channel": robot.channel,
            "active": robot.active,
            "user_id": str(robot.user_id) if robot.user_id else None,
        },
    )
