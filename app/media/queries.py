"""Reading photos: what the pages show beside a subject, and who names a picture."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import and_, select

from app.core.extensions import db
from app.media.models import Photo, PhotoUse
from app.media.rules import ROLES


def photo_row(street_code: str, sha256: str) -> Photo | None:
    """The photo's row as it stands in the table now, or None."""
    return db.session.scalar(
        select(Photo)
        .where(Photo.street_code == street_code, Photo.sha256 == sha256)
        .execution_options(populate_existing=True)
    )


def photos_of(
    street_code: str, subject_kind: str, subject_ids: Collection[UUID]
) -> dict[UUID, list[dict[str, Any]]]:
    """The photos that each subject names, in the order of roles and ordinals; every subject has its list.

    ``state`` is ``missing`` (named, not arrived), ``stored`` (the original is here), ``ready``,
    ``rejected`` (``problem`` says why) or ``never_came``. ``doubts`` are of ``rules.DOUBTS``; they are
    empty until the photo has arrived. ``width`` and ``height`` are the original's, as shown.
    """
    found: dict[UUID, list[dict[str, Any]]] = {subject_id: [] for subject_id in subject_ids}
    rows = db.session.execute(
        select(PhotoUse, Photo)
        .outerjoin(
            Photo,
            and_(
                Photo.street_code == PhotoUse.street_code,
                Photo.sha256 == PhotoUse.sha256,
            ),
        )
        .where(
            PhotoUse.street_code == street_code,
            PhotoUse.subject_kind == subject_kind,
            PhotoUse.subject_id.in_(subject_ids),
        )
    ).all()
    for use, photo in sorted(
        rows, key=lambda row: (ROLES.index(row[0].role), row[0].used_at, row[0].ordinal)
    ):
        found[use.subject_id].append(_shown(use, photo))
    return found


def _shown(use: PhotoUse, photo: Photo | None) -> dict[str, Any]:
    absent = "never_came" if use.never_came_at is not None else "missing"
    return {
        "sha256": use.sha256,
        "role": use.role,
        "ordinal": use.ordinal,
        "entry_id": use.entry_id,
        "state": photo.state if photo is not None else absent,
        "problem": photo.problem if photo is not None else None,
        "doubts": list(use.doubts or ()),
        "width": photo.width if photo is not None else None,
        "height": photo.height if photo is not None else None,
        "captured_at": use.captured_at,
        "used_by": use.used_by,
    }


def subjects_of(street_code: str, sha256: str) -> list[tuple[str, UUID]]:
    """Kind and id of every subject that names the photo; whoever may see one of them may see it."""
    rows = db.session.execute(
        select(PhotoUse.subject_kind, PhotoUse.subject_id)
        .where(PhotoUse.street_code == street_code, PhotoUse.sha256 == sha256)
        .distinct()
    )
    return [(kind, subject_id) for kind, subject_id in rows]
