"""Taking a staff list into the tables: all of it or nothing."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from sqlalchemy import func, select

from app.core import clock
from app.core.extensions import db
from app.core.ids import uuid7
from app.ledger.service import record
from app.people import passwords
from app.people.models import Post, User
from app.people.staff_file import BadRow, PersonRow, PostRow, StaffList, read_staff
from app.places.models import Place

_IMPORT_LOCK = 7_310_107_006  # any fixed number: two imports take turns


class StaffRefused(Exception):
    """Nothing was taken; *bad* names the lines and why."""

    def __init__(self, bad: list[BadRow]) -> None:
        super().__init__(f"{len(bad)} bad rows")
        self.bad = bad


@dataclass(slots=True)
class Imported:
    """What an import changed, and the first passwords of new people who had none in the file."""

    changes: Counter[str] = field(default_factory=Counter)
    first_passwords: dict[str, str] = field(default_factory=dict)


def import_staff(raw: bytes) -> Imported:
    """Take the people and posts of a CSV file; see :mod:`app.people.staff_file` for its form.

    People and posts that are known are brought up to date; passwords of known people stay, and nobody
    and nothing is removed (a post ends by its ``ends_on``). The same file again changes nothing.

    Raises:
        StaffFileError: the file cannot be read as a whole.
        StaffRefused: some rows are bad; nothing was changed.
    """
    db.session.execute(select(func.pg_advisory_xact_lock(_IMPORT_LOCK)))
    places = db.session.execute(select(Place.code, Place.street_code))
    streets = {code: street_code for code, street_code in places}  # noqa: C416 - mypy knows rows, not dict()
    staff = read_staff(raw, streets)
    users = {
        user.username: user
        for user in db.session.scalars(select(User).where(User.username.in_(list(staff.people))))
    }
    bad = staff.bad + _strangers(staff, users)
    if bad:
        raise StaffRefused(sorted(bad, key=lambda row: row.line))
    result = Imported()
    by_street: dict[str, Counter[str]] = {}
    for person in staff.people.values():
        changes = by_street.setdefault(person.street_code, Counter())
        user = users.get(person.username)
        if user is None:
            user = _add_user(person, result)
            changes["people_added"] += 1
        elif _update_user(user, person):
            changes["people_changed"] += 1
        _take_posts(user, person.posts, changes)
    db.session.flush()
    for street_code, changes in by_street.items():
        _tell(street_code, changes)
        result.changes += changes
    return result


def _strangers(staff: StaffList, users: dict[str, User]) -> list[BadRow]:
    """Rows whose user name belongs to somebody of another street."""
    return [
        BadRow(person.line, f"the user name {person.username} belongs to another street")
        for person in staff.people.values()
        if person.username in users and users[person.username].street_code != person.street_code
    ]


def _add_user(person: PersonRow, result: Imported) -> User:
    password = person.password
    if not password:
        password = passwords.first_password()
        result.first_passwords[person.username] = password
    user = User(
        id=uuid7(),
        street_code=person.street_code,
        username=person.username,
        display_name=person.display_name,
        display_name_en=person.display_name_en,
        phone=person.phone,
        password_hash=passwords.hash_password(password),
        password_changed_at=clock.now(),
    )
    db.session.add(user)
    return user


def _update_user(user: User, person: PersonRow) -> bool:
    """Bring name and phone up to date; True where something changed."""
    changed = False
    for name in ("display_name", "display_name_en", "phone"):
        if getattr(user, name) != getattr(person, name):
            setattr(user, name, getattr(person, name))
            changed = True
    return changed


def _take_posts(user: User, rows: list[PostRow], changes: Counter[str]) -> None:
    known = {
        (post.role, post.place_code): post
        for post in db.session.scalars(select(Post).where(Post.user_id == user.id))
    }
    for row in rows:
        post = known.get((row.role, row.place_code))
        if post is None:
            db.session.flush()  # the person first: posts refer to them
            db.session.add(
                Post(
                    id=uuid7(),
                    user_id=user.id,
                    role=row.role,
                    place_code=row.place_code,
                    starts_on=row.starts_on,
                    ends_on=row.ends_on,
                )
            )
            changes["posts_added"] += 1
        elif (post.starts_on, post.ends_on) != (row.starts_on, row.ends_on):
            post.starts_on, post.ends_on = row.starts_on, row.ends_on
            changes["posts_changed"] += 1


def _tell(street_code: str, changes: Counter[str]) -> None:
    if not changes.total():
        return
    record(
        "staff.imported",
        actor_id=None,
        actor_kind="cli",
        street_code=street_code,
        place_code=street_code,
        subject_kind="street",
        subject_id=street_code,
        data=dict(changes),
    )
