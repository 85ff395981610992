"""Issued tags as the sheet that is printed and cut."""

from __future__ import annotations

from app.core import current, problems
from app.places import queries, service, sheet


def print_tags(issued: list[service.SheetTag], lang: str) -> bytes:
    """The sheet of *issued* tags as a PDF, with captions in *lang*.

    Raises:
        Problem: SHEET_UNPRINTABLE where a name has characters that no font here can draw.
    """
    try:
        return sheet.render(_cards(issued), lang, sheet.find_font(current.settings().tag_sheet_font))
    except sheet.SheetError as error:
        raise problems.Problem(problems.SHEET_UNPRINTABLE, str(error)) from error


def _cards(issued: list[service.SheetTag]) -> list[sheet.Card]:
    checkpoints = [tag.checkpoint for tag in issued]
    codes = {c.unit_code for c in checkpoints} | {c.community_code or "" for c in checkpoints}
    names = {code: (p.name, p.name_en) for code, p in queries.place_names(codes).items()}
    return [
        sheet.Card(
            name=(tag.checkpoint.name, tag.checkpoint.name_en),
            code=tag.checkpoint.code,
            floor_label=tag.checkpoint.floor_label,
            unit=names[tag.checkpoint.unit_code],
            community=names.get(tag.checkpoint.community_code or "", ("", "")),
            token=tag.token,
            revoked=tag.revoked,
        )
        for tag in issued
    ]
