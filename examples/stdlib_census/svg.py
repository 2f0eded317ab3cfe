"""Plots as inline SVG, in the few forms that the report needs.

Colours and fonts come from classes that the page's style sheet defines, so that light and dark are its
business alone. Every text is escaped here.
"""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

WIDTH = 760
_LABEL_HEIGHT = 16
_TICK_COUNT = 5


class Bar(NamedTuple):
    """One horizontal bar: its label, its value, what stands at its end, what is told when pointed at."""

    label: str
    value: float
    text: str
    hint: str = ""


class Dot(NamedTuple):
    """One point of a scatter plot, and what is told when it is pointed at."""

    x: float
    y: float
    hint: str
    series: int = 0


class Mark(NamedTuple):
    """A vertical line at a bin, with a label."""

    position: float
    label: str


def text(x: float, y: float, words: str, css: str = "", anchor: str = "start") -> str:
    """A line of text; `css` is a class, `anchor` is "start", "middle" or "end"."""
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{css}" text-anchor="{anchor}">{html.escape(words)}</text>'


def nice_ticks(largest: float, count: int = _TICK_COUNT) -> list[float]:
    """Round values from 0 that reach at least `largest`, about `count` of them."""
    if largest <= 0:
        return [0.0, 1.0]
    raw = largest / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= raw * (1 - 1e-9))
    return [step * number for number in range(math.ceil(largest / step - 1e-9) + 1)]


def thousands(value: float) -> str:
    """A number for an axis: 12,000 or 0.25."""
    return f"{value:,.0f}" if value == int(value) else f"{value:g}"


def horizontal_bars(bars: Sequence[Bar], title: str, label_width: float = 220) -> str:
    """Bars with labels to their left and values at their ends: for ranking named things."""
    row, gap = 22.0, 6.0
    largest = max((bar.value for bar in bars), default=0.0) or 1.0
    full = WIDTH - label_width - 90
    parts: list[str] = []
    for number, bar in enumerate(bars):
        y = number * (row + gap)
        width = max(bar.value / largest * full, 1.0)
        parts.append(
            f"<g>{_hint(bar.hint or f'{bar.label}: {bar.text}')}"
            + text(label_width - 8, y + row * 0.7, bar.label, "label", "end")
            + _bar(label_width, y, width, row)
            + text(label_width + width + 6, y + row * 0.7, bar.text, "value")
            + "</g>"
        )
    return _svg(max(len(bars) * (row + gap), 1.0), title, parts)


def histogram(
    labels: Sequence[str],
    series: Sequence[Sequence[float]],
    title: str,
    *,
    x_title: str,
    y_title: str,
    marks: Sequence[Mark] = (),
    bin_text: Callable[[float], str] = thousands,
) -> str:
    """Columns, one group for each label and one column in it for each series."""
    frame = _Frame(nice_ticks(max((value for values in series for value in values), default=0.0)))
    slot = frame.width / max(len(labels), 1)
    thickness = (slot - 4) / max(len(series), 1)
    parts = frame.y_axis(y_title, thousands)
    for position, label in enumerate(labels):
        left = frame.left + position * slot + 2
        for number, values in enumerate(series):
            y = frame.y(values[position])
            hint = _hint(f"{label}: {bin_text(values[position])}")
            column = (
                f'<rect x="{left + number * thickness:.1f}" y="{y:.1f}" width="{max(thickness - 1, 1):.1f}" '
                f'height="{frame.bottom - y:.1f}" rx="2" class="series{number}">{hint}</rect>'
            )
            parts.append(column)
        parts.append(text(left + slot / 2 - 2, frame.bottom + _LABEL_HEIGHT, label, "tick", "middle"))
    parts.extend(_marks(frame, marks, slot))
    parts.append(text(frame.left + frame.width / 2, frame.bottom + 36, x_title, "axis", "middle"))
    return _svg(frame.bottom + 44, title, parts)


def scatter(dots: Sequence[Dot], title: str, *, x_title: str, y_title: str) -> str:
    """Points on two logarithmic axes; values below 1 are drawn at 1."""
    frame = _Frame(_decades(max((dot.y for dot in dots), default=1.0)), logarithmic=True)
    x_ticks = _decades(max((dot.x for dot in dots), default=1.0))
    parts = frame.y_axis(y_title, thousands)
    for tick in x_ticks:
        x = frame.left + frame.width * math.log10(tick) / math.log10(x_ticks[-1])
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{frame.top}" y2="{frame.bottom}" class="grid"/>')
        parts.append(text(x, frame.bottom + _LABEL_HEIGHT, thousands(tick), "tick", "middle"))
    for dot in dots:
        x = frame.left + frame.width * math.log10(max(dot.x, 1)) / math.log10(x_ticks[-1])
        parts.append(
            f'<circle cx="{x:.1f}" cy="{frame.y(dot.y):.1f}" r="3" class="dot series{dot.series}">'
            f"{_hint(dot.hint)}</circle>"
        )
    parts.append(text(frame.left + frame.width / 2, frame.bottom + 36, x_title, "axis", "middle"))
    return _svg(frame.bottom + 44, title, parts)


def curve(points: Sequence[tuple[float, float]], title: str, *, x_title: str, y_title: str) -> str:
    """A line through points whose x rises, with the area under it tinted."""
    frame = _Frame(nice_ticks(max((y for _, y in points), default=0.0)))
    x_ticks = nice_ticks(max((x for x, _ in points), default=0.0), 8)
    parts = frame.y_axis(y_title, thousands)
    for tick in x_ticks:
        x = frame.left + frame.width * tick / x_ticks[-1]
        parts.append(text(x, frame.bottom + _LABEL_HEIGHT, thousands(tick), "tick", "middle"))
    placed = [(frame.left + frame.width * x / x_ticks[-1], frame.y(y)) for x, y in points]
    if placed:
        path = " L".join(f"{x:.1f},{y:.1f}" for x, y in placed)
        closing = f"L{placed[-1][0]:.1f},{frame.bottom:.1f} L{placed[0][0]:.1f},{frame.bottom:.1f} Z"
        parts.append(f'<path d="M{path} {closing}" class="area"/><path d="M{path}" class="line"/>')
    parts.append(text(frame.left + frame.width / 2, frame.bottom + 36, x_title, "axis", "middle"))
    return _svg(frame.bottom + 44, title, parts)


class _Frame:
    """The rectangle of a plot with a vertical axis."""

    left, top, width, height = 64.0, 30.0, float(WIDTH - 80), 240.0

    def __init__(self, ticks: list[float], *, logarithmic: bool = False) -> None:
        self.ticks = ticks
        self.bottom = self.top + self.height
        self._logarithmic = logarithmic

    def y(self, value: float) -> float:
        """Where a value lies."""
        if self._logarithmic:
            return self.bottom - self.height * math.log10(max(value, 1)) / math.log10(self.ticks[-1])
        return self.bottom - self.height * value / self.ticks[-1]

    def y_axis(self, title: str, label: Callable[[float], str]) -> list[str]:
        """Grid lines with their values, and the title above them."""
        parts = [text(0, 12, title, "axis")]
        right = self.left + self.width
        for tick in self.ticks:
            y = self.y(tick)
            parts.append(f'<line x1="{self.left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}" class="grid"/>')
            parts.append(text(self.left - 8, y + 4, label(tick), "tick", "end"))
        return parts


def _marks(frame: _Frame, marks: Sequence[Mark], slot: float) -> list[str]:
    parts: list[str] = []
    for number, mark in enumerate(marks):
        x = frame.left + mark.position * slot
        top = frame.top + number * 18
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top:.1f}" y2="{frame.bottom}" class="mark"/>')
        parts.append(text(x + 5, top + 10, mark.label, "note"))
    return parts


def _decades(largest: float) -> list[float]:
    return [10.0**power for power in range(max(math.ceil(math.log10(max(largest, 10))), 1) + 1)]


def _bar(x: float, y: float, width: float, height: float) -> str:
    shape = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="3"'
    return f'<rect {shape} class="series0"/>'


def _hint(words: str) -> str:
    return f"<title>{html.escape(words)}</title>"


def _svg(height: float, title: str, parts: Sequence[str]) -> str:
    label = html.escape(title, quote=True)
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{label}">\n'
        + "\n".join(parts)
        + "\n</svg>"
    )
