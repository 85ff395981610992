"""Sending a photo: the headers that every route which serves one must give it."""

from __future__ import annotations

from flask import Response, request

from app.media.service import Served

KEPT_BY_THE_BROWSER_S = 600  # short: whoever loses the right to see a photo shall not have it for long


def photo_response(served: Served) -> Response:
    """The answer to a request for a photo; 304 where the asker has it already.

    The type is fixed and must not be guessed at, nobody between may keep a copy, and the picture is
    shown in the page rather than offered as a file.
    """
    answer = Response(served.body, content_type=served.content_type)
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Content-Disposition"] = "inline"
    answer.headers["Cache-Control"] = f"private, max-age={KEPT_BY_THE_BROWSER_S}"
    answer.set_etag(served.etag)
    answer.make_conditional(request)  # changes the answer in place
    return answer
