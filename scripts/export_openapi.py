"""Writes the OpenAPI document of the code to a file: ``python -m scripts.export_openapi FILE``.

No database is touched: the document is made from routes and schemas alone.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from app.core.web import api
from app.wiring import create_app
from config import read_settings


def document() -> str:
    """The document as stable text, so that a changed contract shows as a changed file."""
    application = create_app(
        read_settings({"IRONFEET_MODE": "testing", "DATABASE_URL": "postgresql://nowhere/none"})
    )
    with application.app_context():
        return json.dumps(api.spec.to_dict(), ensure_ascii=False, indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(document(), encoding="utf-8")
