"""A street whose responsibility matrix is edited."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID

from click.testing import Result
from flask import Flask
from sqlalchemy import Connection, text
from werkzeug.test import TestResponse

from app.core.ids import uuid7
from tests import factories
from tests.integration.test_catalogue import CLASSES, CONDITIONS, DEPARTMENTS

DEMO = Path(__file__).parents[2] / "data" / "demo"
HEADER = "place_code,selector_kind,selector,duty,username,rank,starts_on,ends_on\n"
SHOP = "M-09005"


class Office:
    """A street with a catalogue, a supervisor of the first area who edits, and a handler to be named."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.street = factories.make_street()
        files = [str(CLASSES), "--conditions", str(CONDITIONS), "--departments", str(DEPARTMENTS)]
        assert self.flask("catalogue", "import", *files).exit_code == 0
        self.supervisor = factories.make_user("supervisor", self.street.areas[0], "super1")
        self.handler = factories.make_user("handler", self.street.areas[0], "handler-a")
        self.headers = factories.sign_in(app.test_client(), "super1")

    def flask(self, *args: str | Path) -> Result:
        return self.app.test_cli_runner().invoke(args=[str(arg) for arg in args])

    def body(self, **columns: Any) -> dict[str, Any]:
        values = {"place_code": self.street.areas[0], "selector_kind": "class", "selector": SHOP}
        return values | {"duty": "owner", "user_id": str(self.handler.id)} | columns

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> TestResponse:
        client = self.app.test_client()
        return client.open(f"/api/v1{path}", method=method, json=body, headers=headers or self.headers)

    def put(self, body: dict[str, Any], row_id: UUID | None = None, **headers: str) -> TestResponse:
        return self.call("PUT", f"/responsibilities/{row_id or uuid7()}", body, **headers)

    def items(self, query: str = "") -> list[dict[str, Any]]:
        answer = self.call("GET", f"/responsibilities{query}")
        assert answer.status_code == 200, answer.text
        return list(answer.json["items"])


def ledger(owner_db: Connection, action: str) -> list[dict[str, Any]]:
    query = text("select data from ledger_row where action like :action order by id")
    return [row.data for row in owner_db.execute(query, {"action": action})]


def at_once(count: int, act: Callable[[int], int]) -> list[int]:
    with ThreadPoolExecutor(count) as pool:
        return sorted(pool.map(act, range(count)))
