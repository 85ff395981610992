"""Looking at a person's track is an act: it is written down, and the person can see who looked."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from sqlalchemy import select

from app.core import geo
from app.core.extensions import db
from app.evidence.models import TrackFix, TrackGap
from app.insights import board_queries
from app.ledger import service as ledger
from app.patrols.models import Round


def view_track(walked: Round, *, viewer_id: UUID) -> dict[str, Any]:
    """The positions, gaps and check-ins of one round, in the order of the phone's clock, in WGS-84.

    Writes ``track.viewed`` to the ledger.
    """
    fixes = db.session.scalars(
        select(TrackFix)
        .where(TrackFix.street_code == walked.street_code, TrackFix.round_id == walked.id)
        .order_by(TrackFix.fixed_at, TrackFix.entry_id, TrackFix.ordinal)
    ).all()
    gaps = db.session.scalars(
        select(TrackGap)
        .where(TrackGap.street_code == walked.street_code, TrackGap.round_id == walked.id)
        .order_by(TrackGap.started_at, TrackGap.id)
    ).all()
    ledger.record(
        "track.viewed",
        actor_id=viewer_id,
        street_code=walked.street_code,
        place_code=walked.place_code,
        subject_kind="round",
        subject_id=walked.id,
        data={
            "user_id": str(walked.assignee_id),
            "round_id": str(walked.id),
            "on_day": walked.on_day.isoformat(),
        },
    )
    return {
        "round_id": walked.id,
        "fixes": [_plain_fix(fix) for fix in fixes],
        "gaps": gaps,
        "check_ins": board_queries.round_check_ins(walked.id, walked.street_code),
    }


def _plain_fix(fix: TrackFix) -> dict[str, Any]:
    lat, lon = geo.to_wgs84(fix.lat, fix.lon, cast(geo.Datum, fix.datum))
    return {"at": fix.fixed_at, "lat": lat, "lon": lon, "accuracy_m": fix.accuracy_m}
