"""HTTP at the edge: strict JSON in, problem documents out, the OpenAPI document."""

from __future__ import annotations

import json
import logging
from typing import Any, NoReturn

import flask_smorest
from flask import Flask, Response, request
from marshmallow import fields
from psycopg import errors as pg
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from webargs import core as webargs_core
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import HTTPException

from app.core import problems
from app.core.fields import Wire
from app.core.pipeline import PUBLIC, declared_verb
from app.core.problems import Problem

log = logging.getLogger(__name__)

MAX_BODY_BYTES = 4 * 1024 * 1024

_BY_STATUS = {
    400: problems.BAD_REQUEST,
    401: problems.NOT_SIGNED_IN,
    403: problems.FORBIDDEN,
    404: problems.NOT_FOUND,
    405: problems.METHOD_NOT_ALLOWED,
    406: problems.NOT_ACCEPTABLE,
    413: problems.TOO_LARGE,
    415: problems.UNSUPPORTED_MEDIA,
    422: problems.INVALID,
    429: problems.TOO_MANY_REQUESTS,
    503: problems.UNAVAILABLE,
}


class ProblemShape(Wire):
    """An error as RFC 9457 describes it; ``type`` is stable, the texts are not."""

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String()
    errors = fields.Dict(keys=fields.String())


def problem_response(problem: Problem) -> Response:
    """The HTTP answer for *problem*."""
    body = json.dumps(problem.document(), ensure_ascii=True)
    return Response(body, problem.kind.status, headers=problem.headers, content_type=problems.CONTENT_TYPE)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def strict_json(raw: bytes) -> Any:
    """Parse RFC 8259 JSON: UTF-8, no NaN or Infinity, no endless nesting or digits.

    Raises:
        Problem: MALFORMED_JSON with the place where reading stopped.
    """
    try:
        return json.loads(raw.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise Problem(problems.MALFORMED_JSON, str(error)[:200]) from error


class Parser(FlaskParser):
    """webargs with strict JSON and our problems."""

    def _raw_load_json(self, req: Any) -> Any:
        if not req.get_data(cache=True):
            return webargs_core.missing
        if not webargs_core.is_json(req.mimetype):
            raise Problem(problems.UNSUPPORTED_MEDIA)
        return strict_json(req.get_data(cache=True))


class Blueprint(flask_smorest.Blueprint):
    """A blueprint whose arguments are parsed strictly."""

    ARGUMENTS_PARSER = Parser()

    def register_views_in_doc(self, api: Any, app: Flask, spec: Any, *, name: str, parameters: Any) -> None:
        """Document the routes; each operation is named after its function and tells its verb."""
        for endpoint, methods in self._docs.items():
            verb = declared_verb(app.view_functions[f"{name}.{endpoint}"])
            for method, info in methods.items():
                if method == "parameters":
                    continue
                told = info.setdefault("manual_doc", {})
                told.setdefault("operationId", endpoint)
                told.setdefault("security", [] if verb == PUBLIC else [{"bearer": []}])
                told.setdefault("x-verb", verb)
        super().register_views_in_doc(api, app, spec, name=name, parameters=parameters)


class Api(flask_smorest.Api):
    """flask-smorest with problem documents instead of its own errors."""

    ERROR_SCHEMA = ProblemShape
    DEFAULT_RESPONSE_CONTENT_TYPE: str

    def init_app(self, app: Flask, **kwargs: Any) -> None:
        """Begin the document, with how callers prove who they are."""
        super().init_app(app, **kwargs)
        self.spec.components.security_scheme(
            "bearer", {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
        )

    def _register_responses(self) -> None:
        """Document errors with the media type that they are sent with."""
        usual = self.DEFAULT_RESPONSE_CONTENT_TYPE
        self.DEFAULT_RESPONSE_CONTENT_TYPE = problems.CONTENT_TYPE
        try:
            super()._register_responses()
        finally:
            self.DEFAULT_RESPONSE_CONTENT_TYPE = usual

    def handle_http_exception(self, error: HTTPException) -> Response:
        """Turn any HTTP exception into a problem document, keeping headers such as Allow."""
        kind = _BY_STATUS.get(error.code or 500, problems.SERVER_ERROR)
        data = getattr(error, "data", None) or {}
        members: dict[str, Any] = {}
        messages = data.get("errors") or data.get("messages")
        if messages:
            members["errors"] = _plain(messages)
        kept = {k: v for k, v in error.get_headers() if k.lower() not in {"content-type", "content-length"}}
        kept.update(data.get("headers") or {})
        return problem_response(Problem(kind, headers=kept, **members))


def _plain(messages: Any) -> Any:
    """Validation messages with string keys, safe to send whatever the caller wrote."""
    if isinstance(messages, dict):
        return {str(k)[:100]: _plain(v) for k, v in list(messages.items())[:50]}
    if isinstance(messages, list | tuple):
        return [_plain(m) for m in messages[:50]]
    return str(messages)[:300]


api = Api()


def register_errors(app: Flask) -> None:
    """Answer every error with a problem document; log only what is our fault."""

    def on_problem(error: Problem) -> Response:
        return problem_response(error)

    def on_database(error: DBAPIError) -> Response:
        if (
            isinstance(error, OperationalError)
            or error.connection_invalidated
            or isinstance(error.orig, pg.OperationalError | pg.InterfaceError)
        ):
            log.warning("database unavailable: %s", type(error.orig).__name__)
            return problem_response(Problem(problems.UNAVAILABLE, headers={"Retry-After": "2"}))
        return on_any(error)

    def on_full_pool(_error: PoolTimeout) -> Response:
        log.warning("no database connection was free in time")
        return problem_response(Problem(problems.UNAVAILABLE, headers={"Retry-After": "2"}))

    def on_any(error: Exception) -> Response:
        log.error("unhandled error in %s %s", request.method, request.url_rule, exc_info=error)
        return problem_response(Problem(problems.SERVER_ERROR))

    app.register_error_handler(Problem, on_problem)
    app.register_error_handler(DBAPIError, on_database)
    app.register_error_handler(PoolTimeout, on_full_pool)
    app.register_error_handler(Exception, on_any)
