"""What is found on the demo day: invented cases at real checkpoints, with the pictures of ``data/photos``.

Only what is found stands here; what then becomes of each is played by :mod:`app.cli.demo_cases`.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from app.cli.demo import DATA


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture of ``data/photos``.

    Attributes:
        honest: the file says when and where it was taken; otherwise what it always said.
        positioned: the phone had a position when it was taken.
        shot: photos with the same name here are the very same photo, used again.
    """

    file: str
    role: str = "before"
    honest: bool = True
    positioned: bool = True
    shot: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that a patroller reports, so long before now by their phone, at a checkpoint or a position."""

    name: str
    who: str
    class_key: str
    spot: str
    text: str
    address: str
    ago: timedelta
    shots: tuple[Shot, ...]
    condition: int | None = None
    measured: float | None = None
    fixed_on_spot: bool = False


@dataclass(frozen=True, slots=True)
class Ticket:
    """Something that somebody told the hotline; ``number`` counts the day's tickets."""

    name: str
    number: int
    class_key: str
    spot: str
    text: str
    address: str
    ago: timedelta
    condition: int | None = None
    measured: float | None = None


def spots() -> dict[str, tuple[float, float]]:
    """Positions (WGS-84) of the demo's checkpoints by code, and where the HEIC picture says it was taken."""
    with (DATA / "demo" / "checkpoints.csv").open(encoding="utf-8", newline="") as file:
        known = {row["code"]: (float(row["lat"]), float(row["lon"])) for row in csv.DictReader(file)}
    return known | {"stall": (31.243782, 121.410754)}


_AFTER: Final = Shot("landscape_6.jpg", "after")


def _minutes(count: int) -> timedelta:
    return timedelta(minutes=count)


FINDINGS: Final = (
    Finding(
        "stall", "patrol7", "M-09005", "stall", "店外摆了三张桌子，行人走到车道上", "北杨园东侧沿街商铺",
        _minutes(6), (Shot("own_stall.heic"),),
    ),
    Finding(
        "rubbish", "patrol6", "M-06010", "G6-05", "两袋生活垃圾没有入桶", "花溪园垃圾厢房旁",
        _minutes(14), (Shot("own_rubbish_gps.jpg"),),
    ),
    Finding(
        "shop", "patrol5", "M-09005", "G5-02", "水果箱摆出店门约两米", "南岭园沿街商铺27号",
        _minutes(38), (Shot("landscape_6.jpg"),),
    ),
    Finding(
        "bikes", "patrol8", "M-09010", "G5-02", "十几辆单车堵住人行道", "南岭园沿街商铺27号门前",
        _minutes(31), (Shot("own_bikes_orient6.jpg", shot="bikes"),),
    ),
    Finding(
        "old", "patrol2", "M-06010", "G2-01", "楼道口有垃圾", "杏梅园25号楼",
        _minutes(25), (Shot("own_rubbish_old.jpg", honest=False),),
    ),
    Finding(
        "far", "patrol1", "M-09006", "G1-06", "流动摊位占了人行道", "南梅园沿街商铺3号",
        _minutes(22), (Shot("own_stall_far.jpg", honest=False),),
    ),
    Finding(
        "manhole", "patrol4", "P-01001", "G4-04", "井盖不见了，已用锥桶围住", "金岭园地下车库B1入口",
        _minutes(5), (Shot("landscape_6.jpg"),), condition=1,
    ),
    Finding(
        "road", "patrol5", "M-06013", "G5-10", "路面破损，电动车容易打滑", "南岭园沿街商铺8号",
        _minutes(43), (Shot("landscape_6.jpg"),), condition=1, measured=0.8,
    ),
    Finding(
        "step", "patrol3", "M-06013", "G3-04", "人行道砖翘起", "北梅园沿街商铺17号",
        _minutes(50), (Shot("landscape_6.jpg"),), condition=2, measured=45.0,
    ),
    Finding(
        "roof", "patrol3", "M-06001", "G3-06", "屋顶正在搭彩钢棚", "兰岭园中心花园北侧",
        _minutes(57), (Shot("landscape_6.jpg"),), condition=1,
    ),
    Finding(
        "shed", "patrol8", "M-06001", "G5-02", "后院已经搭好一间小屋", "南岭园沿街商铺27号后院",
        _minutes(64), (Shot("landscape_6.jpg"),), condition=2,
    ),
    Finding(
        "lift", "patrol3", "M-91003", "G3-01", "有人把电动车推进电梯", "兰溪园13号楼",
        _minutes(2), (Shot("own_ebike_lift_nogps.jpg", positioned=False),),
    ),
    Finding(
        "lane", "patrol9", "M-09012", "G3-02", "单车堵住消防通道", "兰溪园西侧消防通道",
        _minutes(18), (Shot("own_bikes_orient6.jpg", shot="bikes"),),
    ),
    Finding(
        "cut", "patrol10", "M-06010", "G5-01", "厢房门口有散落垃圾", "南岭园垃圾厢房",
        _minutes(29), (Shot("own_truncated.jpg", honest=False),),
    ),
    Finding(
        "stairs", "patrol8", "M-91005", "G5-03", "楼道堆了纸箱，请住户当场搬走", "南溪园6号楼",
        _minutes(33), (Shot("landscape_6.jpg"), _AFTER), fixed_on_spot=True,
    ),
    Finding(
        "second", "patrol9", "M-09005", "G3-04", "店外堆了纸箱", "北梅园沿街商铺17号",
        _minutes(11), (Shot("landscape_6.jpg"),),
    ),
)  # fmt: skip

TICKETS: Final = (
    Ticket("flood", 1, "M-95001", "G7-05", "小区门口积水没过脚踝", "枫岭园小区北门", _minutes(9), 2, 20.0),
    Ticket("twin", 2, "M-09005", "stall", "北杨园门口的店把桌子摆到路上", "北杨园门口", _minutes(4)),
    Ticket("unfit", 3, "M-06010", "G2-05", "垃圾桶颜色不好看", "桂杨园小区南门", _minutes(40)),
)
