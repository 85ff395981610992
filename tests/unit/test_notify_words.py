"""The words of notifications: in both languages, short, complete with whatever is known."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.notify import words
from app.notify.rules import KINDS, LANGUAGES

FULL = {
    "number": "CY-20261123-0042",
    "class_zh": "跨门营业",
    "class_en": "Shop spreading over the pavement",
    "place_zh": "曹杨新村街道第三网格",
    "place_en": "Caoyang, unit 3",
    "due_at": "2026-11-23T06:30:00.000Z",
    "by_zh": "王师傅",
    "by_en": "Wang",
    "mode": "watch",
    "count": 5,
    "granted": True,
    "address": "兰溪路 81 号",
}
SLOTS = {"number", "class", "place", "due", "by", "mode", "count", "granted", "address"}

every_kind = pytest.mark.parametrize("kind", KINDS)
each_language = pytest.mark.parametrize("language", LANGUAGES)


@each_language
def test_the_files_have_words_for_every_kind_and_for_no_other(language: str) -> None:
    assert {key for key in words.messages(language) if key.startswith("case.")} == set(KINDS)


def test_both_files_say_the_same_things() -> None:
    zh, en = (words.messages(language) for language in ("zh", "en"))
    assert list(zh) == list(en)
    for kind in KINDS:
        slots = [re.findall(r"\{(\w+)\}", str(texts[kind])) for texts in (zh, en)]
        assert slots[0] == slots[1], kind
        assert set(slots[0]) <= SLOTS


@every_kind
@each_language
def test_with_everything_known_nothing_is_left_open(kind: str, language: str) -> None:
    said = words.words_of(kind, FULL, language)
    assert "{" not in said.title + said.body
    assert str(FULL[f"class_{language}"]) in said.title
    assert len(said.title) <= 80
    assert len(said.body) <= 200


@every_kind
@each_language
def test_with_nothing_known_it_still_says_what_to_do_next(kind: str, language: str) -> None:
    said = words.words_of(kind, {}, language)
    assert words.messages(language)["name.class"] in said.title
    assert len(said.body) >= 5
    assert "{" not in said.title + said.body


def test_a_whole_one_in_both_languages() -> None:
    said = words.words_of("case.dispatched", FULL, "zh", unread=3)
    assert said.title == "新任务：跨门营业（共3条未读）"
    assert said.body == (
        "曹杨新村街道第三网格。兰溪路 81 号。编号CY-20261123-0042。请在11月23日14:30前接单。点开接单，或写明理由退回。"
    )
    said = words.words_of("case.dispatched", FULL, "en")
    assert said.title == "New task: Shop spreading over the pavement"
    assert said.body == (
        "Caoyang, unit 3. 兰溪路 81 号. No. CY-20261123-0042. Accept it by 23 Nov 14:30. Open to accept, or return it with a reason."
    )


def test_a_value_in_one_language_only_is_better_than_none() -> None:
    assert words.words_of("case.arrived", {"by_zh": "王师傅"}, "en").body.startswith("王师傅 is there.")


def test_codes_are_said_in_words() -> None:
    assert "现为盯到人" in words.words_of("case.raised", FULL, "zh").body
    assert "Refused." in words.words_of("case.hold_decided", {"granted": False}, "en").body


def test_values_are_put_on_one_line_and_never_read_as_templates() -> None:
    said = words.words_of("case.arrived", {"by": "A\n\u202eB {number}\u0000", "number": "7"}, "en")
    assert "A B {number} is there" in said.body


def test_a_long_value_is_cut() -> None:
    assert words.words_of("case.arrived", {"by": "长" * 500}, "zh").body.startswith("长" * 59 + "…已到。")


@given(st.text(max_size=300), st.integers(0, 700))
def test_shortened_texts_fit_and_are_whole_characters(text: str, room: int) -> None:
    cut = words.shortened(text, room)
    assert len(cut.encode()) <= room
    assert cut == text or text.startswith(cut.removesuffix("…"))
    if cut.endswith("…") and cut != text:
        assert not any(words._joins(char) for char in text[len(cut) - 1 : len(cut)])


@pytest.mark.parametrize(
    ("text", "room", "cut"),
    [
        ("跨门营业", 12, "跨门营业"),
        ("跨门营业", 11, "跨门…"),
        ("abc", 3, "abc"),
        ("abcd", 3, "…"),
        ("abcd", 2, ""),
        ("巡👩‍🚒查x", 12, "巡…"),
        ("e\u0301e\u0301e\u0301", 6, "e\u0301…"),
    ],
)
def test_shortening_by_example(text: str, room: int, cut: str) -> None:
    assert words.shortened(text, room) == cut
