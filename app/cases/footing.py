"""What a new case is filed under, looked up in one query instead of five: it is part of every report."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from app.cases import telling
from app.cases.catalogue import queries as catalogue_queries
from app.cases.policy import versions as policies
from app.core.extensions import db
from app.timers import calendars

_LOOK = text("""
    select filed.fingerprint as filed, k.version as catalogue, k.fingerprint as catalogue_mark,
           p.version as policy, p.fingerprint as policy_mark, w.version as calendar,
           w.fingerprint as calendar_mark, l.name, l.name_en
    from (select 1) one
    left join case_file filed on filed.street_code = :street_code and filed.id = :id
    left join catalogue k on k.street_code = :street_code and k.version = :catalogue
    left join lateral (select version, fingerprint from case_policy where street_code = :street_code
                       order by version desc limit 1) p on true
    left join lateral (select version, fingerprint from work_calendar where street_code = :street_code
                       order by version desc limit 1) w on true
    left join place l on l.code = :place_code
""")


@dataclass(frozen=True, slots=True)
class Footing:
    """Versions in force for a new case, None where the street has none.

    Attributes:
        filed: fingerprint of the case that has the id already.
    """

    filed: bytes | None
    policy: int | None
    calendar: int | None


def look(street_code: str, case_id: UUID, place_code: str, catalogue: int | None) -> Footing:
    """Look it up, so that whoever asks in the same session for one of these versions, for the version
    *catalogue* of the catalogue or for the names of the place has them."""
    given = {"street_code": street_code, "id": case_id, "place_code": place_code, "catalogue": catalogue}
    row = db.session.execute(_LOOK, given).one()
    if row.catalogue is not None:
        catalogue_queries.remember(street_code, row.catalogue, bytes(row.catalogue_mark))
    if row.policy is not None:
        policies.remember(street_code, row.policy, bytes(row.policy_mark))
    if row.calendar is not None:
        calendars.remember(street_code, row.calendar, bytes(row.calendar_mark))
    if row.name is not None:
        telling.remember_place(place_code, row.name, row.name_en)
    return Footing(None if row.filed is None else bytes(row.filed), row.policy, row.calendar)
