"""A tag's token is accepted exactly as it was made, with the key it was made with, and in no other form."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.places.tags import TOKEN_LENGTH, make_token, read_token

KEY = bytes(range(32))
TAG = UUID("019a0000-0000-7000-8000-000000000001")
TOKEN = make_token(KEY, TAG)


@given(st.uuids(), st.binary(min_size=32, max_size=32))
def test_a_token_is_read_by_its_own_key(tag_id: UUID, key: bytes) -> None:
    token = make_token(key, tag_id)
    assert len(token) == TOKEN_LENGTH
    assert read_token(key, token) == tag_id


@given(st.uuids(), st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_a_token_of_another_key_is_never_accepted(tag_id: UUID, key: bytes, other: bytes) -> None:
    if key != other:
        assert read_token(other, make_token(key, tag_id)) is None


@given(st.uuids(), st.integers(0, TOKEN_LENGTH - 1), st.characters(codec="utf-8"))
def test_a_changed_character_is_never_accepted(tag_id: UUID, place: int, character: str) -> None:
    token = make_token(KEY, tag_id)
    changed = token[:place] + character + token[place + 1 :]
    if changed != token:
        assert read_token(KEY, changed) is None


@given(st.text(max_size=80))
def test_any_other_text_is_no_token(text: str) -> None:
    assert read_token(KEY, text) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        TOKEN + "=",
        " " + TOKEN,
        TOKEN.lower(),
        TOKEN[:-1],
        TOKEN.replace("IF1", "IF2"),
        "https://x/" + TOKEN,
    ],
)
def test_other_spellings_are_refused(text: str) -> None:
    assert read_token(KEY, text) is None
