"""Deliveries between the database and the providers: what may be sent now, and how it went.

Both are short transactions; the sending lies between them. What is claimed has a lease: a worker that
is killed in the middle leaves a delivery that comes up again when the lease is over, so a message may
be sent twice but is never lost. The browser shows one notification for both, because they have one tag.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from app.core import current
from app.core.extensions import db
from app.core.keys import derive_key
from app.notify import receipts, rules, subscriptions, words
from app.notify.addresses import Address, addresses_of
from app.notify.channels.base import Failed, Gone, Message, Result, Retry
from app.notify.models import ChannelAddress, Delivery, LaneRest, Notification
from app.notify.preferences import chosen_by
from app.notify.rules import WEB_PUSH, WECOM
from app.people.models import User

LEASE_SLACK = timedelta(seconds=50)  # beyond the deadline of a send: a slow name server, a busy machine
STALE_AFTER = timedelta(hours=24)  # news that could not be sent for a day are for the inbox
REASON_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Claim:
    """A delivery that this worker has taken; ``attempt`` tells the claim from later ones of the same."""

    street_code: str
    user_id: UUID
    notification_id: UUID
    channel: str
    address_id: UUID
    attempt: int


@dataclass(frozen=True, slots=True)
class Parcel:
    """A claimed delivery with all that its channel needs."""

    claim: Claim
    address: Address
    message: Message


# Lanes with something due that do not rest, urgent ones first; lanes are found by jumping from one to the
# next in the index, so a long queue before a dead provider costs nothing.
_LANES = text("""
    with recursive found as (
      (select lane from delivery where state in ('pending', 'sending') order by lane limit 1)
      union all
      select (select d.lane from delivery d where d.state in ('pending', 'sending') and d.lane > f.lane
              order by d.lane limit 1)
      from found f where f.lane is not null
    )
    select f.lane, due.urgent
    from found f
    left join lane_rest r on r.lane = f.lane
    cross join lateral (
      select d.urgent from delivery d
      where d.lane = f.lane and d.state in ('pending', 'sending') and d.due_at <= :now
      order by d.urgent desc limit 1
    ) due
    where coalesce(r.rests_until, '-infinity') <= :now
    order by due.urgent desc, f.lane
""")
_LOCK_LANE = text("select pg_try_advisory_xact_lock(hashtext('notify_lane'), hashtext(:lane))")
_KEY = tuple_(
    Delivery.street_code,
    Delivery.user_id,
    Delivery.notification_id,
    Delivery.channel,
    Delivery.address_id,
)


def claim(now: datetime, room: int) -> list[Parcel]:
    """Take at most *room* deliveries that may be sent now, a bounded number of each lane.

    A lane is locked while its sends are counted, so that all workers together keep to its width.
    """
    parcels: list[Parcel] = []
    for lane in db.session.scalars(_LANES, {"now": now}).all():
        room_left = room - len(parcels)
        if room_left > 0 and db.session.scalar(_LOCK_LANE, {"lane": lane}):
            parcels += _claim_lane(lane, min(room_left, _width(lane, now)), now)
    return parcels


def _width(lane: str, now: datetime) -> int:
    """How many more sends the lane bears beside those under way."""
    under_way = db.session.scalar(
        select(func.count()).where(Delivery.lane == lane, Delivery.state == "sending", Delivery.due_at > now)
    )
    failures = db.session.scalar(select(LaneRest.failures).where(LaneRest.lane == lane))
    return rules.lane_width(failures or 0) - (under_way or 0)


def _claim_lane(lane: str, most: int, now: datetime) -> list[Parcel]:
    parcels: list[Parcel] = []
    while len(parcels) < most:
        claims = _take(lane, most - len(parcels), now)
        if not claims:
            break
        parcels += [parcel for claimed in claims if (parcel := _packed(claimed, now)) is not None]
    return parcels


def _take(lane: str, most: int, now: datetime) -> list[Claim]:
    """Put a lease on deliveries of the lane that are due, urgent ones first, the longest due first."""
    claims: list[Claim] = []
    for urgent in (True, False):
        if len(claims) < most:
            claims += _lease(lane, urgent, most - len(claims), now)
    return claims


def _lease(lane: str, urgent: bool, most: int, now: datetime) -> list[Claim]:
    due = (
        select(*_KEY.clauses)
        .where(
            Delivery.lane == lane,
            Delivery.urgent == urgent,
            text("state in ('pending','sending')"),  # as the index says it
            Delivery.due_at <= now,
        )
        .order_by(Delivery.due_at)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    lease = timedelta(seconds=current.settings().channels.send_deadline_s) + LEASE_SLACK
    taken = db.session.execute(
        update(Delivery)
        .where(_KEY.in_(due))
        .values(state="sending", attempt=Delivery.attempt + 1, due_at=now + lease, changed_at=now)
        .returning(
            Delivery.street_code,
            Delivery.user_id,
            Delivery.notification_id,
            Delivery.channel,
            Delivery.address_id,
            Delivery.attempt,
        )
        .execution_options(synchronize_session=False)
    )
    return [Claim(*row) for row in taken]


def _packed(claimed: Claim, now: datetime) -> Parcel | None:
    """The claimed delivery with its words and address; None, and settled, where it must not be sent."""
    key = (claimed.street_code, claimed.user_id, claimed.notification_id)
    notification = db.session.get(Notification, key)
    if notification is None or _is_over(notification) or now - notification.told_at > STALE_AFTER:
        _settle(claimed, "cancelled", now)
        return None
    found = addresses_of(claimed.street_code, [claimed.user_id], now, {claimed.channel})[claimed.user_id]
    there = (address for address in found.get(claimed.channel, ()) if address.id == claimed.address_id)
    address = next(there, None)
    if address is None:
        _settle(claimed, "gone", now, error="the address is no longer there")
        return None
    if claimed.channel == WECOM and not _take_slot(claimed, now):
        return None
    return Parcel(claimed, address, _message(notification))


def _is_over(notification: Notification) -> bool:
    return (
        notification.acknowledged_at is not None
        or notification.withdrawn_at is not None
        or notification.superseded_by is not None
    )


def _take_slot(claimed: Claim, now: datetime) -> bool:
    """Count a message of a robot; where it has none left this minute, put the delivery back."""
    robot = db.session.get_one(
        ChannelAddress, claimed.address_id, with_for_update=True, populate_existing=True
    )
    if rules.robot_room(robot.recent, now):
        robot.recent = [*robot.recent, now][-rules.ROBOT_MESSAGES :]
        return True
    free_at = rules.robot_free_at(robot.recent, now)
    _settle(claimed, "pending", now, due_at=free_at, attempt=claimed.attempt - 1)
    return False


def _message(notification: Notification) -> Message:
    street_code, user_id = notification.street_code, notification.user_id
    language = chosen_by(street_code, [user_id])[user_id].language
    person = db.session.get_one(User, user_id)
    unread = db.session.scalar(
        select(func.count()).where(
            Notification.street_code == street_code,
            Notification.user_id == user_id,
            Notification.subject_kind == notification.subject_kind,
            Notification.subject_id == notification.subject_id,
            Notification.acknowledged_at.is_(None),
            Notification.withdrawn_at.is_(None),
        )
    )
    secret = derive_key(current.settings().secret_key, "receipt")
    english = language == "en" and person.display_name_en
    return Message(
        id=notification.id,
        kind=notification.kind,
        subject_kind=notification.subject_kind,
        subject_id=notification.subject_id,
        words=words.words_of(notification.kind, notification.data, language, unread or 1),
        language=language,
        urgent=notification.urgent,
        told_at=notification.told_at,
        name=person.display_name_en if english else person.display_name,
        receipt=receipts.issue(secret, street_code, user_id, notification.id),
    )


def record(parcel: Parcel, result: Result, now: datetime) -> None:
    """Write down how a send ended. A result that comes after its lease is over counts for the lane only."""
    _note_lane(parcel.address.lane, result, now)
    state, error, due_at = _outcome(parcel, result, now)
    ours = _settle(parcel.claim, state, now, error=error, due_at=due_at)
    if isinstance(result, Gone) and ours:
        _forget_address(parcel)


def _outcome(parcel: Parcel, result: Result, now: datetime) -> tuple[str, str, datetime]:
    """State, reason and time of the next try."""
    match result:
        case Retry(reason=reason, after_s=after_s):
            pause_s = rules.retry_s(parcel.claim.attempt, after_s)
            if pause_s is None:
                return "failed", reason, now
            return "pending", reason, now + timedelta(seconds=pause_s)
        case Gone(reason=reason):
            return "gone", reason, now
        case Failed(reason=reason):
            return "failed", reason, now
        case _:
            return "sent", "", now


def _settle(
    claimed: Claim,
    state: str,
    now: datetime,
    *,
    error: str = "",
    due_at: datetime | None = None,
    attempt: int | None = None,
) -> bool:
    """Give a claimed delivery a new state; False where the claim is another's by now."""
    settled = db.session.scalars(
        update(Delivery)
        .where(
            Delivery.street_code == claimed.street_code,
            Delivery.user_id == claimed.user_id,
            Delivery.notification_id == claimed.notification_id,
            Delivery.channel == claimed.channel,
            Delivery.address_id == claimed.address_id,
            Delivery.state == "sending",
            Delivery.attempt == claimed.attempt,
        )
        .values(
            state=state,
            error=error[:REASON_LENGTH],
            due_at=due_at or now,
            changed_at=now,
            attempt=claimed.attempt if attempt is None else attempt,
        )
        .returning(Delivery.attempt)
        .execution_options(synchronize_session=False)
    ).all()
    return bool(settled)


def _note_lane(lane: str, result: Result, now: datetime) -> None:
    """Let a lane rest after failures in a row; any real answer ends its row."""
    if isinstance(result, Retry) and result.lane_down:
        row = insert(LaneRest).values(
            lane=lane, failures=1, rests_until=now, error=result.reason[:REASON_LENGTH]
        )
        failures = db.session.scalar(
            row.on_conflict_do_update(
                index_elements=["lane"],
                set_={"failures": LaneRest.failures + 1, "error": row.excluded.error},
            ).returning(LaneRest.failures)
        )
        pause = timedelta(seconds=rules.rest_s(failures or 0))
        db.session.execute(
            update(LaneRest)
            .where(LaneRest.lane == lane)
            .values(rests_until=now + pause)
            .execution_options(synchronize_session=False)
        )
    else:
        db.session.execute(
            update(LaneRest)
            .where(LaneRest.lane == lane, LaneRest.failures > 0)
            .values(failures=0, rests_until=now)
            .execution_options(synchronize_session=False)
        )


def _forget_address(parcel: Parcel) -> None:
    """The provider no longer knows the address: a browser's goes, a robot's is turned off."""
    if parcel.address.channel == WEB_PUSH:
        subscriptions.forget(
            parcel.claim.street_code,
            parcel.claim.user_id,
            parcel.address.id,
            parcel.address.values["endpoint"],
        )
    elif parcel.address.channel == WECOM:
        db.session.execute(
            update(ChannelAddress)
            .where(
                ChannelAddress.id == parcel.address.id,
                ChannelAddress.address == parcel.address.values["url"],
            )
            .values(active=False)
            .execution_options(synchronize_session=False)
        )
