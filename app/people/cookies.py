"""The two cookies of a session: the refresh token, and the CSRF word that goes with it.

The refresh token is out of reach of scripts. Because the browser sends it by itself, a request that
uses it must repeat the readable CSRF word in a header, which another site cannot read. The word is a
keyed hash of the session, so a cookie planted from a neighbouring host does not fit either; and it
stays the same through all refreshes, so two tabs do not trip over each other.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from uuid import UUID

from flask import Response, after_this_request, current_app, request

from app.core import clock, problems
from app.core.keys import derive_key
from app.core.problems import Problem
from app.people import sessions
from app.people.sessions import SignedIn

REFRESH_COOKIE = "ironfeet_refresh"
CSRF_COOKIE = "ironfeet_csrf"
REFRESH_PATH = "/api/v1/sessions"


def csrf_word(session_id: UUID) -> str:
    """The CSRF word of a session."""
    key = derive_key(current_app.config["SETTINGS"].secret_key, "csrf")
    return base64.urlsafe_b64encode(hmac.digest(key, session_id.bytes, hashlib.sha256)[:18]).decode()


def presented_token(header_word: str) -> str:
    """The refresh token of the request, its CSRF word checked.

    Raises:
        Problem: NOT_SIGNED_IN without a cookie, SESSION_ENDED for an unknown token, CSRF where header,
            cookie and session do not fit together.
    """
    token = request.cookies.get(REFRESH_COOKIE, "")
    if not token:
        raise Problem(problems.NOT_SIGNED_IN)
    cookie_word = request.cookies.get(CSRF_COOKIE, "")
    if not header_word or not _equal(header_word, cookie_word):
        raise Problem(problems.CSRF)
    session_id = sessions.session_of(token)
    if session_id is None:
        raise Problem(problems.SESSION_ENDED)
    if not _equal(header_word, csrf_word(session_id)):
        raise Problem(problems.CSRF)
    return token


def _equal(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))


def hand_out(signed_in: SignedIn) -> None:
    """Set both cookies on the present answer, if it succeeds: a token that was not committed is none."""
    secure = current_app.config["SETTINGS"].is_production
    max_age_s = int((signed_in.expires_at - clock.now()).total_seconds())

    def set_cookies(response: Response) -> Response:
        if response.status_code == 200:
            response.set_cookie(
                REFRESH_COOKIE,
                signed_in.refresh_token,
                max_age=max_age_s,
                path=REFRESH_PATH,
                secure=secure,
                httponly=True,
                samesite="Strict",
            )
            response.set_cookie(
                CSRF_COOKIE,
                csrf_word(signed_in.session_id),
                max_age=max_age_s,
                path="/",
                secure=secure,
                samesite="Strict",
            )
            response.headers["Cache-Control"] = "no-store"
        return response

    after_this_request(set_cookies)


def take_back() -> None:
    """Clear both cookies on the present answer, if it succeeds."""

    def clear_cookies(response: Response) -> Response:
        if response.status_code < 300:
            response.delete_cookie(REFRESH_COOKIE, path=REFRESH_PATH, samesite="Strict", httponly=True)
            response.delete_cookie(CSRF_COOKIE, path="/", samesite="Strict")
        return response

    after_this_request(clear_cookies)
