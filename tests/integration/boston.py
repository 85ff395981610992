"""A hundred real cases of another city as an outside source: what Boston's 311 recorded in January 2022.

What was changed, so that they fit here, and nothing else:

* *Types* are mapped to the classes of the catalogue by ``TYPES``. Some are the same thing, some only near,
  and for some we have no class, as Boston's hotline also takes orders (a bulky item to be fetched, a
  recycling cart); those go to the class of whoever would see to it.
* *Positions*: Boston's box is laid over the middle of Caoyang, north up. Distances shrink to a ninth.
* *Times* are read in Boston's zone and moved by 208 whole weeks, to the turn of 2025 to 2026, for which
  calendars are loaded; weekdays and hours stay.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

FILE = Path(__file__).parents[1] / "data" / "boston311_100.csv"
ZONE = ZoneInfo("America/New_York")
MOVED = timedelta(weeks=208)
BOSTON_BOX = (42.2553, 42.3806, -71.1626, -71.0298)  # south, north, west, east
CAOYANG_BOX = (31.2350, 31.2460, 121.3970, 121.4110)

Fit = Literal["same", "near", "none"]

TYPES: dict[str, tuple[str, Fit]] = {
    "Abandoned Vehicles": ("M-06034", "same"),
    "Animal Generic Request": ("M-94001", "near"),
    "CE Collection": ("M-06041", "near"),  # code enforcement finds waste set out wrongly
    "City/State Snow Issues": ("M-10001", "same"),
    "Electrical": ("P-01028", "near"),
    "Empty Litter Basket": ("M-06042", "same"),
    "General Comments For a Program or Policy": ("M-94004", "none"),
    "General Lighting Request": ("P-01037", "near"),
    "Graffiti Removal": ("M-07001", "same"),
    "Ground Maintenance": ("M-06017", "near"),
    "Improper Storage of Trash (Barrels)": ("M-06041", "near"),
    "Knockdown Replacement": ("P-02010", "near"),  # a pole or sign that was run over
    "Loud Parties/Music/People": ("M-06028", "same"),
    "Misc. Snow Complaint": ("M-10001", "same"),
    "Missed Trash/Recycling/Yard Waste/Bulk Item": ("M-06011", "near"),
    "Needle Pickup": ("M-06033", "near"),
    "New Sign  Crosswalk or Pavement Marking": ("M-06016", "near"),
    "PWD Graffiti": ("M-07001", "same"),
    "Parking Enforcement": ("M-09009", "same"),
    "Pest Infestation - Residential": ("M-06021", "near"),
    "Pick up Dead Animal": ("M-06037", "same"),
    "Poor Conditions of Property": ("M-06004", "near"),
    "Request for Pothole Repair": ("M-06013", "same"),
    "Request for Recycling Cart": ("M-06042", "none"),
    "Requests for Street Cleaning": ("M-06012", "same"),
    "Rodent Activity": ("M-06021", "near"),
    "Schedule a Bulk Item Pickup": ("M-06035", "none"),
    "Schedule a Bulk Item Pickup SS": ("M-06035", "none"),
    "Short Term Rental": ("M-92002", "near"),
    "Sidewalk Cover / Manhole": ("P-01023", "same"),
    "Sidewalk Repair (Make Safe)": ("M-06013", "near"),
    "Sign Repair": ("P-02010", "same"),
    "Street Light Outages": ("P-01037", "same"),
    "Traffic Signal Inspection": ("P-02014", "same"),
    "Unsatisfactory Living Conditions": ("M-92001", "near"),
    "Unsatisfactory Utilities - Electrical  Plumbing": ("P-01028", "near"),
}


@dataclass(frozen=True, slots=True)
class Call:
    """One case as Boston recorded it, at our place and time.

    Attributes:
        target_at: when it should have been done; None where Boston set no target.
        late: Boston's own flag.
    """

    ref: str
    type: str
    class_key: str
    text: str
    address: str
    lat: float
    lon: float
    opened_at: datetime
    target_at: datetime | None
    closed_at: datetime | None
    late: bool

    @property
    def limit_hours(self) -> float | None:
        """The time that Boston gave itself, on the clock."""
        if self.target_at is None:
            return None
        return (self.target_at - self.opened_at).total_seconds() / 3600


def calls() -> list[Call]:
    """All hundred, by the time they were opened."""
    with FILE.open(encoding="utf-8", newline="") as file:
        found = [_call(row) for row in csv.DictReader(file)]
    return sorted(found, key=lambda call: (call.opened_at, call.ref))


def _call(row: dict[str, str]) -> Call:
    opened_at = _moment(row["open_dt"])
    assert opened_at is not None
    return Call(
        ref=row["case_enquiry_id"],
        type=row["type"],
        class_key=TYPES[row["type"]][0],
        text=row["case_title"].strip(),
        address=" ".join(row["location"].split()),
        lat=_moved(float(row["latitude"]), BOSTON_BOX[:2], CAOYANG_BOX[:2]),
        lon=_moved(float(row["longitude"]), BOSTON_BOX[2:], CAOYANG_BOX[2:]),
        opened_at=opened_at,
        target_at=_moment(row["target_dt"]),
        closed_at=_moment(row["closed_dt"]),
        late=row["ontime"] == "OVERDUE",
    )


def _moment(written: str) -> datetime | None:
    if not written:
        return None
    return datetime.fromisoformat(written).replace(tzinfo=ZONE).astimezone(UTC) + MOVED


def _moved(value: float, old: tuple[float, ...], new: tuple[float, ...]) -> float:
    share = (value - old[0]) / (old[1] - old[0])
    return round(new[0] + share * (new[1] - new[0]), 6)
