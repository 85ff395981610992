"""Whatever people and clocks do to a case, in whatever order: it is never lost, and never lies still."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest

from app.cases import life
from app.core import clock
from app.core.ids import uuid7
from tests.integration.case_sound import unsound
from tests.integration.case_street import BUILDING, MANHOLE, SHOP, CaseStreet, Json, Person, photo

RUNS = 30
STEPS_A_RUN = 18
WAITS = (timedelta(minutes=4), timedelta(minutes=40), timedelta(hours=5), timedelta(days=2))
REFUSED = {403, 404, 409, 422}  # by the console
WORDS = "查看过了"
SAID = {"text": WORDS}


@pytest.fixture
def street(app) -> CaseStreet:
    return CaseStreet(app)


class Chance:
    """Takes steps on one case at random, most of them fit for its state, and lets time pass."""

    def __init__(self, street: CaseStreet, seed: int) -> None:
        self.street = street
        self.random = random.Random(seed)  # noqa: S311 - it makes up days, not secrets
        self.now = clock.now()
        self.case = street.patrol.file(self.random.choice([SHOP, MANHOLE, BUILDING]))
        self.walkers = [
            street.handler, street.second, street.owner, street.deputy, street.supervisor,
            street.patrol, street.other_patrol,
        ]  # fmt: skip

    def go(self) -> None:
        """One step, or some time; the worker fires what is due."""
        self.now += self.random.choice(WAITS) if self.random.random() < 0.25 else timedelta(seconds=20)
        with clock.frozen(self.now):
            self.street.fire(timedelta(0))
        self.now += timedelta(seconds=1)
        state = self.street.sql("select state from case_file where id = :id", id=self.case)[0].state
        fit = [name for name, step in life.STEPS.items() if state in step.from_states and name != "close"]
        wanted = fit if fit and self.random.random() < 0.85 else list(life.STEPS)
        with clock.frozen(self.now):
            self._take(self.random.choice(wanted))

    def _take(self, step: str) -> None:
        later = (self.now + timedelta(hours=self.random.choice([1, 30]))).isoformat()
        someone = str(self.random.choice(self.walkers).id)
        by_phone: dict[str, tuple[str, Json]] = {
            "accept": ("case_accepted", {}),
            "return": ("case_returned", {"reason": "not_ours", **SAID}),
            "arrive": ("case_arrived", {}),
            "resolve": ("case_resolved", {"photos": [photo("after", self.now)]}),
            "verify_pass": ("case_verified", {"passed": True}),
            "verify_fail": ("case_verified", {"passed": False, **SAID}),
            "ask_hold": ("case_hold_asked", {"until": later, **SAID}),
            "ask_extension": ("case_extension_asked", {"amount": 2.0, **SAID}),
            "note": ("case_noted", SAID),
            "co_done": ("case_co_done", SAID),
            "join": ("case_joined", {}),
        }
        by_console: dict[str, tuple[str, Json]] = {
            "dispatch": ("dispatch", {"owner_id": someone} if self.random.random() < 0.5 else {}),
            "arbitrate": ("arbitration", {"owner_id": someone, **SAID}),
            "hold": ("hold", {"until": later, **SAID}),
            "resume": ("resumption", {}),
            "close": ("closing", {}),
            "void": ("voiding", SAID),
            "link": ("linking", {"parent_id": self._other(), **SAID}),
            "reopen": ("reopening", SAID),
            "raise": ("raising", SAID),
            "name_watcher": ("watcher", {"user_id": someone}),
            "call_in": ("co-handlers", {"user_id": someone}),
            "decide": ("decisions", {"request_id": self._request(), "granted": True, **SAID}),
        }
        if step in by_phone:
            self._phone(*by_phone[step], self._fit(step))
        else:
            self._console(*by_console[step])

    def _fit(self, step: str) -> Person:
        """Whose step it probably is; at times anybody."""
        part = (
            "owner" if "owner" in life.STEPS[step].by else "verifier" if step[:6] == "verify" else "reporter"
        )
        row = self.street.sql("select * from case_file where id = :id", id=self.case)[0]
        named = next((p for p in self.walkers if p.id == getattr(row, f"{part}_id")), None)
        return named if named and self.random.random() < 0.8 else self.random.choice(self.walkers)

    def _phone(self, kind: str, body: Json, person: Person) -> None:
        result = person.about(kind, self.case, **body)
        assert result["status"] in {"applied", "refused"}, result
        assert result["status"] == "applied" or result["problem"], result

    def _console(self, path: str, body: Json) -> None:
        person = self.random.choice([self.street.desk, self.street.supervisor, self.street.leader])
        url = f"/api/v1/cases/{self.case}/{path}"
        answer: Any = person.client.post(url, json={"id": str(uuid7()), **body}, headers=person.headers)
        assert answer.status_code == 200 or answer.status_code in REFUSED, (path, answer.text)

    def _request(self) -> str:
        rows = self.street.sql("select id from case_request where case_id = :id", id=self.case)
        return str(rows[-1].id if rows else uuid7())

    def _other(self) -> str:
        rows = self.street.sql("select id from case_file order by id desc limit 3")
        return str(self.random.choice(rows).id)


def test_after_any_sequence_of_steps_and_clocks_every_case_is_sound(street):
    for seed in range(RUNS):
        chance = Chance(street, seed)
        for _ in range(STEPS_A_RUN):
            chance.go()
            assert unsound(street, chance.case) == [], f"seed {seed}"
    assert unsound(street) == []
    assert street.sql("select count(*) n from timer where state = 'failed' or attempts > 0")[0].n == 0
