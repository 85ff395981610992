"""What an error of the database says about itself, without the values that it was about.

Statements carry positions, names and phone numbers. PostgreSQL quotes them in the details of an error
("Failing row contains (…)", "Key (id)=(…)"), and error texts end in logs that nobody thinks of as personal
data.
"""

from __future__ import annotations

import psycopg
from sqlalchemy import Engine, ExceptionContext, event

# Classes of SQLSTATE whose very first line may quote a value: data exceptions, broken constraints.
_ABOUT_VALUES = ("22", "23")


def keep_values_out(engine: Engine) -> None:
    """Let no error of *engine* quote values; ``hide_parameters`` must keep the parameters out as well."""
    event.listen(engine, "handle_error", _shorten)


def _shorten(context: ExceptionContext) -> None:
    error = context.original_exception
    if not isinstance(error, psycopg.Error) or error.diag.message_primary is None:
        return  # not from the server, so it is about no values
    error.args = (_said(error),)
    wrapped = context.sqlalchemy_exception
    if wrapped is not None:  # it has taken over the text already
        kind = type(error)
        wrapped.args = (f"({kind.__module__}.{kind.__name__}) {_said(error)}",)


def _said(error: psycopg.Error) -> str:
    """SQLSTATE with table and constraint, and the first line where that is about no values."""
    diag = error.diag
    state = diag.sqlstate or ""
    where = [name for name in (diag.table_name, diag.constraint_name, diag.column_name) if name]
    first = [] if state.startswith(_ABOUT_VALUES) else [diag.message_primary or ""]
    return " ".join([state, *where, *first])
