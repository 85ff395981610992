"""A required text is one that somebody can read."""

from __future__ import annotations

import pytest
from marshmallow import ValidationError

from app.core.fields import Text, Wire


class Shape(Wire):
    """One text of each kind."""

    name = Text(10, min_length=1, required=True)
    note = Text(10, min_length=2)
    free = Text(10)


UNSEEN = ["", " ", "\u3000\t\n", "\u200b", "\u200d\ufeff \u2060", "\u202e\u00ad", "\x07\x1b"]


@pytest.mark.parametrize("text", UNSEEN)
def test_a_text_that_nobody_sees_fills_in_nothing(text: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Shape().load({"name": text})
    assert set(refused.value.normalized_messages()) == {"name"}


@pytest.mark.parametrize("text", ["x \u200b", " 好\u3000"])
def test_unseen_characters_do_not_add_up_to_a_length(text: str) -> None:
    with pytest.raises(ValidationError):
        Shape().load({"name": "x", "note": text})


@pytest.mark.parametrize("text", ["好", " x ", "👨\u200d👩\u200d👧", "0"])
def test_what_one_can_see_is_taken_as_it_is(text: str) -> None:
    assert Shape().load({"name": text, "free": " \u200b"}) == {"name": text, "free": " \u200b"}
