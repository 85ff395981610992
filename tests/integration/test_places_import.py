"""A file of places is taken whole or not at all, and every fault names its feature."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection, text

from tests import factories

DATA = Path(__file__).parents[2] / "data"
CAOYANG = json.loads((DATA / "caoyang.geojson").read_text(encoding="utf-8"))
Change = Callable[[dict[str, Any]], Any]


def feature(document: dict[str, Any], code: str) -> dict[str, Any]:
    found: dict[str, Any] = next(f for f in document["features"] if f["properties"]["code"] == code)
    return found


def run(app: Flask, tmp_path: Path, document: Any, command: str = "import") -> tuple[int, str]:
    """Import *document* (text or JSON) with the command line; exit code and output."""
    file = tmp_path / "places.txt"
    file.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
    result = app.test_cli_runner().invoke(args=["places", command, str(file)])
    return result.exit_code, result.output


def count(owner_db: Connection, table: str) -> int:
    return int(owner_db.execute(text(f"select count(*) from {table}")).scalar_one())


def changed(change: Change) -> dict[str, Any]:
    document = copy.deepcopy(CAOYANG)
    change(document)
    return document


def ring(document: dict[str, Any], code: str) -> list[Any]:
    found: list[Any] = feature(document, code)["geometry"]["coordinates"][0]
    return found


def square(west: float, south: float, side: float) -> list[list[float]]:
    east, north = west + side, south + side
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


def bowtie(d: dict[str, Any]) -> None:
    r = ring(d, "310107005009")
    r[1], r[3] = r[3], r[1]


def smaller(d: dict[str, Any]) -> None:
    """Cut a corner off a community: a gap."""
    del ring(d, "310107005009")[2]


def copied(d: dict[str, Any]) -> None:
    """Two communities of one unit on the same ground."""
    feature(d, "310107005017")["geometry"] = copy.deepcopy(feature(d, "310107005009")["geometry"])


def elsewhere(d: dict[str, Any]) -> None:
    feature(d, "310107005009")["geometry"]["coordinates"] = [square(121.5, 31.1, 0.003)]


def vast(d: dict[str, Any]) -> None:
    feature(d, "310107005")["geometry"]["coordinates"] = [square(110.0, 25.0, 8.0)]


def tiny(d: dict[str, Any]) -> None:
    feature(d, "310107005009")["geometry"]["coordinates"] = [square(121.4, 31.24, 0.00001)]


def test_the_same_file_again_changes_nothing(app: Flask, tmp_path: Path, owner_db: Connection) -> None:
    code, output = run(app, tmp_path, CAOYANG)
    assert code == 0, output
    assert "31 added" in output
    rows = owner_db.execute(text("select * from place order by code")).all()
    ledger = owner_db.execute(text("select action, place_code, data from ledger_row")).all()
    assert [(row.action, row.place_code, row.data["places"]) for row in ledger] == [
        ("places.imported", "310107005", 31)
    ]
    code, output = run(app, tmp_path, CAOYANG)
    assert (code, "31 unchanged" in output) == (0, True)
    assert owner_db.execute(text("select * from place order by code")).all() == rows
    assert count(owner_db, "ledger_row") == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (bowtie, "feature 18 (310107005009, 南梅园居民区): the outline is not valid: Self-intersection"),
        (smaller, "feature 5 (310107005-G1, 第一管理单元): its children leave a gap of"),
        (copied, "it overlaps 310107005017 by"),
        (elsewhere, "of it lie outside its parent 310107005-G1"),
        (vast, "feature 1 (310107005, 曹杨新村街道): the outline covers"),
        (tiny, "feature 18 (310107005009, 南梅园居民区): the outline covers 1 m²"),
        (lambda d: d["features"].pop(4), "the parent 310107005-G1 is not in the file"),
    ],
)
def test_a_bad_file_changes_nothing_and_says_why(
    app: Flask, tmp_path: Path, owner_db: Connection, change: Change, words: str
) -> None:
    code, output = run(app, tmp_path, changed(change))
    assert code == 1
    assert words in output, output
    assert count(owner_db, "place") == 0
    assert count(owner_db, "ledger_row") == 0


def test_names_and_outlines_can_change(app: Flask, tmp_path: Path, owner_db: Connection) -> None:
    run(app, tmp_path, CAOYANG)
    document = copy.deepcopy(CAOYANG)
    feature(document, "310107005009")["properties"]["name"] = "南梅园新居民区"
    ring(document, "310107005").insert(1, _middle(ring(document, "310107005")))
    code, output = run(app, tmp_path, document)
    assert (code, "2 changed" in output) == (0, True), output
    name = owner_db.execute(text("select name from place where code = '310107005009'")).scalar_one()
    assert name == "南梅园新居民区"
    data = owner_db.execute(text("select data from ledger_row order by id desc limit 1")).scalar_one()
    assert data["changed"] == ["310107005", "310107005009"]


def _middle(outline: list[Any]) -> list[float]:
    (a, b), (c, d) = outline[0], outline[1]
    return [(a + c) / 2, (b + d) / 2]


def _merged(document: dict[str, Any]) -> dict[str, Any]:
    """One community takes the place of the two of unit G1."""
    kept = [f for f in document["features"] if f["properties"]["code"] != "310107005017"]
    feature(document, "310107005009")["geometry"] = copy.deepcopy(
        feature(document, "310107005-G1")["geometry"]
    )
    return document | {"features": kept}


def test_a_place_in_use_is_not_removed(app: Flask, tmp_path: Path, owner_db: Connection) -> None:
    run(app, tmp_path, CAOYANG)
    factories.make_user("patroller", "310107005017")
    code, output = run(app, tmp_path, _merged(copy.deepcopy(CAOYANG)))
    assert code == 1
    assert (
        "place 310107005017 (金梅园居民区) is not in the file, but cannot be removed: in use by post"
        in output
    )
    assert count(owner_db, "place") == 31


def test_checkpoints_follow_the_outlines(app: Flask, tmp_path: Path, owner_db: Connection) -> None:
    run(app, tmp_path, CAOYANG)
    checkpoints = (DATA / "demo" / "checkpoints.csv").read_text(encoding="utf-8")
    code, output = run(app, tmp_path, checkpoints, "import-checkpoints")
    assert code == 0, output
    moved = text("select count(*) from checkpoint where community_code = '310107005009'")
    before = owner_db.execute(moved).scalar_one()
    code, output = run(app, tmp_path, _merged(copy.deepcopy(CAOYANG)))
    assert (code, "1 removed" in output) == (0, True), output
    in_unit = text("select count(*) from checkpoint where unit_code = '310107005-G1'")
    assert before < owner_db.execute(moved).scalar_one() == owner_db.execute(in_unit).scalar_one()


def test_checkpoints_are_imported_whole_or_by_no_line(
    app: Flask, tmp_path: Path, owner_db: Connection
) -> None:
    run(app, tmp_path, CAOYANG)
    good = (DATA / "demo" / "checkpoints.csv").read_text(encoding="utf-8")
    bad = good + "X-1,外面,Outside,entrance,1F,30,31.30,121.40\nX-2,门,Door,door,1F,30,31.24,121.40\n"
    code, output = run(app, tmp_path, bad, "import-checkpoints")
    assert code == 1
    lines = good.count("\n")
    assert f"line {lines + 1}: the position of X-1 lies in no unit" in output
    assert f"line {lines + 2}: kind must be one of" in output
    assert count(owner_db, "checkpoint") == 0
    assert "47 added" in run(app, tmp_path, good, "import-checkpoints")[1]
    assert "47 unchanged" in run(app, tmp_path, good, "import-checkpoints")[1]
    output = run(app, tmp_path, good.replace(",30,", ",31,"), "import-checkpoints")[1]
    assert " 0 added" in output
    assert " 0 unchanged" not in output


def test_every_demo_checkpoint_stands_clear_of_its_communitys_edge(
    app: Flask, tmp_path: Path, owner_db: Connection
) -> None:
    run(app, tmp_path, CAOYANG)
    run(app, tmp_path, (DATA / "demo" / "checkpoints.csv").read_text(encoding="utf-8"), "import-checkpoints")
    distances = owner_db.execute(
        text(
            "select min(ST_Distance(ST_Boundary(outline)::geography, "
            "ST_SetSRID(ST_MakePoint(lon, lat), 4326)::geography)), count(*), "
            "count(distinct community_code) from checkpoint c join place p on p.code = c.community_code"
        )
    ).one()
    assert distances[0] >= 15
    assert distances[1] >= 42
    assert distances[2] == 20
