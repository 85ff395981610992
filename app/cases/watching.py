"""Watching over a case: notes of progress, and who owes them."""

from __future__ import annotations

from uuid import UUID

from app.cases import clocks
from app.cases.acting import Act, StepRefused, appoint, parts_of, take, workers_on
from app.cases.dispatching import ask_to_verify
from app.cases.models import CaseFile
from app.cases.telling import tell
from app.core import problems


def note(case: CaseFile, act: Act) -> None:
    """A note of progress; the watcher's sets their clock anew."""
    take(case, "note", act)
    take_watch(case, act)
    if act.actor_id == case.watcher_id and case.mode == "watch":
        case.fired = {name: times for name, times in case.fired.items() if name != "note_overdue"}
        clocks.start_noting(case, act.received_at)


def take_watch(case: CaseFile, act: Act) -> None:
    """Nobody was found to watch: who may, and acts as if they did, is the watcher from now on."""
    if case.mode != "watch" or case.watcher_id is not None or act.actor_id is None:
        return
    if "watcher" in parts_of(case, act.actor_id, act.verbs):
        appoint(case, act.actor_id, "watcher", "took_over", act.received_at)


def name_watcher(case: CaseFile, act: Act, user_id: UUID) -> None:
    """A supervisor names who watches from now on; whoever it was before is released.

    Raises:
        StepRefused: PERSON_UNFIT for somebody who answers for the work.
    """
    if user_id in workers_on(case):
        raise StepRefused(problems.PERSON_UNFIT, "Nobody watches over their own work.")
    act.data["owner_id"] = str(user_id)
    take(case, "name_watcher", act)
    if case.mode != "watch":  # its chains begin anew, as whenever a case is raised
        case.mode, case.fired = "watch", {}
    appoint(case, user_id, "watcher", "named", act.received_at)
    if case.verifier_id == user_id:  # who watches does not check
        ask_to_verify(case, act.received_at)
    clocks.start_noting(case, act.received_at)
    tell(case, "case.watching", [user_id], act.received_at, by=act.actor_id)
