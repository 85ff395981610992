"""What a supervisor reads about escalation is what the program does, in both languages."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.cases.words import MODES
from app.timers.explain import Lang
from tests import escalation_examples as examples

DOCS = Path(__file__).parents[2] / "docs"
FILES: dict[Lang, str] = {"en": "escalation.md", "zh": "escalation.zh-CN.md"}

both = pytest.mark.parametrize("lang", FILES)


def text_of(lang: Lang) -> str:
    return (DOCS / FILES[lang]).read_text(encoding="utf-8")


@both
def test_the_arithmetic_and_the_timeline_are_those_of_the_code(lang: Lang) -> None:
    for block in (examples.arithmetic(lang), examples.nobody_reacts(lang)):
        assert f"```text\n{block}\n```" in text_of(lang)


@both
@pytest.mark.parametrize("mode", MODES)
def test_the_tables_are_the_rules_of_the_demonstration_street(lang: Lang, mode: str) -> None:
    assert f"|---|---|\n{examples.rules(mode, lang)}\n\n" in text_of(lang)


@both
@pytest.mark.parametrize(
    ("figure", "before"),
    [
        ("warn", {"en": "Early warning after ", "zh": "用去 "}),
        ("verify", {"en": "checked | ", "zh": "核查完 | "}),
        ("note", {"en": "the next note | ", "zh": "写下一次说明 | "}),
        ("returns", {"en": "After ", "zh": "退回满 "}),
        ("many", {"en": "means ", "zh": "同一案件有 "}),
    ],
)
def test_the_figures_are_those_of_the_policy(lang: Lang, figure: str, before: dict[Lang, str]) -> None:
    assert f"{before[lang]}{examples.figures(lang)[figure]} " in text_of(lang)


def test_both_languages_have_the_same_sections() -> None:
    levels = [
        [line.split()[0] for line in text_of(lang).splitlines() if line.startswith("#")] for lang in FILES
    ]
    assert levels[0] == levels[1]
