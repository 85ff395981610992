"""Drawing the served sizes, after the answer: lent in one transaction, drawn in none, noted in another.

Any number of workers draw at once. One that is killed leaves what it had borrowed to the others, when
the time it was lent for is over.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, tuple_, update

from app.core import current, problems
from app.core.extensions import db
from app.ledger import service as ledger
from app.media import pictures, storage
from app.media.models import Photo

THREADS = os.cpu_count() or 2  # Pillow leaves Python's lock while it works
LENT_FOR = timedelta(minutes=2)
STORE_RESTS = timedelta(seconds=30)
MAX_TRIES = 5  # a picture that ended so many workers is given up
AT_ONCE = 4 * THREADS
NICENESS = 10

GONE, LATER, READY = "gone", "later", "ready"


@dataclass(frozen=True, slots=True)
class Lent:
    """A photo whose sizes this worker draws; ``tries`` counts this one."""

    street_code: str
    sha256: str
    key: str
    tries: int


@dataclass(frozen=True, slots=True)
class Drawn:
    """What became of it: READY, GONE, LATER, or the slug of the problem that forbids it."""

    photo: Lent
    outcome: str


def borrow(now: datetime) -> list[Lent]:
    """Take photos whose turn it is, oldest first."""
    due = (
        select(Photo.street_code, Photo.sha256)
        .where(Photo.state == "stored", Photo.sizes_due_at <= now)
        .order_by(Photo.sizes_due_at)
        .limit(AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    rows = db.session.execute(
        update(Photo)
        .where(tuple_(Photo.street_code, Photo.sha256).in_(due))
        .values(sizes_due_at=now + LENT_FOR, sizes_tries=Photo.sizes_tries + 1)
        .returning(Photo.street_code, Photo.sha256, Photo.storage_key, Photo.sizes_tries)
        .execution_options(synchronize_session=False)
    )
    return [Lent(row.street_code, row.sha256, str(row.storage_key), row.sizes_tries) for row in rows]


def give_way() -> None:
    """Let everything else on the machine go before the thread that calls this."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


def draw(photo: Lent) -> Drawn:
    """Draw the sizes and put them beside the original. No transaction may be open."""
    if photo.tries > MAX_TRIES:
        return Drawn(photo, problems.PHOTO_DAMAGED.slug)
    store = storage.open_store(current.settings().photos)
    try:
        original = storage.get_original(store, photo.key)
        for size, body in pictures.draw(original, *pictures.SIZES).items():
            store.put(storage.size_key(photo.key, size), body)
    except pictures.UnfitError as unfit:
        return Drawn(photo, unfit.kind.slug)
    except storage.GoneError:
        return Drawn(photo, GONE)
    except storage.StoreError:
        return Drawn(photo, LATER)
    return Drawn(photo, READY)


def note(drawn: Sequence[Drawn], now: datetime) -> None:
    """Write down what became of photos, unless they have changed hands meanwhile."""
    for one in drawn:
        photo = db.session.get(Photo, (one.photo.street_code, one.photo.sha256), with_for_update=True)
        if photo is not None and photo.state == "stored" and photo.storage_key == one.photo.key:
            _note(photo, one, now)


def _note(photo: Photo, drawn: Drawn, now: datetime) -> None:
    if drawn.outcome == LATER:  # the store was away: that is not the picture's fault
        photo.sizes_due_at = now + STORE_RESTS
        photo.sizes_tries = drawn.photo.tries - 1
        return
    if drawn.outcome == GONE:  # the store has lost it; it may come again
        _tell("photo.lost", photo)
        db.session.delete(photo)
        return
    photo.sizes_due_at = None
    if drawn.outcome == READY:
        photo.state = READY
        return
    photo.state, photo.problem, photo.storage_key = "rejected", drawn.outcome, None
    _tell("photo.rejected", photo, problem=drawn.outcome)


def _tell(action: str, photo: Photo, **data: str) -> None:
    ledger.record(
        action,
        actor_id=None,
        actor_kind="worker",
        street_code=photo.street_code,
        place_code=photo.street_code,
        subject_kind="photo",
        subject_id=photo.sha256,
        data=data,
    )
