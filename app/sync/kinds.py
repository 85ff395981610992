"""The kinds of entries: the shape of each body, and who applies it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from marshmallow import ValidationError

from app.cases import approaching, entries
from app.cases import entry_schemas as case_schemas
from app.cases.off_duty import forgetful
from app.core import problems
from app.core.entry import Applied, Entry, Memory, Refused
from app.core.fields import Wire
from app.evidence import schemas as evidence_schemas
from app.evidence import service as evidence
from app.patrols import schemas as patrols_schemas
from app.patrols import service as patrols
from app.people import schemas as people_schemas
from app.people import service as people

Handler = Callable[[Entry, dict[str, Any], Memory], Applied]


@dataclass(frozen=True, slots=True)
class Kind:
    """How entries of one kind are read and applied.

    Attributes:
        read: validates a body; raises marshmallow's ValidationError.
        apply: the owner's handler.
        others_look: other entries of a batch look up in the database what this one writes, so it is
            flushed at once. Check-ins, tracks and gaps wait for the end of the batch.
    """

    read: Callable[[dict[str, Any]], dict[str, Any]]
    apply: Handler
    others_look: bool = True


def _reader(schema: type[Wire]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    load: Callable[[dict[str, Any]], dict[str, Any]] = schema().load
    return load


KINDS: dict[str, Kind] = {
    "shift_started": Kind(_reader(people_schemas.ShiftStartedBody), people.start_shift),
    "shift_ended": Kind(_reader(people_schemas.ShiftEndedBody), people.end_shift),
    "round_started": Kind(_reader(patrols_schemas.RoundStartedBody), patrols.start_round),
    "round_finished": Kind(_reader(patrols_schemas.RoundFinishedBody), patrols.finish_round),
    "check_in": Kind(_reader(patrols_schemas.CheckInBody), patrols.record_check_in, others_look=False),
    "stop_skipped": Kind(_reader(patrols_schemas.StopSkippedBody), patrols.skip_stop),
    "track": Kind(_reader(evidence_schemas.TrackBody), approaching.record_track, others_look=False),
    "gap": Kind(_reader(evidence_schemas.GapBody), patrols.record_gap, others_look=False),
    "review_answered": Kind(_reader(evidence_schemas.ReviewAnsweredBody), evidence.answer_review),
    "case_reported": Kind(_reader(case_schemas.CaseReportedBody), forgetful(entries.report)),
    "case_joined": Kind(_reader(case_schemas.CaseJoinedBody), forgetful(entries.join)),
    "case_accepted": Kind(_reader(case_schemas.CaseAcceptedBody), entries.accept),
    "case_returned": Kind(_reader(case_schemas.CaseReturnedBody), entries.give_back),
    "case_arrived": Kind(_reader(case_schemas.CaseArrivedBody), forgetful(entries.arrive)),
    "case_resolved": Kind(_reader(case_schemas.CaseResolvedBody), forgetful(entries.resolve)),
    "case_verified": Kind(_reader(case_schemas.CaseVerifiedBody), forgetful(entries.verify)),
    "case_noted": Kind(_reader(case_schemas.CaseNotedBody), forgetful(entries.note)),
    "case_hold_asked": Kind(_reader(case_schemas.CaseHoldAskedBody), entries.ask_hold),
    "case_extension_asked": Kind(_reader(case_schemas.CaseExtensionAskedBody), entries.ask_extension),
    "case_resumed": Kind(_reader(case_schemas.CaseResumedBody), entries.resume),
    "case_co_done": Kind(_reader(case_schemas.CaseCoDoneBody), forgetful(entries.co_done)),
}

CARRY_POSITIONS = (
    "shift_started",
    "round_started",
    "check_in",
    "track",
    "case_reported",
    "case_joined",
    "case_arrived",
    "case_resolved",
    "case_verified",
    "case_noted",
    "case_co_done",
)


def read_body(kind: str, body: dict[str, Any]) -> dict[str, Any]:
    """Validate *body* by its *kind*.

    Raises:
        Refused: ENTRY_UNKNOWN_KIND or ENTRY_INVALID, with the first fault in words.
    """
    known = KINDS.get(kind)
    if known is None:
        raise Refused(problems.ENTRY_UNKNOWN_KIND, f"{kind} is not a kind of entry.")
    try:
        return known.read(body)
    except ValidationError as error:
        raise Refused(problems.ENTRY_INVALID, _first_fault(error.messages)) from error


def _first_fault(messages: Any) -> str:
    """The first message with its path, in ASCII: it echoes names that the caller chose."""
    path: list[str] = []
    while isinstance(messages, dict | list) and messages:
        if isinstance(messages, list):
            messages = messages[0]
            continue
        name, messages = next(iter(messages.items()))
        path.append(ascii(str(name)[:40]).strip("'"))
    return f"{'.'.join(path)}: {messages}"[:200]
