"""A list of checkpoints is read whole, or each bad line is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.places.checkpoint_rules import COLUMNS, read_checkpoints

HEADER = ",".join(COLUMNS)
GOOD = "G1-01,东门,East gate,entrance,1F,30,31.24,121.40"


def test_the_demonstration_list_is_good() -> None:
    text = (Path(__file__).parents[2] / "data" / "demo" / "checkpoints.csv").read_text(encoding="utf-8")
    rows, faults = read_checkpoints(text)
    assert faults == []
    assert len(rows) >= 42


def test_a_good_row_keeps_its_line() -> None:
    rows, faults = read_checkpoints("\ufeff" + f"{HEADER}\r\n{GOOD}\r\n")
    assert faults == []
    assert (rows[0].line, rows[0].code, rows[0].radius_m) == (2, "G1-01", 30.0)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (GOOD.replace("G1-01", "g1 01"), "the code must be"),
        (GOOD.replace("东门", ""), "the name is missing"),
        (GOOD.replace("东门", "门" * 81), "name must be plain text"),
        (GOOD.replace("1F", "\x00"), "floor_label must be plain text"),
        (GOOD.replace("entrance", "door"), "kind must be one of"),
        (GOOD.replace(",30,", ",4.9,"), "the radius must be 5 to 500 m"),
        (GOOD.replace(",30,", ",501,"), "the radius must be 5 to 500 m"),
        (GOOD.replace(",30,", ",nan,"), "radius_m is not a number"),
        (GOOD.replace("31.24", "north"), "lat is not a number"),
        (GOOD.replace("31.24,121.40", "121.40,31.24"), "swapped"),
        (GOOD.replace("31.24,121.40", "48.8,2.3"), "not in China"),
        (GOOD + ",more", "must have 8 columns"),
        ("G1-01,东门", "must have 8 columns"),
        (f"{GOOD}\n{GOOD}", "the code G1-01 is used by 2 rows"),
        ('"G1', "not readable as CSV"),
    ],
)
def test_a_bad_line_is_named(line: str, words: str) -> None:
    _, faults = read_checkpoints(f"{HEADER}\n{line}\n")
    assert any(words in f.reason for f in faults), [str(f) for f in faults]


@pytest.mark.parametrize("text", ["", "code,name\n", f"{HEADER}\n"])
def test_an_empty_or_other_file_is_refused(text: str) -> None:
    assert read_checkpoints(text)[1][0].line == 1
