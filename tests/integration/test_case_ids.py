"""Ids are made by those who send; one that something else has taken is told as that, and no fault of ours."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import UUID

import pytest
from flask import Flask

from app.core import clock
from app.core.ids import uuid7
from tests import factories
from tests.integration.case_street import SHOP, CaseStreet, Json, photo

TAKEN = (409, "/problems/id-reused")


@pytest.fixture
def street(app: Flask) -> CaseStreet:
    return CaseStreet(app)


def intake(case_id: str) -> Json:
    """What a hotline sends."""
    return {
        "id": case_id,
        "source": "hotline",
        "source_ref": f"SH-{case_id[-6:]}",
        "class_key": SHOP,
        "lat": factories.LAT,
        "lon": factories.LON,
        "found_at": clock.now().isoformat(),
    }


def test_a_case_cannot_have_the_id_of_another_cases_step(street: CaseStreet) -> None:
    case, step = street.patrol.file(), str(uuid7())
    street.desk.ask(f"{case}/notes", {"id": step, "text": "已联系"})
    refused = street.desk.ask("", intake(step), 409)
    assert (refused["status"], refused["type"]) == TAKEN
    told = street.handler.say("case_noted", {"case": case, "text": "在路上", "photos": []})
    assert told["status"] == "applied"
    phone = street.patrol.phone
    assert phone is not None
    result = street.patrol.report(entry_id=UUID(step))
    assert (result["status"], result["problem"]) == ("refused", "/problems/entry-id-reused")
    assert len(street.desk.get("/cases")["items"]) == 1


def test_one_id_for_steps_of_two_cases_at_the_same_moment_is_one_step(street: CaseStreet) -> None:
    cases, step, together = [street.patrol.file(), street.patrol.file()], str(uuid7()), Barrier(2)
    headers = street.desk.headers

    def note(case: str) -> int:
        together.wait()
        answer = street.app.test_client().post(
            f"/api/v1/cases/{case}/notes", json={"id": step, "text": "已联系"}, headers=headers
        )
        return answer.status_code

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(note, cases)) == [200, 409]
    rows = street.sql("select case_id from case_event where id = :id", id=step)
    assert len(rows) == 1


def test_invisible_words_do_not_say_what_is_still_wrong(street: CaseStreet) -> None:
    case = street.patrol.file()
    street.handler.about("case_accepted", case)
    street.handler.about("case_resolved", case, photos=[photo("after", clock.now())])
    nothing = {"passed": False, "text": "\u200b\u200b  "}
    street.supervisor.ask(f"{case}/verification", nothing, 422)
    assert street.other_patrol.about("case_verified", case, **nothing)["status"] == "refused"
    assert street.desk.case(case)["state"] == "resolved"
