"""What the OpenAPI document says of the live stream, which another process serves (see ``hub``)."""

from __future__ import annotations

from typing import Any

from werkzeug.routing import Rule

from app.live.rules import FOLLOW

_TEXT = """Server-sent events. `id` is a position in the ledger; send it back as `Last-Event-ID` to resume.

* `event: ledger`: `data` holds `at`, `action`, `subject_kind`, `subject_id`, `place_code` and `data` of one
  row that the reader may see.
* `event: reset`: rows are missing; load everything anew.
* A comment every 15 seconds keeps the line open. The stream ends when the access token expires."""


def describe(spec: Any) -> None:
    """Add the stream to the document."""
    operation = {
        "operationId": "follow_live",
        "summary": "Follow what happens, live",
        "description": _TEXT,
        "tags": ["live"],
        "security": [{"bearer": []}],
        "x-verb": FOLLOW,
        "x-stream": True,  # it never ends by itself: clients made from the document must know
        "parameters": [
            {
                "in": "header",
                "name": "Last-Event-ID",
                "schema": {"type": "string", "pattern": "^[0-9]{1,19}-[0-9]{1,19}$"},
            }
        ],
        "responses": {
            "200": {
                "description": "The stream",
                "content": {"text/event-stream": {"schema": {"type": "string"}}},
            },
            "default": "DEFAULT_ERROR",
        },
    }
    # The document's builder asks for a rule of Flask's; this one is never bound to an application.
    spec.path(rule=Rule("/api/v1/live"), operations={"get": operation})
