"""Whatever the OpenAPI document allows, and much that it does not, is answered as the document says:
never a 5xx, errors as problem documents, answers in the shape they promise."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode, checks
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi import checks as openapi_checks

from tests import factories
from tests.integration.field import Field

CHECKS = (
    checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_schema_conformance,
)
bounded = settings(
    max_examples=3,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)

# The account under test ends its sessions and changes its password while it is tested; it signs in again.
SIGNED_OUT = 401
ENOUGH = 20  # cases of a run that must have got past signing in


@pytest.fixture
def people(app: Flask) -> dict[str, dict[str, str]]:
    """Headers of a patroller with a walk behind them, and of people who watch and run the street."""
    field = Field(app)
    field.results(field.whole_walk())
    factories.make_rules_of_cases(field.street)
    people = {"walker": field.headers}
    for role in ("supervisor", "admin"):
        factories.make_user(role, field.street.code, role)
        people[role] = factories.sign_in(app.test_client(), role)
    return people


@dataclass
class Person:
    """Somebody who uses the API; signs in again after having signed out."""

    app: Flask
    name: str
    headers: dict[str, str]
    seen: Counter[int] = field(default_factory=Counter)

    def call(self, case: Any) -> None:
        """Send one case and check the answer."""
        answer = case.call(headers=self.headers)
        self.seen[answer.status_code] += 1
        if answer.status_code == SIGNED_OUT and answer.json()["type"] == "/problems/session-ended":
            signed_in = self.app.test_client().post(
                "/api/v1/sessions", json={"username": self.name, "password": factories.PASSWORD}
            )
            if signed_in.status_code == 200:
                self.headers = {"Authorization": f"Bearer {signed_in.json['access_token']}"}
        case.validate_response(answer, checks=CHECKS)
        if answer.status_code >= 400:
            assert answer.headers["content-type"][0] == "application/problem+json"


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["good", "bad"])
@pytest.mark.parametrize("name", ["walker", "supervisor", "admin"])
def test_every_operation(
    app: Flask, people: dict[str, dict[str, str]], name: str, mode: GenerationMode
) -> None:
    document = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app)
    person = Person(app, name, people[name])
    failures = []
    for found in document.get_all_operations():
        operation = found.ok()
        if operation.path == "/healthz":  # its 503 is an answer, not a fault; it has tests of its own
            continue

        @bounded
        @given(case=operation.as_strategy(generation_mode=mode))
        def run(case: Any) -> None:
            person.call(case)

        try:
            run()
        except Unsatisfiable:  # an operation without any parameter cannot be asked wrongly
            assert mode is GenerationMode.NEGATIVE
        except (AssertionError, FailureGroup) as failure:
            failures.append(f"{operation.label}: {failure!r}\n{failure}")
    assert not failures, "\n\n".join(failures)
    wanted = 200 if mode is GenerationMode.POSITIVE else 422
    assert person.seen[wanted] >= ENOUGH, person.seen  # or nothing was tried
