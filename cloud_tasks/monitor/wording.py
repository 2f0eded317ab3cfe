"""A job in words: its progress, its report, and messages that are not what they should be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cloud_tasks.console.wording import clean, counted, duration, rate
from cloud_tasks.summary.values import RunTimes
from cloud_tasks.task_db import Applied, Report, Snapshot

_EXCERPT_CHARS = 200
_APART = {
    "duplicate": ("came again and changed nothing", "came again and changed nothing"),
    "late": (
        "came after its task's end, or after a later attempt, and changed nothing",
        "came after their tasks' ends, or after later attempts, and changed nothing",
    ),
    "unknown_task": (
        "is about a task that is not in the database",
        "are about tasks that are not in the database",
    ),
    "unknown_type": ("is of an unknown type", "are of unknown types"),
}
"""What is counted apart, in the words for one and for several."""


def progress_line(snapshot: Snapshot, per_s: float | None) -> str:
    """How far a job is, in one line."""
    parts = [f"{snapshot.finished:,} of {counted(snapshot.total, 'task')} finished"]
    parts += [f"{count:,} {status}" for status, count in snapshot.statuses.items()]
    if per_s:
        parts.append(rate_and_rest(snapshot, per_s))
    if snapshot.machines:
        parts.append(f"{counted(len(snapshot.machines), 'machine')} heard of")
    if notices := sum(machine.terminated_at is not None for machine in snapshot.machines):
        parts.append(counted(notices, "termination notice"))
    return ", ".join([*parts, *apart(snapshot)])


def rate_and_rest(snapshot: Snapshot, per_s: float) -> str:
    """How fast it goes, and how long it will take at that rate."""
    left = snapshot.total - snapshot.finished
    return f"{rate(per_s)}, about {duration(left / per_s)} left" if left else rate(per_s)


def apart(snapshot: Snapshot) -> Iterator[str]:
    """What is counted apart, in a few words each."""
    for effect in (*_APART, "no_event"):
        if count := snapshot.effects.get(effect):
            yield f"{count:,} {effect.replace('_', ' ')}"


def odd_message(body: bytes, applied: Applied) -> str | None:
    """What is to be said of a message that is not what it should be; None for all others."""
    event = applied.event or {}
    more = "it is stored; further ones are only counted"
    match applied.effect:
        case "no_event":
            return f"a message of the event queue is no event: {_excerpt(body)} ({more})"
        case "unknown_type":
            return f"an event is of an unknown type: {_excerpt(event['event_type'].encode())} ({more})"
        case "unknown_task":
            task = clean(str(event.get("task_id")))[:_EXCERPT_CHARS]
            return f"an event is about a task that is not in the database: {task} ({more})"
        case _:
            return None


def report_lines(report: Report) -> Iterator[str]:
    """The final report."""
    snapshot = report.snapshot
    yield f"{snapshot.finished:,} of {counted(snapshot.total, 'task')} finished"
    yield from _table((status, f"{count:,}") for status, count in snapshot.statuses.items())
    if report.elapsed_s is not None and report.tasks_per_hour is not None:
        yield f"In {duration(report.elapsed_s)}: {report.tasks_per_hour:,.0f} tasks an hour"
    if report.run_times is not None:
        yield f"Run times of {counted(report.timed, 'task')}"
        yield from _run_times(report.run_times, report.stddev_s or 0.0)
    yield from _exceptions(report)
    if report.interrupted:
        yield "Interrupted attempts, handed back"
        yield from _table((clean(reason), f"{count:,}") for reason, count in report.interrupted.items())
    if report.terminated:
        yield f"Termination notices: {', '.join(map(clean, report.terminated))}"
    yield from _counted_apart(snapshot)


def _exceptions(report: Report) -> Iterator[str]:
    if report.exceptions:
        yield "Most frequent exceptions"
    width = max((len(f"{group.count:,}") for group in report.exceptions), default=0)
    for group in report.exceptions:
        what = ": ".join(part for part in (group.error, group.message) if part)
        where = f"{group.outcome}, for instance {clean(group.task_id)}"
        yield f"  {group.count:>{width},}  {clean(what)}  ({where})"


def _run_times(times: RunTimes, stddev_s: float) -> Iterable[str]:
    named = (
        ("shortest", times.min_s),
        ("mean", times.mean_s),
        ("standard deviation", stddev_s),
        ("median", times.median_s),
        ("p90", times.p90_s),
        ("p95", times.p95_s),
        ("longest", times.max_s),
    )
    return _table((name, duration(seconds)) for name, seconds in named)


def _counted_apart(snapshot: Snapshot) -> Iterator[str]:
    for effect, (of_one, of_several) in _APART.items():
        if count := snapshot.effects.get(effect):
            yield f"{counted(count, 'event')} {of_one if count == 1 else of_several}"
    if count := snapshot.effects.get("no_event"):
        yield f"{counted(count, 'message')} {'was no event' if count == 1 else 'were no events'}"


def _excerpt(body: bytes) -> str:
    return clean(body[:_EXCERPT_CHARS].decode(errors="backslashreplace"))


def _table(rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    kept = list(rows)
    left = max((len(name) for name, _ in kept), default=0)
    right = max((len(value) for _, value in kept), default=0)
    for name, value in kept:
        yield f"  {name:<{left}}  {value:>{right}}"
