"""What the intake reads: the log and its lock, the entries already stored, what a batch will need."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BindParameter, Row, bindparam, select, text, tuple_

from app.core import problems
from app.core.extensions import db
from app.core.problems import Problem
from app.evidence.models import Proof
from app.patrols.models import Round, RoundStop
from app.people.models import PhoneLog, Shift
from app.places.models import Checkpoint
from app.sync.candidates import WAITS_FOR_SEQ, Candidate, Link, Log

MAX_WAITING = 1000  # held entries of a log that are looked at in one go, lowest seq first


_LOG = "id, street_code, user_id, device_id, public_key, revoked_at"

# What follows in the transaction looks rows up by key, again and again with the same statements: planning
# them anew for each value takes PostgreSQL longer than running them.
_CLAIM = text(f"""
update phone_log set last_sync_at = :now, clock_skew_s = :skew_s where id = :log and user_id = :user_id
returning {_LOG}, set_config('plan_cache_mode', 'force_generic_plan', true)
""")  # noqa: S608 - constants


def claim_log(log_id: UUID, user_id: UUID, now: datetime, skew_s: float) -> Log:
    """Note the contact on the log's row, which locks it until the end of the transaction.

    Raises:
        Problem: LOG_UNKNOWN or LOG_NOT_YOURS.
    """
    given = {"log": log_id, "user_id": user_id, "now": now, "skew_s": skew_s}
    row = db.session.execute(_CLAIM, given).one_or_none()
    if row is not None:
        return Log(*row[:-1])
    if db.session.get(PhoneLog, log_id) is None:
        raise Problem(problems.LOG_UNKNOWN)
    raise Problem(problems.LOG_NOT_YOURS)


@dataclass(frozen=True, slots=True)
class Stored:
    """The entries of a log that matter to a request.

    Attributes:
        by_id: those that were sent again.
        elsewhere: ids sent that another log of the same person has used.
        waiting: held ones whose turn may come now.
        chain: predecessors of those sent and of those waiting.
    """

    by_id: dict[UUID, Row[Any]]
    elsewhere: frozenset[UUID]
    waiting: list[Candidate]
    chain: dict[int, list[Link]]


# One round trip for four questions; it runs once in every request.
_STORED = text("""
with waiting as (
  select * from log_entry where log_id = :log_id and street_code = :street_code and state = 'held'
     and (:all_held or waits_for like 'seq:%' or waits_for = any(:parents))
   order by seq limit :max_waiting
)
select 'sent' as what, id, seq, hash, state, waits_for, problem, detail, received_at, clock_skew_s,
       null as payload, null as signature
  from log_entry where street_code = :street_code and log_id = :log_id and id = any(:ids)
union all
select 'waiting', id, seq, hash, state, waits_for, problem, detail, received_at, clock_skew_s,
       payload, signature
  from waiting
union all
select 'before', id, seq, hash, state, waits_for, problem, detail, received_at, clock_skew_s, null, null
  from log_entry
 where log_id = :log_id and street_code = :street_code
   and seq = any(array(select unnest(cast(:seqs as bigint[])) union select seq - 1 from waiting))
union all
select 'elsewhere', id, seq, hash, state, waits_for, problem, detail, received_at, clock_skew_s, null, null
  from log_entry where street_code = :street_code and id = any(:ids)
   and log_id in (select other.id from phone_log other where other.user_id = :user_id and other.id <> :log_id)
""")


def stored_entries(
    log: Log,
    ids: Sequence[UUID],
    seqs: Iterable[int],
    *,
    parents: Iterable[str] = (),
    all_held: bool = False,
) -> Stored:
    """Read the stored entries that matter.

    Args:
        ids: ids that were sent.
        seqs: numbers whose entries are predecessors of those sent.
        parents: shifts and rounds that others may have waited for.
        all_held: every held entry, whatever it waits for.
    """
    rows = db.session.execute(
        _STORED,
        {
            "log_id": log.id,
            "user_id": log.user_id,
            "street_code": log.street_code,
            "ids": list(ids),
            "seqs": sorted(set(seqs)),
            "parents": list(parents),
            "all_held": all_held,
            "max_waiting": MAX_WAITING,
        },
    ).all()
    chain: dict[int, list[Link]] = {}
    waiting = [_waiting(row) for row in rows if row.what == "waiting"]
    decided_now = {candidate.id for candidate in waiting}
    for row in rows:
        if row.what == "before" and row.id not in decided_now:
            waits = row.waits_for is not None and row.waits_for.startswith(WAITS_FOR_SEQ)
            chain.setdefault(row.seq, []).append(Link(bytes(row.hash), waits))
    return Stored(
        by_id={row.id: row for row in rows if row.what == "sent"},
        elsewhere=frozenset(row.id for row in rows if row.what == "elsewhere"),
        waiting=waiting,
        chain=chain,
    )


def _waiting(row: Row[Any]) -> Candidate:
    return Candidate(
        id=row.id,
        payload=row.payload,
        hash=bytes(row.hash),
        signature=bytes(row.signature),
        received_at=row.received_at,
        skew_s=row.clock_skew_s,
        seq=row.seq,
        waited_for=row.waits_for,
    )


def grades(street_code: str, ids: Sequence[UUID]) -> dict[UUID, tuple[str, list[str]]]:
    """Grade and reasons of those of *ids* that carried a proof."""
    if not ids:
        return {}
    statement = select(Proof.id, Proof.grade, Proof.reasons).where(
        Proof.street_code == street_code, Proof.id.in_(ids)
    )
    return {row.id: (row.grade, list(row.reasons)) for row in db.session.execute(statement)}


# Built once: putting a statement together costs more than running it. Check-ins of a batch name one
# shift, or two, so joining it costs no rows to speak of and saves a round trip.
_SHIFT_IDS: BindParameter[Any] = bindparam("shifts", expanding=True)
_STOPS = (
    select(Round, RoundStop, Checkpoint, Shift)
    .join(RoundStop, RoundStop.round_id == Round.id)
    .join(Checkpoint, Checkpoint.id == RoundStop.checkpoint_id)
    .outerjoin(Shift, Shift.id.in_(_SHIFT_IDS))
    .where(tuple_(RoundStop.round_id, RoundStop.ordinal).in_(bindparam("stops", expanding=True)))
)
_ROUNDS = select(Round).where(Round.id.in_(bindparam("rounds", expanding=True)))
_SHIFTS = select(Shift).where(Shift.id.in_(_SHIFT_IDS))


def preload(bodies: Iterable[dict[str, Any]]) -> list[Any]:
    """Load the rounds, stops, checkpoints and shifts that *bodies* name, in as few queries as there are
    tables; handlers then find them in the session.

    Returns:
        the rows; the session forgets them as soon as nobody holds them.
    """
    rounds: set[UUID] = set()
    shifts: set[UUID] = set()
    stops: set[tuple[UUID, int]] = set()
    for body in bodies:
        if round_id := body.get("round"):
            rounds.add(round_id)
            if "stop" in body:
                stops.add((round_id, body["stop"]))
        if shift_id := body.get("shift"):
            shifts.add(shift_id)
    held: list[Any] = []
    if stops:
        found = db.session.execute(_STOPS, {"stops": list(stops), "shifts": list(shifts)}).all()
        held.extend(found)
        rounds -= {row.Round.id for row in found}
        shifts -= {row.Shift.id for row in found if row.Shift is not None}
    if rounds:
        held.extend(db.session.scalars(_ROUNDS, {"rounds": list(rounds)}))
    if shifts:
        held.extend(db.session.scalars(_SHIFTS, {"shifts": list(shifts)}))
    return held


_RELEASABLE = text("""
select e.log_id
  from log_entry e
  cross join lateral (
    select case when e.waits_for ~ '^[0-9a-f-]{36}$' then e.waits_for::uuid end as id
  ) parent
 where e.state = 'held' and (
       (e.waits_for like 'seq:%' and e.received_at <= :chain_before)
    or (e.waits_for not like 'seq:%' and e.received_at <= :parents_before)
    or (e.waits_for = 'server' and e.tried_at <= :tried_before)
    or exists (select from shift where shift.id = parent.id)
    or exists (select from round where round.id = parent.id and state not in ('planned', 'missed'))
    or exists (select from case_file where street_code = e.street_code and id = parent.id)
    or exists (select from log_entry p
                where p.street_code = e.street_code and p.id = parent.id and p.state = 'refused'
                  and p.log_id in (select other.id from phone_log other join phone_log mine
                                      on mine.user_id = other.user_id where mine.id = e.log_id)))
 group by e.log_id
 order by min(e.received_at)
""")


def logs_to_release(
    *, chain_before: datetime, parents_before: datetime, tried_before: datetime
) -> list[UUID]:
    """Logs with held entries for which something may be done now, longest waiting first.

    Args:
        chain_before: who has waited for a predecessor since before this has waited long enough.
        parents_before: the same for those who wait for anything else.
        tried_before: what failed here is tried again when its last trial is older than this.
    """
    moments = {
        "chain_before": chain_before,
        "parents_before": parents_before,
        "tried_before": tried_before,
    }
    return list(db.session.scalars(_RELEASABLE, moments))


_LOCK = text(f"select {_LOG} from phone_log where id = :log for update skip locked")  # noqa: S608


def lock_log(log_id: UUID) -> Log | None:
    """The log, locked until the end of the transaction; None where a request is working on it."""
    row = db.session.execute(_LOCK, {"log": log_id}).one_or_none()
    return None if row is None else Log(*row)
