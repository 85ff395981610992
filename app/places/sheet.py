"""The printed sheet of tags: A4, six to a page, to be cut out along the marks.

Chinese needs a font with outlines (TrueType) on this machine; Latin text comes from a font that ships
with the PDF library. A character that neither has is refused: a box on a wall helps nobody.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from pathlib import Path

from reportlab.graphics import renderPDF
from reportlab.graphics.barcode.qr import QrCodeWidget
from reportlab.graphics.shapes import Drawing
from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFError, TTFont
from reportlab.pdfgen.canvas import Canvas

# Debian and Ubuntu: packages fonts-droid-fallback and fonts-wqy-microhei
FONT_FILES = (
    "/usr/share/fonts-droid-fallback/truetype/DroidSansFallbackFull.ttf",
    "/usr/share/fonts-droid-fallback/truetype/DroidSansFallback.ttf",
    "/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf",
    "/usr/share/fonts/truetype/droid/DroidSansFallback.ttf",
    "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
)
COLUMNS, ROWS = 2, 3
MARGIN = 10 * mm
CARD_WIDTH = (A4[0] - 2 * MARGIN) / COLUMNS
CARD_HEIGHT = (A4[1] - 2 * MARGIN) / ROWS
PAD = 6 * mm
QR_SIDE = 50 * mm
INK, GREY, PALE, RED = (HexColor(c) for c in ("#111111", "#555555", "#bbbbbb", "#b00020"))
PURPOSE = (
    "巡查签到点：巡查时用“铁脚板”扫码，作为到点凭证之一。请勿遮挡、移动。",
    "Patrol checkpoint: scan with Ironfeet on your round. Do not cover or move.",
)
REVOKED = {"zh": "已作废", "en": "REPLACED"}


class SheetError(Exception):
    """The sheet cannot be printed; the text says what is missing."""


@dataclass(frozen=True, slots=True)
class Card:
    """What one tag shows: names are (Chinese, English), *token* is the text of the QR code."""

    name: tuple[str, str]
    code: str
    floor_label: str
    unit: tuple[str, str]
    community: tuple[str, str]
    token: str
    revoked: bool = False


def find_font(configured: str) -> str:
    """The file of a font with Chinese characters.

    Args:
        configured: the installation's own choice, or "" to look in the usual places.

    Raises:
        SheetError: where there is none.
    """
    files = (configured,) if configured else FONT_FILES
    found = next((file for file in files if Path(file).is_file()), None)
    if found is None:
        raise SheetError(
            f"no font with Chinese characters at {', '.join(files)}; install fonts-droid-fallback "
            "or set TAG_SHEET_FONT to a TrueType file"
        )
    return found


@lru_cache(maxsize=4)
def _fonts(chinese_file: str) -> tuple[TTFont, TTFont]:
    """The Latin and the Chinese font, registered with the PDF library."""
    try:
        latin, chinese = TTFont("IronfeetLatin", "Vera.ttf"), TTFont("IronfeetChinese", chinese_file)
    except (TTFError, OSError) as error:
        raise SheetError(f"the font {chinese_file} cannot be used: {error}") from error
    for font in (latin, chinese):
        pdfmetrics.registerFont(font)
    return latin, chinese


class Writer:
    """Writes lines of mixed Chinese and Latin text on a canvas."""

    def __init__(self, canvas: Canvas, font_file: str) -> None:
        self.canvas = canvas
        self.fonts = _fonts(font_file)

    def runs(self, text: str) -> list[tuple[TTFont, str]]:
        """*text* cut where the font changes.

        Raises:
            SheetError: where a character is in neither font.
        """
        chosen = [(self._font_of(character), character) for character in text]
        return [
            (font, "".join(c for _, c in part)) for font, part in groupby(chosen, key=lambda pair: pair[0])
        ]

    def _font_of(self, character: str) -> TTFont:
        for font in self.fonts:
            if ord(character) in font.face.charToGlyph:
                return font
        raise SheetError(
            f"the character {character} (U+{ord(character):04X}) is not in the font; "
            "set TAG_SHEET_FONT to a font that has it"
        )

    def width(self, text: str, size: float) -> float:
        """Width of *text* in points."""
        return sum(font.stringWidth(part, size) for font, part in self.runs(text))

    def line(self, x: float, y: float, text: str, size: float, *, centred: bool = False) -> None:
        """Write *text* with its baseline at *y*, from or around *x*."""
        if centred:
            x -= self.width(text, size) / 2
        for font, part in self.runs(text):
            self.canvas.setFont(font.fontName, size)
            self.canvas.drawString(x, y, part)
            x += font.stringWidth(part, size)

    def wrap(self, text: str, size: float, width: float) -> list[str]:
        """*text* in lines of at most *width*; Latin words stay whole where they can."""
        lines, line = [], ""
        for word in _words(text):
            if line and self.width((line + word).rstrip(), size) > width:
                lines.append(line.rstrip())
                line = word.lstrip()
            else:
                line += word
        return [*lines, line.rstrip()] if line.strip() else lines

    def fit(self, text: str, width: float, sizes: Sequence[float], most: int) -> tuple[float, list[str]]:
        """The largest of *sizes* at which *text* takes at most *most* lines; the last one cuts."""
        for size in sizes:
            lines = self.wrap(text, size, width)
            if len(lines) <= most and all(self.width(line, size) <= width for line in lines):
                return size, lines
        while len(lines) > most or any(self.width(line, sizes[-1]) > width for line in lines[:most]):
            text = text.removesuffix("…")[:-1] + "…"
            lines = self.wrap(text, sizes[-1], width)
        return sizes[-1], lines


def _words(text: str) -> list[str]:
    """Pieces between which a line may break: Latin words with the space behind them, single Chinese signs."""
    pieces: list[str] = []
    for character in text:
        joins = character.isascii() and pieces and pieces[-1][-1].isascii() and not pieces[-1].endswith(" ")
        if joins:
            pieces[-1] += character
        else:
            pieces.append(character)
    return pieces


def render(cards: Sequence[Card], lang: str, font_file: str) -> bytes:
    """The sheet as a PDF, the same bytes for the same cards.

    Args:
        lang: ``zh`` or ``en``: which language comes first and largest.
        font_file: see :func:`find_font`.

    Raises:
        SheetError: where the font cannot be read or lacks a character.
    """
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4, invariant=1)
    canvas.setTitle("Ironfeet tags")
    writer = Writer(canvas, font_file)
    per_page = COLUMNS * ROWS
    for start in range(0, len(cards), per_page):
        _cut_marks(canvas)
        for place, card in enumerate(cards[start : start + per_page]):
            x = MARGIN + place % COLUMNS * CARD_WIDTH
            y = A4[1] - MARGIN - (place // COLUMNS + 1) * CARD_HEIGHT
            _card(writer, card, lang, x, y)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def _cut_marks(canvas: Canvas) -> None:
    canvas.setStrokeColor(PALE)
    canvas.setLineWidth(0.5)
    arm = 4 * mm
    for column in range(COLUMNS + 1):
        for row in range(ROWS + 1):
            x, y = MARGIN + column * CARD_WIDTH, MARGIN + row * CARD_HEIGHT
            canvas.line(x - arm, y, x + arm, y)
            canvas.line(x, y - arm, x, y + arm)


def _card(writer: Writer, card: Card, lang: str, x: float, y: float) -> None:
    canvas = writer.canvas
    first = 1 if lang == "en" and card.name[1] else 0
    inner = CARD_WIDTH - 2 * PAD
    top = y + CARD_HEIGHT - PAD
    canvas.setFillColor(INK)
    size, lines = writer.fit(card.name[first], inner, (22, 20, 18, 16, 14, 12), 2)
    for line in lines:
        top -= size
        writer.line(x + PAD, top, line, size)
        top -= size * 0.15
    canvas.setFillColor(GREY)
    size, lines = writer.fit(card.name[1 - first], inner, (11, 10, 9, 8), 1)
    for line in lines:
        top -= 13
        writer.line(x + PAD, top, line, size)
    foot = y + PAD + 22
    _qr(canvas, card.token, x + PAD - 2 * mm, foot + 2 * mm, QR_SIDE)
    if card.revoked:
        _stamp(writer, REVOKED[lang], x + PAD - 2 * mm, foot + 2 * mm)
    _side(writer, card, first, x + PAD + QR_SIDE, foot + 2 * mm)
    canvas.setStrokeColor(PALE)
    canvas.line(x + PAD, foot, x + CARD_WIDTH - PAD, foot)
    for drop, text in zip((10, 20), (PURPOSE[first], PURPOSE[1 - first]), strict=True):
        canvas.setFillColor(GREY)
        size, _ = writer.fit(text, inner, (8, 7.5, 7, 6.5, 6), 1)
        writer.line(x + PAD, foot - drop, text, size)


def _side(writer: Writer, card: Card, first: int, x: float, y: float) -> None:
    """The column beside the code: its number, the floor, community and unit."""
    width = CARD_WIDTH - 2 * PAD - QR_SIDE
    down = y + QR_SIDE - 4 * mm
    rows = [
        (card.code, (20, 17, 14, 11, 8, 6), 1, INK),
        (card.floor_label, (16, 14, 12, 10), 1, INK),
        (card.community[first] or card.community[0], (11, 10, 9), 2, GREY),
        (card.unit[first] or card.unit[0], (11, 10, 9), 2, GREY),
    ]
    for text, sizes, most, colour in rows:
        if not text:
            continue
        writer.canvas.setFillColor(colour)
        size, lines = writer.fit(text, width, sizes, most)
        for line in lines:
            down -= size
            writer.line(x, down, line, size)
            down -= size * 0.2
        down -= 6


def _qr(canvas: Canvas, token: str, x: float, y: float, side: float) -> None:
    widget = QrCodeWidget(token, barLevel="Q", barBorder=2, barWidth=side, barHeight=side)
    drawing = Drawing(side, side)
    drawing.add(widget)
    renderPDF.draw(drawing, canvas, x, y)


def _stamp(writer: Writer, word: str, x: float, y: float) -> None:
    """Say across the code that a newer sheet has replaced this tag."""
    canvas = writer.canvas
    canvas.setFillColor(HexColor("#ffffff"))
    canvas.rect(x, y + QR_SIDE / 2 - 12, QR_SIDE, 24, stroke=0, fill=1)
    canvas.setFillColor(RED)
    writer.line(x + QR_SIDE / 2, y + QR_SIDE / 2 - 7, word, 18, centred=True)
