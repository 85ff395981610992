"""The catalogue of problems (RFC 9457): every error a client can meet, with a stable type.

Clients decide by ``type`` and never read the text. The title is English for logs and developers; the
apps show their own Chinese and English words for each type.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

CONTENT_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class ProblemType:
    """One kind of error: its stable slug, HTTP status and English title."""

    slug: str
    status: int
    title: str

    @property
    def uri(self) -> str:
        """The ``type`` member: a stable relative reference."""
        return f"/problems/{self.slug}"


class Problem(Exception):
    """Raised to answer with an ``application/problem+json`` document."""

    def __init__(
        self,
        kind: ProblemType,
        detail: str = "",
        *,
        headers: dict[str, str] | None = None,
        **members: Any,
    ) -> None:
        super().__init__(detail or kind.title)
        self.kind = kind
        self.detail = detail
        self.headers = headers or {}
        self.members = members

    def document(self) -> dict[str, Any]:
        """The JSON object to send."""
        document: dict[str, Any] = {
            "type": self.kind.uri,
            "title": self.kind.title,
            "status": self.kind.status,
        }
        if self.detail:
            document["detail"] = self.detail
        return document | self.members


_CATALOGUE: dict[str, ProblemType] = {}


def _define(slug: str, status: int, title: str) -> ProblemType:
    if slug in _CATALOGUE:
        raise ValueError(f"problem {slug} is defined twice")
    _CATALOGUE[slug] = ProblemType(slug, status, title)
    return _CATALOGUE[slug]


def catalogue() -> dict[str, ProblemType]:
    """All problem types by slug."""
    return dict(_CATALOGUE)


# What HTTP itself refuses
BAD_REQUEST = _define("bad-request", 400, "The request could not be read")
MALFORMED_JSON = _define("malformed-json", 400, "The body is not valid JSON")
INVALID = _define("invalid", 422, "Some fields are not valid")
NOT_FOUND = _define("not-found", 404, "There is nothing here")
METHOD_NOT_ALLOWED = _define("method-not-allowed", 405, "This method is not allowed here")
NOT_ACCEPTABLE = _define("not-acceptable", 406, "No acceptable form of this can be made")
TOO_LARGE = _define("too-large", 413, "The body is too large")
UNSUPPORTED_MEDIA = _define("unsupported-media", 415, "Send application/json")
TOO_MANY_REQUESTS = _define("too-many-requests", 429, "Too many requests; try again later")
SERVER_ERROR = _define("server-error", 500, "Something went wrong here; it is not your doing")
UNAVAILABLE = _define("unavailable", 503, "The database cannot be reached; try again shortly")
# Who is asking
NOT_SIGNED_IN = _define("not-signed-in", 401, "Sign in first")
TOKEN_EXPIRED = _define("token-expired", 401, "The access token has expired; refresh it")
SESSION_ENDED = _define("session-ended", 401, "This session has ended; sign in again")
WRONG_CREDENTIALS = _define("wrong-credentials", 401, "User name or password is wrong")
ACCOUNT_LOCKED = _define("account-locked", 429, "Too many failures; the account is locked for a while")
CSRF = _define("csrf", 403, "The CSRF header does not match the cookie")
FORBIDDEN = _define("forbidden", 403, "You may not do this, or not there")
WEAK_PASSWORD = _define("weak-password", 422, "The password does not meet the policy")
# Ids and states
ID_REUSED = _define("id-reused", 409, "This id was used before with other content")
CONFLICT = _define("conflict", 409, "This no longer fits the present state")
SHEET_UNPRINTABLE = _define("sheet-unprintable", 503, "The server has no font to print this sheet with")
# Cases
NO_SUCH_CASE = _define("no-such-case", 409, "The case is not known")
CLASS_UNKNOWN = _define("class-unknown", 409, "The catalogue has no such class")
STEP_NOT_NOW = _define("step-not-now", 409, "The case has moved on; this step does not fit any more")
STEP_NOT_YOURS = _define("step-not-yours", 403, "This step belongs to another person")
PERSON_UNFIT = _define("person-unfit", 409, "This person cannot be given the case")
CATALOGUE_MISSING = _define("catalogue-missing", 409, "The street has no catalogue of problem classes yet")
EXPORT_TOO_LARGE = _define("export-too-large", 422, "There are too many cases for one table")
# The phone's log: answers per entry
ENTRY_MALFORMED = _define("entry-malformed", 422, "The entry could not be read")
ENTRY_UNKNOWN_KIND = _define("entry-unknown-kind", 422, "This kind of entry is not known to the server")
ENTRY_INVALID = _define("entry-invalid", 422, "The entry's content is not valid")
ENTRY_ID_REUSED = _define("entry-id-reused", 409, "This entry id was used before with other content")
ENTRY_NOT_YOURS = _define("entry-not-yours", 403, "The entry belongs to another person or log")
ENTRY_NOT_SIGNED = _define("entry-not-signed", 403, "The entry is not signed with this log's key")
LOG_UNKNOWN = _define("log-unknown", 404, "This log is not registered; register its key first")
LOG_NOT_YOURS = _define("log-not-yours", 403, "This log belongs to another person")
OFF_DUTY = _define("off-duty", 409, "Positions are accepted on duty only")
NO_SUCH_SHIFT = _define("no-such-shift", 409, "The shift is not known")
NO_SUCH_ROUND = _define("no-such-round", 409, "The round is not known or not yours")
ROUND_CLOSED = _define("round-closed", 409, "The round is already finished")
NO_SUCH_STOP = _define("no-such-stop", 409, "The round has no such stop")
NOTHING_TO_ANSWER = _define("nothing-to-answer", 409, "There is no decision to answer here")
ALREADY_ANSWERED = _define("already-answered", 409, "This decision was answered before")
# Photos
PHOTO_HASH_MISMATCH = _define(
    "photo-hash-mismatch", 422, "The bytes do not have the hash they were sent under"
)
PHOTO_WRONG_TYPE = _define("photo-wrong-type", 422, "This is no JPEG, PNG, WebP or HEIC picture")
PHOTO_TOO_MANY_PIXELS = _define("photo-too-many-pixels", 422, "The picture has too many pixels")
PHOTO_DAMAGED = _define("photo-damaged", 422, "The picture is cut off or cannot be decoded")
PHOTO_PART_WRONG = _define("photo-part-wrong", 422, "The part does not fit its Content-Range")
PHOTO_NOT_HERE = _define("photo-not-here", 404, "The photo has not arrived, or cannot be shown")
PHOTO_STORE_AWAY = _define(
    "photo-store-away", 503, "The store of photos cannot be reached; try again shortly"
)
PHOTO_TOO_MANY_UNNAMED = _define(
    "photo-too-many-unnamed", 429, "Too many photos have come that no report names; send the reports first"
)
# Policies
POLICY_FAULTY = _define("policy-faulty", 422, "The escalation policy has faults")
POLICY_MISSING = _define("policy-missing", 409, "The street does not have this escalation policy")
CALENDAR_MISSING = _define("calendar-missing", 409, "The street has no working calendar")
