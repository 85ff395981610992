"""What all channels share: the message, and the four ways in which sending one can end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from app.notify.words import Words


@dataclass(frozen=True, slots=True)
class Message:
    """One notification in the words of its person.

    Attributes:
        name: of the person, for channels that several people read.
        receipt: capability for saying that it was shown.
    """

    id: UUID
    kind: str
    subject_kind: str
    subject_id: UUID
    words: Words
    language: str
    urgent: bool
    told_at: datetime
    name: str
    receipt: str


@dataclass(frozen=True, slots=True)
class Sent:
    """The provider took it. Whether it was seen, only a receipt can tell."""


@dataclass(frozen=True, slots=True)
class Gone:
    """The address exists no more."""

    reason: str


@dataclass(frozen=True, slots=True)
class Retry:
    """Not now.

    Attributes:
        after_s: what the provider asked for, in seconds.
        lane_down: the provider itself is away or broken, so others sent there would fare no better.
    """

    reason: str
    after_s: float | None = None
    lane_down: bool = False


@dataclass(frozen=True, slots=True)
class Failed:
    """Never: the provider refuses this message or this sender."""

    reason: str


Result = Sent | Gone | Retry | Failed


class Channel(Protocol):
    """Sends one message; knows no database and raises nothing that an outside party can cause."""

    def send(self, message: Message, address: Mapping[str, str], deadline_s: float) -> Result:
        """Send *message* to *address* within *deadline_s* seconds."""
        ...
