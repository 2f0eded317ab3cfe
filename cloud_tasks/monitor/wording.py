"""A job in words: its progress, and its report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cloud_tasks.console.wording import clean, duration
from cloud_tasks.task_db import Report, RunTimes, Snapshot

_EFFECTS = {
    "duplicate": "came again and changed nothing",
    "late": "came for tasks that had their end, and changed nothing",
    "unknown_task": "are about tasks that are not in the database",
    "no_event": "messages were no events",
}


def progress_line(snapshot: Snapshot, per_s: float | None) -> str:
    """How far a job is, in one line."""
    parts = [f"{snapshot.finished:,} of {snapshot.total:,} tasks finished"]
    parts += [f"{count:,} {status}" for status, count in snapshot.statuses.items()]
    if per_s:
        parts.append(f"{per_s:,.1f}/s")
        parts.append(f"about {duration((snapshot.total - snapshot.finished) / per_s)} left")
    terminated = sum(machine.terminated for machine in snapshot.machines)
    parts.append(f"{len(snapshot.machines)} machines heard of")
    if terminated:
        parts.append(f"{terminated} about to be taken away")
    return ", ".join(parts)


def report_lines(report: Report) -> Iterator[str]:
    """The final report."""
    snapshot = report.snapshot
    yield f"{snapshot.finished:,} of {snapshot.total:,} tasks finished"
    yield from _table((status, f"{count:,}") for status, count in snapshot.statuses.items())
    if report.elapsed_s is not None and report.tasks_per_hour is not None:
        yield f"in {duration(report.elapsed_s)}, {report.tasks_per_hour:,.0f} tasks an hour"
    if report.run_times is not None:
        yield from _run_times(report.run_times)
    if report.exceptions:
        yield "Most frequent exceptions"
        for group in report.exceptions:
            what = ": ".join(part for part in (group.error, group.message) if part)
            where = f"{group.outcome}, for instance {clean(group.task_id)}"
            yield f"  {group.count:>7,}  {clean(what)}  ({where})"
    if report.terminated:
        yield f"Taken away: {', '.join(map(clean, report.terminated))}"
    for effect, words in _EFFECTS.items():
        if count := snapshot.effects.get(effect):
            yield f"{count:,} {'' if effect == 'no_event' else 'events '}{words}"


def _run_times(times: RunTimes) -> Iterator[str]:
    yield f"Run times of {times.count:,} tasks"
    yield from _table(
        (name, duration(seconds))
        for name, seconds in (
            ("shortest", times.min_s),
            ("mean", times.mean_s),
            ("standard deviation", times.stddev_s),
            ("median", times.median_s),
            ("p90", times.p90_s),
            ("p95", times.p95_s),
            ("longest", times.max_s),
        )
    )


def _table(rows: Iterator[tuple[str, str]] | Sequence[tuple[str, str]]) -> Iterator[str]:
    kept = list(rows)
    left = max((len(name) for name, _ in kept), default=0)
    right = max((len(value) for _, value in kept), default=0)
    for name, value in kept:
        yield f"  {name:<{left}}  {value:>{right}}"
