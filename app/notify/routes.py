"""HTTP doors of notifications: one's inbox, one's settings, one's browsers."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from app.core import clock, current
from app.core.keys import derive_key
from app.core.pipeline import PUBLIC, SIGNED_IN, endpoint, principal
from app.core.web import Blueprint
from app.notify import preferences, queries, receipts, schemas, service, subscriptions
from app.notify.vapid import vapid_key_of

blp = Blueprint("notify", __name__, url_prefix="/api/v1", description="Notifications")


@blp.get("/notifications")
@endpoint(SIGNED_IN)
@blp.arguments(schemas.InboxQuery, location="query")
@blp.response(200, schemas.InboxOut)
def list_notifications(args: dict[str, Any]) -> dict[str, Any]:
    """What one was told, newest first."""
    me = principal()
    return queries.inbox(
        me.street_code,
        me.user_id,
        args.get("cursor"),
        args["limit"],
        args["unread_only"],
        language=args.get("lang"),
    )


@blp.post("/notifications/acks")
@endpoint(SIGNED_IN)
@blp.arguments(schemas.IdsBody)
@blp.response(200, schemas.UnreadOut)
def acknowledge_notifications(body: dict[str, Any]) -> dict[str, int]:
    """Say that one has read these; nobody is told of them by other ways then."""
    me = principal()
    service.acknowledge_ids(me.street_code, me.user_id, body["ids"], clock.now())
    return {"unread": queries.unread_count(me.street_code, me.user_id)}


@blp.post("/notifications/shown")
@endpoint(SIGNED_IN)
@blp.arguments(schemas.IdsBody)
@blp.response(204)
def show_notifications(body: dict[str, Any]) -> None:
    """Say that these are on the screen of an open page."""
    me = principal()
    service.mark_shown(me.street_code, me.user_id, body["ids"], clock.now())


@blp.post("/notifications/receipts")
@endpoint(PUBLIC)
@blp.arguments(schemas.ReceiptsBody)
@blp.response(204)
def take_receipts(body: dict[str, Any]) -> None:
    """What a service worker says of pushes. The answer does not tell whether a receipt was good."""
    secret = derive_key(current.settings().secret_key, "receipt")
    read = [(one["event"], receipts.read(secret, one["token"])) for one in body["receipts"]]
    service.take_receipts([(event, key) for event, key in read if key is not None], clock.now())


@blp.get("/push-key")
@endpoint(SIGNED_IN)
@blp.response(200, schemas.PushKeyOut)
def read_push_key() -> dict[str, str]:
    """The key to subscribe a browser with."""
    return {"key": vapid_key_of(current.settings()).public_key}


@blp.put("/push-subscriptions/<uuid:subscription_id>")
@endpoint(SIGNED_IN)
@blp.arguments(schemas.SubscriptionBody)
@blp.response(204)
def subscribe(body: dict[str, str], subscription_id: UUID) -> None:
    """Receive pushes in this browser; say so at every start, because browsers lose subscriptions."""
    me = principal()
    subscriptions.subscribe(
        street_code=me.street_code,
        user_id=me.user_id,
        session_id=me.session_id,
        subscription_id=subscription_id,
        now=clock.now(),
        **body,
    )


@blp.delete("/push-subscriptions/<uuid:subscription_id>")
@endpoint(SIGNED_IN)
@blp.response(204)
def unsubscribe(subscription_id: UUID) -> None:
    """Receive nothing more in this browser."""
    me = principal()
    subscriptions.unsubscribe(me.street_code, me.user_id, subscription_id)


@blp.get("/notification-settings")
@endpoint(SIGNED_IN)
@blp.response(200, schemas.SettingsOut)
def read_notification_settings() -> dict[str, Any]:
    """How one is told."""
    me = principal()
    return preferences.settings_of(me.street_code, me.user_id)


@blp.put("/notification-settings")
@endpoint(SIGNED_IN)
@blp.arguments(schemas.SettingsBody)
@blp.response(200, schemas.SettingsOut)
def change_notification_settings(body: dict[str, Any]) -> dict[str, Any]:
    """Choose how to be told."""
    me = principal()
    preferences.change_settings(me.street_code, me.user_id, **body)
    return preferences.settings_of(me.street_code, me.user_id)
