"""Marshmallow fields that let nothing through which the database or JSON cannot hold."""

from __future__ import annotations

import math
import unicodedata
from datetime import UTC, datetime
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, validate

EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)


def check_text(value: str) -> str:
    """Return *value* unless it holds NUL or a lone surrogate, which PostgreSQL cannot store.

    Raises:
        ValidationError: where it does.
    """
    if "\x00" in value:
        raise ValidationError("Text must not contain NUL.")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValidationError("Text contains a lone surrogate.") from error
    return value


def visible(value: str) -> str:
    """*value* without spaces around it and without characters that nobody sees (zero-width, control)."""
    return "".join(char for char in value if unicodedata.category(char) not in {"Cf", "Cc"}).strip()


class Text(fields.String):
    """A bounded string without NUL or lone surrogates.

    Args:
        max_length: in characters.
        min_length: in characters that one can see: spaces alone do not fill in a field.
    """

    def __init__(self, max_length: int, *, min_length: int = 0, **kwargs: Any) -> None:
        extra = kwargs.pop("validate", [])
        checks: list[Any] = [validate.Length(min=min_length or None, max=max_length)]
        self.min_length = min_length
        checks += extra if isinstance(extra, list) else [extra]
        super().__init__(validate=checks, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = check_text(str(super()._deserialize(value, attr, data, **kwargs)))
        if len(visible(text)) < self.min_length <= len(text):
            raise ValidationError("Spaces and invisible characters do not count.")
        return text


class Number(fields.Float):
    """A finite number in [*low*, *high*]; strings and booleans are not numbers."""

    def __init__(self, low: float, high: float, **kwargs: Any) -> None:
        super().__init__(validate=validate.Range(low, high), **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValidationError("Not a number.")
        number = float(value) if abs(value) < 1e300 else math.inf
        if not math.isfinite(number):
            raise ValidationError("Not a finite number.")
        return number


class Moment(fields.DateTime):
    """An RFC 3339 time with offset, between 1900 and 2200, as an aware UTC datetime."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        if not isinstance(value, str) or len(value) > 40:
            raise ValidationError("Not a time.")
        try:
            moment = datetime.fromisoformat(value)
            if moment.tzinfo is None:
                raise ValidationError("A time needs its offset from UTC.")
            moment = moment.astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise ValidationError("Not a time.") from error
        if not EARLIEST <= moment <= LATEST:
            raise ValidationError("Time is out of range.")
        return moment

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else wire_time(value)


def wire_time(value: datetime) -> str:
    """An aware time as ``2026-11-23T01:02:03.456Z``."""
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Wire(Schema):
    """Base of all wire shapes: unknown fields are refused."""

    class Meta:
        unknown = RAISE
