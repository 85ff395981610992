"""Real recordings go through the intake as a phone would send them: a train ride with its real accuracies
and jumps, a hike, a file whose every date is in 1901, and one with hopeless dilution of precision.

The rides are moved in time so that they end now; where they were recorded (Switzerland, Croatia) they stay.
"""

from __future__ import annotations

import csv
import random
import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection, text

from app.cli.phone import wire_fix
from app.core import clock
from tests import factories
from tests.integration.field import Field

DATA = Path(__file__).resolve().parents[1] / "data"
GPX_HIKE, GPX_1901, GPX_DILUTION = "walk_korita.gpx", "bad_dates_mojstrovka.gpx", "bad_dilution.gpx"
UERE_M = 5.0  # what one unit of dilution is worth in metres, roughly, with a phone's receiver
Json = dict[str, Any]


@pytest.fixture
def field(app: Flask) -> Field:
    """A patroller whose shift began four hours ago."""
    made = Field(app)
    made.started_at = clock.now() - timedelta(hours=4)
    made.results([made.start_shift(), made.start_round()])
    return made


def ride() -> list[tuple[datetime, float, float, float]]:
    """The train ride: time, latitude, longitude, accuracy in metres, as the phone wrote them."""
    with (DATA / "phone_posmo.csv").open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    return [
        (
            datetime.fromisoformat(row["tracked_at"][:26]).replace(tzinfo=UTC),
            float(row["latitude"]),
            float(row["longitude"]),
            float(row["accuracy"]),
        )
        for row in rows
    ]


def gpx(name: str) -> list[ET.Element]:
    """All track points of a GPX file, without their namespaces."""
    root = ET.parse(DATA / name).getroot()  # noqa: S314 - a file of our own
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return list(root.iter("trkpt"))


def tracks(field: Field, fixes: list[Json]) -> list[Json]:
    """Entries of at most 100 positions each, as a phone cuts them."""
    body = {"shift": str(field.shift), "round": str(field.round.id)}
    cuts = [fixes[i : i + 100] for i in range(0, len(fixes), 100)]
    return [field.phone.entry("track", body | {"fixes": cut}, clock.now()) for cut in cuts]


def test_a_real_ride_arrives_once_and_in_the_order_of_its_times(field: Field) -> None:
    points = ride()
    shift_by = clock.now() - timedelta(minutes=1) - max(at for at, *_ in points)
    fixes = [wire_fix(lat, lon, at + shift_by, accuracy_m=acc) for at, lat, lon, acc in points]
    entries = tracks(field, fixes)
    shuffled = random.Random(7).sample(entries, len(entries)) + entries[:3]  # noqa: S311 - not a secret
    for n in range(0, len(shuffled), 4):
        field.results(shuffled[n : n + 4])
    factories.make_user("supervisor", field.street.areas[0], "boss")
    headers = factories.sign_in(field.client, "boss")
    track = field.client.get(f"/api/v1/rounds/{field.round.id}/track", headers=headers).json["fixes"]
    assert len(track) == len(points)
    assert [fix["at"] for fix in track] == sorted(fix["at"] for fix in track)
    assert {round(fix["accuracy_m"], 3) for fix in track} == {round(acc, 3) for *_, acc in points}


def check_in(field: Field, at: datetime, lat: float, lon: float, accuracy_m: float) -> Json:
    """Check in at the first stop with a position of the recording; the result."""
    body = {
        "round": str(field.round.id),
        "shift": str(field.shift),
        "stop": 1,
        "checkpoint": str(field.checkpoints[0].id),
        "fix": wire_fix(lat, lon, at, accuracy_m=accuracy_m),
    }
    return field.results([field.phone.entry("check_in", body, at)])[0]


def test_check_ins_on_a_train_are_doubted_for_what_they_are(field: Field) -> None:
    points = ride()
    shift_by = clock.now() - timedelta(minutes=1) - max(at for at, *_ in points)
    found = [(acc, check_in(field, at + shift_by, lat, lon, acc)) for at, lat, lon, acc in points[::60]]
    for accuracy_m, result in found:
        assert {"outside_china", "outside_radius"} <= set(result["reasons"])
        assert ("poor_accuracy" in result["reasons"]) == (accuracy_m > 50)
    too_fast = sum("impossible_speed" in result["reasons"] for _, result in found)
    assert len(found) / 4 < too_fast < len(found)  # a train is faster than a patrol, except where it stops


def test_a_real_hike_is_kept_whole(field: Field) -> None:
    points = [point for point in gpx(GPX_HIKE) if point.find("time") is not None]
    times = [datetime.fromisoformat(point.findtext("time", "").replace("Z", "+00:00")) for point in points]
    shift_by = clock.now() - timedelta(minutes=1) - max(times)
    fixes = [
        wire_fix(float(point.attrib["lat"]), float(point.attrib["lon"]), at + shift_by)
        for point, at in zip(points, times, strict=True)
        if at + shift_by > field.started_at
    ]
    assert len(fixes) > 500  # the second day of the recording
    results = field.results(tracks(field, fixes))
    assert {result["status"] for result in results} == {"applied"}


def test_positions_of_1901_are_refused_and_nothing_of_them_is_kept(
    field: Field, owner_db: Connection
) -> None:
    points = gpx(GPX_1901)
    fixes = [
        {
            "at": point.findtext("time", "")[:23].rstrip("Z") + "Z",
            "lat": float(point.attrib["lat"]),
            "lon": float(point.attrib["lon"]),
            "acc": 5.0,
            "datum": "wgs84",
            "src": "gnss",
        }
        for point in points
    ]
    assert all(fix["at"].startswith("1901") for fix in fixes)
    results = field.results(tracks(field, fixes))
    assert {(r["status"], r["problem"]) for r in results} == {("refused", "/problems/off-duty")}
    assert owner_db.scalar(text("select count(*) from track_fix")) == 0
    assert owner_db.scalar(text("select count(*) from log_entry where kind = 'track' and payload <> ''")) == 0


def test_a_hopeless_dilution_is_poor_accuracy(field: Field) -> None:
    point = gpx(GPX_DILUTION)[0]
    accuracy_m = float(point.findtext("hdop", "0")) * UERE_M
    result = check_in(field, clock.now(), float(point.attrib["lat"]), float(point.attrib["lon"]), accuracy_m)
    assert result["reasons"] == ["outside_china", "outside_radius", "poor_accuracy"]
