"""From lanes to one HTML page that needs nothing beside itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape

from simulation.faults import Fault
from simulation.happenings import Happening
from simulation.report.lane import Lane
from simulation.report.lanes import Lanes
from simulation.verdict import Violation

WIDTH = 1600
LEFT = 150
HEIGHT = 18
TASKS_MAX = 200
"""More tasks than that are left out, those with a violation last."""
_TICKS = 20
_STYLE = """
body{font:13px/1.5 system-ui,sans-serif;margin:1.5em;background:#fff;color:#222}
svg text{font-size:11px;fill:#444} .grid{stroke:#eee} .quiet{stroke:#2a7;stroke-dasharray:4}
.violation{stroke:#c00;stroke-width:2} .fault{fill:#f60;opacity:.18}
.life{fill:#cde} .killed{fill:#c99} .stopped{fill:#999} .lease{fill:#fd8} .good{fill:#8c8} .bad{fill:#e88}
.left{fill:#a6a} .asked{fill:#06c} .failed{fill:#c00} .stored{fill:#060} .sent{fill:#888} .acked{fill:#080}
.delivered{fill:#b80} .extended{fill:#48c} .nacked{fill:#a0a} .expired{fill:#c00} .dead_lettered{fill:#000}
.removed{fill:#000} table{border-collapse:collapse} td,th{padding:.1em .8em .1em 0;text-align:left}
"""


def page(
    history: Sequence[Happening],
    violations: Sequence[Violation],
    faults: Sequence[Fault],
    *,
    title: str,
    quiet_s: float,
) -> str:
    """A run as HTML.

    Args:
        history: What could be seen.
        violations: What was broken.
        faults: What struck.
        title: What the page is about.
        quiet_s: When the faults stopped.
    """
    lanes = Lanes(history)
    return "".join(
        (
            f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>',
            f"<style>{_STYLE}</style><h1>{escape(title)}</h1>",
            _violations(violations),
            "".join(_drawing(lanes, violations, faults, quiet_s)),
            _faults(faults),
            "</html>",
        )
    )


def _violations(violations: Sequence[Violation]) -> str:
    if not violations:
        return "<p>Every promise was kept.</p>"
    items = (
        f"<li><b>{one.invariant}</b> at {one.at_s:,.3f} s: {escape(one.what)} "
        f"{escape(one.task_id)} {escape(one.worker)}"
        for one in violations
    )
    return f"<ul>{''.join(items)}</ul>"


def _drawing(
    lanes: Lanes, violations: Sequence[Violation], faults: Sequence[Fault], quiet_s: float
) -> Iterator[str]:
    scale = (WIDTH - LEFT - 10) / max(lanes.end_s, 1e-9)
    rows = list(_rows(lanes, {one.task_id for one in violations}))
    height = HEIGHT * (len(rows) + 2)
    yield f'<svg width="{WIDTH}" height="{height}" xmlns="http://www.w3.org/2000/svg">'
    for tick in range(_TICKS + 1):
        moment_s = lanes.end_s * tick / _TICKS
        x = LEFT + moment_s * scale
        yield f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{height}"/>'
        yield f'<text x="{x:.1f}" y="{height - 4}">{moment_s:,.0f} s</text>'
    yield from _bands(faults, scale, height)
    for number, lane in enumerate(rows):
        yield from _row(lane, (number + 1) * HEIGHT, scale)
    for kind, moment_s in (("quiet", quiet_s), *(("violation", one.at_s) for one in violations)):
        x = LEFT + min(moment_s, lanes.end_s) * scale
        yield f'<line class="{kind}" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{height}"/>'
    yield "</svg>"


def _rows(lanes: Lanes, broken: set[str]) -> Iterator[Lane]:
    """Workers, then each task with its message, those with a violation first."""
    yield from lanes.workers.values()
    names = sorted(dict.fromkeys((*lanes.messages, *lanes.runs)), key=lambda name: name not in broken)
    for name in names[:TASKS_MAX]:
        if name in lanes.messages:
            yield Lane(f"{name}, message", lanes.messages[name].bars, lanes.messages[name].marks)
        if name in lanes.runs:
            yield Lane(f"{name}, runs", lanes.runs[name].bars, lanes.runs[name].marks)


def _bands(faults: Iterable[Fault], scale: float, height: int) -> Iterator[str]:
    for fault in faults:
        if fault.at_s > 0:
            x, width = LEFT + fault.at_s * scale, max(1.0, fault.size * scale)
            text = escape(f"{fault.kind.value} at {fault.at_s:,.3f} s, {fault.size:,.3g}")
            yield f'<rect class="fault" x="{x:.1f}" y="0" width="{width:.1f}" height="{height}">'
            yield f"<title>{text}</title></rect>"


def _row(lane: Lane, y: int, scale: float) -> Iterator[str]:
    yield f'<text x="0" y="{y - 5}">{escape(lane.name)}</text>'
    # What began later is drawn over what it is a part of.
    for bar in sorted(lane.bars, key=lambda bar: bar.from_s):
        x, width = LEFT + bar.from_s * scale, max(1.0, (bar.until_s - bar.from_s) * scale)
        yield f'<rect class="{bar.kind}" x="{x:.1f}" y="{y - 14}" width="{width:.1f}" height="10">'
        yield f"<title>{bar.from_s:,.3f} to {bar.until_s:,.3f} s: {escape(bar.text)}</title></rect>"
    for mark in lane.marks:
        x = LEFT + mark.at_s * scale
        yield f'<circle class="{mark.kind}" cx="{x:.1f}" cy="{y - 9}" r="2.5">'
        yield f"<title>{mark.at_s:,.3f} s: {escape(mark.text)}</title></circle>"


def _faults(faults: Sequence[Fault]) -> str:
    rows = (
        f"<tr><td>{fault.kind.value}<td>{escape(fault.whom)}<td>{fault.which}"
        f"<td>{f'{fault.at_s:,.3f}' if fault.at_s > 0 else ''}<td>{fault.size:,.3g}"
        for fault in faults
    )
    head = "<tr><th>fault<th>whom<th>which<th>at, s<th>size"
    return f"<h2>Faults that struck</h2><table>{head}{''.join(rows)}</table>"
