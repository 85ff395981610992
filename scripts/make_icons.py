"""Draw the app's icons: the print of an iron sole. Run: python -m scripts.make_icons (needs Pillow).

The PNG files are committed, so that building the app needs no image library.
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw

TARGET = Path(__file__).parents[1] / "pwa" / "public" / "field"
GROUND = (14, 90, 67)
SOLE = (242, 245, 243)
STUD = (14, 90, 67)
SPARK = (227, 154, 23)
SCALE = 4  # drawn large and reduced, for smooth edges

Box = tuple[float, float, float, float]


def _ellipse(draw: ImageDraw.ImageDraw, size: int, box: Box, colour: tuple[int, int, int]) -> None:
    draw.ellipse([edge * size for edge in box], fill=colour)


def draw_icon(size: int, *, margin: float, rounded: bool) -> Image.Image:
    """One icon of *size* pixels.

    Args:
        margin: part of the width that is left around the sole; maskable icons need more.
        rounded: with rounded corners on a clear ground, else filled to the edges.
    """
    big = size * SCALE
    icon = Image.new("RGBA", (big, big), (0, 0, 0, 0))
    draw = ImageDraw.Draw(icon)
    draw.rounded_rectangle([0, 0, big - 1, big - 1], radius=big * 0.22 if rounded else 0, fill=GROUND)
    inner = round(big * (1 - 2 * margin))
    sole = Image.new("RGBA", (inner, inner), (0, 0, 0, 0))
    _draw_sole(ImageDraw.Draw(sole), inner)
    sole = sole.rotate(-14, resample=Image.Resampling.BICUBIC)
    offset = (big - inner) // 2
    icon.alpha_composite(sole, (offset, offset))
    return icon.resize((size, size), Image.Resampling.LANCZOS)


def _draw_sole(draw: ImageDraw.ImageDraw, size: int) -> None:
    """Ball, waist and heel, with studs, and a pin's amber dot where the foot stands."""
    _ellipse(draw, size, (0.27, 0.02, 0.73, 0.60), SOLE)
    draw.polygon(
        [(x * size, y * size) for x, y in ((0.30, 0.42), (0.70, 0.42), (0.63, 0.74), (0.37, 0.74))], fill=SOLE
    )
    _ellipse(draw, size, (0.33, 0.62, 0.67, 0.98), SOLE)
    draw.rectangle([0.30 * size, 0.625 * size, 0.70 * size, 0.665 * size], fill=GROUND)
    radius = 0.036
    for x, y in ((0.40, 0.14), (0.60, 0.14), (0.36, 0.27), (0.64, 0.27), (0.39, 0.52), (0.61, 0.52)):
        _ellipse(draw, size, (x - radius, y - radius, x + radius, y + radius), STUD)
    for x, y in ((0.43, 0.76), (0.57, 0.76), (0.50, 0.87)):
        _ellipse(draw, size, (x - radius, y - radius, x + radius, y + radius), STUD)
    _ellipse(draw, size, (0.40, 0.28, 0.60, 0.48), SPARK)


def main() -> None:
    """Write all sizes."""
    TARGET.mkdir(parents=True, exist_ok=True)
    for size in (192, 512):
        draw_icon(size, margin=0.10, rounded=True).save(TARGET / f"icon-{size}.png", optimize=True)
        draw_icon(size, margin=0.20, rounded=False).save(TARGET / f"icon-maskable-{size}.png", optimize=True)
    draw_icon(180, margin=0.12, rounded=False).convert("RGB").save(TARGET / "icon-apple.png", optimize=True)


if __name__ == "__main__":
    main()
