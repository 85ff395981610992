"""What every figure is compared with: one bare INSERT per request, in the same application.

Same Flask application, same server programs, same database, same durability; no sign-in, no checks,
no grading. It exists in the bench only: nothing in ``app`` imports it.
"""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from uuid import UUID

from flask import Response, request
from sqlalchemy import DateTime, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.core import clock, current
from app.core.extensions import Base, db
from app.core.ids import uuid7
from app.wiring import create_app
from bench.stack import BARE_PATH, BARE_PHOTO_PATH


class BareRow(Base):
    """What one request writes."""

    __tablename__ = "bench_row"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    body: Mapped[str] = mapped_column(Text)


def insert_row() -> Response:
    """Store the body, whatever it is."""
    db.session.add(BareRow(id=uuid7(), at=clock.now(), body=request.get_data(as_text=True)))
    db.session.commit()
    return Response('{"status": "stored"}', content_type="application/json")


def keep_file(name: str) -> Response:
    """Keep the body as a file, durably, and one row about it."""
    folder = Path(current.settings().photos.folder) / "bare"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / name).open("wb") as file:
        file.write(request.get_data())
        file.flush()
        os.fsync(file.fileno())
    db.session.add(BareRow(id=uuid7(), at=clock.now(), body=name))
    db.session.commit()
    return Response('{"status": "stored"}', content_type="application/json")


app = create_app()
app.add_url_rule(BARE_PATH, view_func=insert_row, methods=["POST"])
app.add_url_rule(f"{BARE_PHOTO_PATH}<name>", view_func=keep_file, methods=["PUT"])
