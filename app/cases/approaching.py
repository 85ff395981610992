"""Who is coming, how far, since when: the positions of an owner on duty against the circles of their cases."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from sqlalchemy import select

from app.cases import steps
from app.cases.acting import Act, accepted_since, lock_case
from app.cases.approach_rules import Approach, Circle, Seen, follow
from app.cases.catalogue import queries as catalogue_queries
from app.cases.catalogue.rules import ProblemClass
from app.cases.models import LIVE, CaseApproach, CaseFile
from app.core import geo
from app.core.entry import Applied, Entry, Memory
from app.core.extensions import db
from app.core.ids import uuid7
from app.evidence.rules import LIMITS
from app.patrols import service as patrols
from app.people.service import during, own_shift

DEFAULT_RADIUS_M = 50.0


def circle_of(case: CaseFile) -> Circle:
    """The circle that counts as on scene: the class's radius, wider where the case's position is vague."""
    found = catalogue_queries.class_of(case.street_code, case.catalogue_version, case.class_key)
    return Circle(case.lat, case.lon, radius_m(case, found), case.accuracy_m)


def radius_m(case: CaseFile, problem: ProblemClass | None) -> float:
    """The radius of that circle, where the class is known already: nobody is wronged by a vague report."""
    return (problem.radius_m if problem else DEFAULT_RADIUS_M) + case.accuracy_m


def record_track(entry: Entry, body: dict[str, Any], memory: Memory) -> Applied:
    """Store a track, and see whether its positions bring the person to a case that they have accepted.

    Raises:
        Held, Refused: as :func:`app.patrols.service.record_track`.
    """
    applied = patrols.record_track(entry, body, memory)
    waiting = db.session.scalars(
        select(CaseFile.id).where(
            CaseFile.owner_id == entry.user_id,
            CaseFile.street_code == entry.street_code,
            LIVE,  # so that the index on owners serves, whatever states are asked for
            CaseFile.state.in_(("acknowledged", "on_scene")),
        )
    ).all()
    if waiting:
        shift = own_shift(entry, body["shift"])
        seen = [one for one in _seen(entry, body["fixes"]) if during(shift, one.at)]
        for case_id in sorted(waiting):
            case = lock_case(entry.street_code, case_id)
            if case is not None and case.owner_id == entry.user_id and seen:
                _approach(case, entry, seen)
        db.session.flush()  # the next entry of the batch reads the case anew
    return applied


def _seen(entry: Entry, fixes: list[dict[str, Any]]) -> list[Seen]:
    found = []
    for fix in fixes:
        lat, lon = geo.to_wgs84(fix["lat"], fix["lon"], cast("geo.Datum", fix["datum"]))
        found.append(Seen(entry.corrected(fix["at"]), lat, lon, fix["acc"]))
    return found


def _approach(case: CaseFile, entry: Entry, seen: list[Seen]) -> None:
    since = accepted_since(case, entry.user_id)
    newest = entry.received_at + LIMITS.future_slack  # nobody has been where they will be
    if since is None:
        return
    counted = [one for one in seen if since <= one.at <= newest]
    key = (case.street_code, case.id, entry.user_id)
    row = db.session.get(CaseApproach, key)
    fresh = row is None or row.since < since  # accepted anew after a return or a rework
    known = Approach() if row is None or fresh else _known(row)
    after = follow(known, circle_of(case), counted)
    if after.fixed_at is None or after == known:
        return
    if row is None:
        row = CaseApproach(street_code=key[0], case_id=key[1], user_id=key[2])
        db.session.add(row)
    row.since, row.fixed_at = since, after.fixed_at
    row.distance_m, row.accuracy_m = after.distance_m, after.accuracy_m
    row.inside, row.arrived_at = after.inside, after.arrived_at
    if after.arrived_at is not None and case.state == "acknowledged":
        steps.arrive(case, _arrival(entry, after.arrived_at, after))


def _known(row: CaseApproach) -> Approach:
    return Approach(row.fixed_at, row.distance_m, row.accuracy_m, row.inside, row.arrived_at)


def _arrival(entry: Entry, at: datetime, approach: Approach) -> Act:
    """The positions say so; the id is the server's, since the entry is a track's."""
    data = {"by_position": True, "distance_m": approach.distance_m, "accuracy_m": approach.accuracy_m}
    return Act(uuid7(at), entry.user_id, at, entry.received_at, data=data, content={"track": str(entry.id)})
