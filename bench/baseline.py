"""What every figure is compared with: one bare INSERT per request, in the same application.

Same Flask application, same server programs, same database, same durability; no sign-in, no checks,
no grading. It exists in the bench only: nothing in ``app`` imports it.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from flask import Response, request
from sqlalchemy import DateTime, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.core import clock
from app.core.extensions import Base, db
from app.core.ids import uuid7
from app.wiring import create_app
from bench.stack import BARE_PATH


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


app = create_app()
app.add_url_rule(BARE_PATH, view_func=insert_row, methods=["POST"])
