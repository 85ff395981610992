"""A page's cursor comes back as it was given; anything else is no cursor of ours."""

from __future__ import annotations

import base64
import json

import pytest

from app.core.pages import decode_cursor, encode_cursor
from app.core.problems import Problem


def packed(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@pytest.mark.parametrize("keys", [("310107990", "id"), (3, "名"), ("", 0)])
def test_what_was_packed_comes_back(keys: tuple[str | int, ...]) -> None:
    assert decode_cursor(encode_cursor(*keys), len(keys)) == list(keys)


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "!!",
        "bm9uZQ",
        packed(["one"]),
        packed({"a": 1, "b": 2}),
        packed(["one", None]),
        packed(["one", [2]]),
        packed(["\ud800", "two"]),
        packed(["a\x00b", "two"]),
    ],
)
def test_anything_else_is_refused(cursor: str) -> None:
    with pytest.raises(Problem) as refused:
        decode_cursor(cursor, 2)
    assert refused.value.kind.status == 400
