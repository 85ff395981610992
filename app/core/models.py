"""Tables of the installation itself."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import DateTime, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.extensions import Base


class WorkerHeartbeat(Base):
    """When each worker process last ticked, so that ``/healthz`` can tell whether one is alive."""

    __tablename__ = "worker_heartbeat"

    name: Mapped[str] = mapped_column(Text, primary_key=True)  # host and process, one row a worker
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))  # server time of the last tick
