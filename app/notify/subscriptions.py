"""Browsers that receive Web Push."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import delete, select, text

from app.core import current, problems
from app.core.extensions import db
from app.ledger.service import record
from app.notify.channels.http import BadAddress, Reach, check_address
from app.notify.models import PushSubscription

MOST_BROWSERS = 8  # of one person; the one not heard of for longest goes


def push_reach() -> Reach:
    """Which addresses a push service may have. Whoever signs in names one, so this is a short list."""
    settings = current.settings()
    return Reach(hosts=settings.channels.push_hosts, loopback=not settings.is_production)


def subscribe(
    *,
    street_code: str,
    user_id: UUID,
    session_id: UUID,
    subscription_id: UUID,
    endpoint: str,
    p256dh: str,
    auth: str,
    label: str,
    now: datetime,
) -> None:
    """This browser receives the pushes of the person who is signed in there; said again at every start.

    The endpoint is a secret of the browser and its push service, so whoever names it sits at that
    browser: it moves to them from whoever was there before.

    Raises:
        Problem: INVALID where the endpoint is not of a known push service or a key is none, ID_REUSED
            where the id belongs to another person's browser.
    """
    _check(endpoint, p256dh, auth)
    _lock(endpoint, str(subscription_id))
    known = db.session.execute(
        select(
            PushSubscription.id,
            PushSubscription.endpoint,
            PushSubscription.user_id,
            PushSubscription.created_at,
        ).where((PushSubscription.id == subscription_id) | (PushSubscription.endpoint == endpoint))
    ).all()
    if any(row.endpoint != endpoint and row.user_id != user_id for row in known):
        raise problems.Problem(problems.ID_REUSED)
    own = [row.created_at for row in known if row.user_id == user_id]
    db.session.execute(delete(PushSubscription).where(PushSubscription.id.in_([row.id for row in known])))
    db.session.add(
        PushSubscription(
            id=subscription_id,
            street_code=street_code,
            user_id=user_id,
            session_id=session_id,
            endpoint=endpoint,
            p256dh=p256dh,
            auth=auth,
            label=label,
            created_at=min(own, default=now),
            confirmed_at=now,
        )
    )
    db.session.flush()
    _drop_oldest(street_code, user_id)
    if not own:
        _record("push_subscription.added", street_code, user_id, subscription_id, actor_id=user_id)


def _lock(*words: str) -> None:
    """Two tabs of one browser start together: the second waits until the first has been written."""
    for word in sorted(words):
        db.session.execute(
            text("select pg_advisory_xact_lock(hashtext('push_subscription'), hashtext(:word))"),
            {"word": word},
        )


def _check(endpoint: str, p256dh: str, auth: str) -> None:
    wrong: dict[str, list[str]] = {}
    try:
        check_address(endpoint, push_reach())
    except BadAddress as error:
        wrong["endpoint"] = [str(error)]
    if not _is_point(p256dh):
        wrong["p256dh"] = ["Not a P-256 public key in base64url."]
    if len(_decoded(auth)) != 16:
        wrong["auth"] = ["Not 16 bytes in base64url."]
    if wrong:
        raise problems.Problem(problems.INVALID, errors=wrong)


def _decoded(word: str) -> bytes:
    try:
        return base64.b64decode(word + "=" * (-len(word) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        return b""


def _is_point(word: str) -> bool:
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), _decoded(word))
    except ValueError:
        return False
    return True


def _drop_oldest(street_code: str, user_id: UUID) -> None:
    surplus = (
        select(PushSubscription.id)
        .where(PushSubscription.street_code == street_code, PushSubscription.user_id == user_id)
        .order_by(PushSubscription.confirmed_at.desc(), PushSubscription.id.desc())
        .offset(MOST_BROWSERS)
    )
    db.session.execute(
        delete(PushSubscription)
        .where(PushSubscription.id.in_(surplus))
        .execution_options(synchronize_session=False)
    )


def unsubscribe(street_code: str, user_id: UUID, subscription_id: UUID) -> None:
    """This browser receives nothing more; nothing happens where it did not, or not for this person."""
    gone = db.session.scalars(
        delete(PushSubscription)
        .where(PushSubscription.id == subscription_id, PushSubscription.user_id == user_id)
        .returning(PushSubscription.id)
    ).all()
    if gone:
        _record("push_subscription.removed", street_code, user_id, subscription_id, actor_id=user_id)


def forget(street_code: str, user_id: UUID, subscription_id: UUID, endpoint: str) -> None:
    """The push service no longer knows the browser. A newer endpoint of the same browser stays."""
    gone = db.session.scalars(
        delete(PushSubscription)
        .where(PushSubscription.id == subscription_id, PushSubscription.endpoint == endpoint)
        .returning(PushSubscription.id)
    ).all()
    if gone:
        _record("push_subscription.removed", street_code, user_id, subscription_id, actor_id=None)


def _record(
    action: str, street_code: str, user_id: UUID, subscription_id: UUID, *, actor_id: UUID | None
) -> None:
    record(
        action,
        actor_id=actor_id,
        actor_kind="user" if actor_id else "worker",
        street_code=street_code,
        place_code=street_code,
        subject_kind="push_subscription",
        subject_id=subscription_id,
        data={"user_id": str(user_id)},
    )
