"""Charts as SVG, with nothing but the standard library: bars for the means, dots for the single kernels."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

COLOURS = ["#0b6e4f", "#d1495b", "#edae49", "#30638e", "#8d6a9f", "#5f5f5f"]
FONT = 'font-family="system-ui, sans-serif"'
ROW = 22
LEFT = 150
WIDTH = 900


@dataclasses.dataclass
class Canvas:
    """What was drawn, and how far down."""

    parts: list[str] = dataclasses.field(default_factory=list)
    y: float = 4

    def text(self, x: float, y: float, words: str, size: int = 12, anchor: str = "start") -> None:
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}">{escape(words)}</text>'
        )

    def heading(self, words: str) -> None:
        self.y += 28
        self.text(16, self.y, words, 15)
        self.y += 12

    def line(self, x1: float, y1: float, x2: float, y2: float, colour: str) -> None:
        self.parts.append(
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'
        )

    def dot(self, x: float, y: float, colour: str) -> None:
        self.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5" fill="{colour}"/>')

    def svg(self) -> str:
        height = self.y + 20
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" width="{WIDTH}" '
            f'height="{height:.0f}" {FONT}>\n<rect width="100%" height="100%" fill="white"/>\n'
        )
        return head + "\n".join(self.parts) + "\n</svg>\n"


def bars(canvas: Canvas, title: str, values: Mapping[str, float], unit: str) -> None:
    """One bar for each value, in the order given."""
    if not values:
        return
    canvas.heading(title)
    scale = (WIDTH - LEFT - 90) / max(values.values())
    for name, value in values.items():
        colour = COLOURS[0] if name.startswith("wplug") else COLOURS[3]
        canvas.text(LEFT - 8, canvas.y + 15, name, anchor="end")
        canvas.parts.append(
            f'<rect x="{LEFT}" y="{canvas.y + 3:.1f}" width="{value * scale:.1f}" height="{ROW - 6}" '
            f'fill="{colour}"/>'
        )
        canvas.text(LEFT + value * scale + 6, canvas.y + 15, f"{value:.2f}{unit}")
        canvas.y += ROW


def dots(canvas: Canvas, title: str, rows: Mapping[str, Mapping[str, float]], names: Sequence[str]) -> None:
    """A row for each key, with a dot for each name at its value, on a logarithmic scale on which 1 is
    marked."""
    values = [value for row in rows.values() for name, value in row.items() if name in names]
    if not values:
        return
    canvas.heading(title)
    low, high = math.log(min(0.9, *values)), math.log(max(1.1, *values))
    span = WIDTH - LEFT - 40

    def place(value: float) -> float:
        return LEFT + (math.log(value) - low) / (high - low) * span

    x = float(LEFT)
    for index, name in enumerate(names):
        canvas.dot(x + 5, canvas.y + 8, COLOURS[index + 1])
        canvas.text(x + 16, canvas.y + 12, name)
        x += 40 + 8 * len(name)
    canvas.y += ROW
    top = canvas.y
    for key, row in rows.items():
        canvas.text(LEFT - 8, canvas.y + 15, key, anchor="end")
        canvas.line(LEFT, canvas.y + 11, LEFT + span, canvas.y + 11, "#eeeeee")
        for index, name in enumerate(names):
            if name in row:
                canvas.dot(place(row[name]), canvas.y + 11, COLOURS[index + 1])
        canvas.y += ROW
    for mark in (0.5, 1, 2, 3, 4, 6, 8):
        if low <= math.log(mark) <= high:
            canvas.line(place(mark), top, place(mark), canvas.y, "#0b6e4f" if mark == 1 else "#cccccc")
            canvas.text(place(mark), canvas.y + 14, f"{mark:g}", anchor="middle")
    canvas.y += ROW
