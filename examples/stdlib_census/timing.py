"""The chapter on how long the run took."""

from __future__ import annotations

import math
from collections.abc import Sequence

import svg
from findings import Findings, power_bins, quantile
from pieces import code, figure, table

_SLOWEST = 12


def timing(findings: Findings) -> str:
    """Progress over time, the time of a task, the slowest files."""
    if not findings.tasks_s:
        return ""
    done = [(0.0, 0.0), *((moment, number) for number, moment in enumerate(findings.done_at_s, 1))]
    step = max(len(done) // 400, 1)
    progress = svg.curve(
        [*done[::step], done[-1]],
        "Files done over time",
        x_title="seconds since the start",
        y_title="files done",
    )
    return (
        figure(progress, _timing_caption(findings))
        + "<h3>How long one file takes</h3>"
        + figure(_durations(findings.tasks_s), "From the request to start a process until it is gone.")
        + "<h3>The slowest files</h3>"
        + _slowest(findings)
    )


def _timing_caption(findings: Findings) -> str:
    median, slow = quantile(findings.tasks_s, 0.5), quantile(findings.tasks_s, 0.99)
    return (
        f"Half of the tasks took at most {median * 1000:.0f} ms, 99 % at most {slow * 1000:.0f} ms. "
        f"Measuring alone took {findings.measuring_s:.1f} s over all processes, "
        f"in {findings.wall_s:.1f} s on the clock."
    )


def _durations(tasks_s: Sequence[float]) -> str:
    milliseconds = [seconds * 1000 for seconds in tasks_s]
    count = int(math.log2(max([*milliseconds, 1.0]))) + 1
    labels = [f"{2**power}" if power else "< 2" for power in range(count)]
    return svg.histogram(
        labels,
        [power_bins(milliseconds, count)],
        "Distribution of task duration",
        x_title="milliseconds, from (each step doubles)",
        y_title="tasks",
    )


def _slowest(findings: Findings) -> str:
    slowest = sorted(findings.modules, key=lambda module: (-module.elapsed_s, module.file))[:_SLOWEST]
    rows = [
        [code(module.file), f"{module.elapsed_s * 1000:,.0f} ms", f"{module.measures['lines']:,}"]
        for module in slowest
    ]
    return table(("File", "Time", "Lines"), rows, (1, 2))
