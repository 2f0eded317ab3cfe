"""The final report as data: sections of rows, for whichever painter."""

from __future__ import annotations

from msgspec import Struct

from cloud_tasks.console.wording import clean, counted, duration, rate, share
from cloud_tasks.summary import Summary

FAILURES_SHOWN_MAX = 10
MESSAGE_LENGTH_MAX = 100
OUTCOME_NAMES = {
    "completed": "completed",
    "exception": "exception",
    "timed_out": "timed out",
    "exited": "exited",
    "interrupted": "interrupted",
    "dead_lettered": "dead-lettered",
    "skipped": "skipped",
}


class Section(Struct, frozen=True):
    """A table.

    Attributes:
        title: What it is about.
        columns: Their heads; those that begin with ">" are aligned to the right.
        rows: Their cells.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def sections(summary: Summary) -> list[Section]:
    """The tables that have something to tell."""
    all_of_them = [_outcomes(summary), _run_times(summary), _slowest(summary), _failures(summary)]
    return [section for section in all_of_them if section.rows]


def closing_sentence(summary: Summary) -> str:
    """What the run came to, in a line."""
    counts = summary.counts
    done = counted(counts.completed, "task")
    if summary.tasks_total is not None:
        done = f"{counts.completed:,} of {counted(summary.tasks_total, 'task')}"
    parts = [f"{done} completed in {duration(summary.elapsed_s)} ({rate(summary.throughput_per_s)})"]
    if summary.failed:
        parts.append(f"{summary.failed:,} failed")
    if summary.retried:
        parts.append(f"{summary.retried:,} to be retried")
    if summary.unfinished:
        parts.append(f"{summary.unfinished:,} unfinished")
    if summary.signal:
        parts.append(f"ended by {summary.signal}")
    return ", ".join(parts)


def remarks(summary: Summary) -> list[str]:
    """What went wrong beside the tasks."""
    told = [f"problem: {clean(problem)}" for problem in summary.problems]
    if summary.errors_survived:
        errors = counted(summary.errors_survived, "error")
        told.append(f"{errors} survived by the worker, and told among its events")
    return told


def _outcomes(summary: Summary) -> Section:
    counts = {name: int(getattr(summary.counts, name)) for name in OUTCOME_NAMES}
    attempts = sum(counts.values())
    rows = [
        (OUTCOME_NAMES[name], f"{count:,}", share(count, attempts)) for name, count in counts.items() if count
    ]
    return Section("Outcomes", ("outcome", ">attempts", ">share"), tuple(rows))


def _run_times(summary: Summary) -> Section:
    times = summary.run_times
    columns = (">min", ">mean", ">median", ">p90", ">p95", ">p99", ">max")
    if times is None:
        return Section("Run time", columns, ())
    values = (times.min_s, times.mean_s, times.median_s, times.p90_s, times.p95_s, times.p99_s, times.max_s)
    return Section("Run time", columns, (tuple(duration(value) for value in values),))


def _slowest(summary: Summary) -> Section:
    # With one task there is nothing to compare.
    tasks = summary.slowest if len(summary.slowest) > 1 else ()
    rows = [(clean(task.task_id), duration(task.elapsed_s), OUTCOME_NAMES[task.outcome]) for task in tasks]
    return Section("Slowest", ("task", ">time", "outcome"), tuple(rows))


def _failures(summary: Summary) -> Section:
    rows = [
        (
            f"{group.count:,}",
            OUTCOME_NAMES[group.outcome],
            clean(": ".join(part for part in (group.error, group.message) if part)[:MESSAGE_LENGTH_MAX]),
            clean(group.task_id),
        )
        for group in summary.failures[:FAILURES_SHOWN_MAX]
    ]
    rest = sum(group.count for group in summary.failures[FAILURES_SHOWN_MAX:])
    if rest:
        rows.append((f"{rest:,}", "", "others", ""))
    return Section("Failures", (">count", "outcome", "what", "for instance"), tuple(rows))
