"""The audit: was each task accounted for exactly once, and in the way that it should have been?"""

from __future__ import annotations

import dataclasses
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

_INTERRUPTED = "task_interrupted"
_WORKER_STARTED = "worker_started"


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What the events say of one task.

    Attributes:
        task_id: The task.
        events: Types of all its events, in order.
        complaint: What is wrong; "" if nothing is.
        counted_once: Whether it has exactly one final event.
    """

    task_id: str
    events: tuple[str, ...]
    complaint: str
    counted_once: bool


@dataclasses.dataclass(frozen=True)
class Audit:
    """The verdicts on all tasks of a run, and the events of tasks that nobody asked for."""

    verdicts: tuple[Verdict, ...]
    strangers: tuple[str, ...]

    @property
    def not_once(self) -> list[Verdict]:
        """Tasks that were not accounted for exactly once."""
        return [verdict for verdict in self.verdicts if not verdict.counted_once]

    @property
    def complaints(self) -> list[Verdict]:
        """Tasks with anything wrong."""
        return [verdict for verdict in self.verdicts if verdict.complaint]

    @property
    def all_once(self) -> bool:
        """Whether each task was accounted for exactly once, and no other."""
        return not self.not_once and not self.strangers

    @property
    def all_as_expected(self) -> bool:
        """Whether there is nothing at all to complain about."""
        return not self.complaints and not self.strangers


def audit(events_path: Path, tasks: Sequence[dict[str, Any]], *, killed: bool = False) -> Audit:
    """Hold the events of a run against its tasks.

    Args:
        events_path: The event log; a line that was cut short is left out.
        tasks: The tasks of the run, with what is expected of each in its data.
        killed: Somebody killed processes at random, so that any task may have ended by SIGKILL.
    """
    by_task: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for event in _events(events_path):
        if event["event_type"] == _WORKER_STARTED:
            # Several runs may have been appended to one log; the last one counts.
            by_task.clear()
        if "task_id" in event:
            by_task[event["task_id"]].append(event)
    verdicts = tuple(_judge(task, by_task.pop(task["task_id"], []), killed=killed) for task in tasks)
    return Audit(verdicts, tuple(sorted(by_task)))


def _events(path: Path) -> Iterable[dict[str, Any]]:
    if not path.exists():
        return
    for line in path.read_bytes().splitlines(keepends=True):
        if line.endswith(b"\n") and line.strip():
            yield json.loads(line)


def _judge(task: dict[str, Any], events: list[dict[str, Any]], *, killed: bool) -> Verdict:
    types = tuple(event["event_type"] for event in events)
    # An attempt that was interrupted may be followed by another one; alone, it is the task's end.
    final = [event for event in events if event["event_type"] != _INTERRUPTED] or events
    if len(final) != 1:
        return Verdict(task["task_id"], types, f"{len(final)} final events in place of 1", counted_once=False)
    event = final[0]
    excused = killed and event.get("signal") == "SIGKILL"
    complaint = "" if excused else _complaint(event, task["data"]["expected"])
    return Verdict(task["task_id"], types, complaint, counted_once=True)


def _complaint(event: dict[str, Any], expected: dict[str, Any]) -> str:
    """The first difference between an event and what was expected; "" if there is none."""
    if event["event_type"] not in expected["events"]:
        return f"{event['event_type']} in place of {' or '.join(expected['events'])}{_because(event)}"
    checks = (
        ("exit_code", event.get("exit_code"), _one_or_none(expected["exit_code"])),
        ("signal", event.get("signal"), expected["signals"]),
        ("exception_kind", event.get("exception_kind"), expected["exception_kinds"]),
        ("length of the result", _length(event.get("result")), _one_or_none(expected["result_chars"])),
    )
    for name, value, allowed in checks:
        if allowed and value not in allowed:
            return f"{name} is {value!r} in place of {' or '.join(map(repr, allowed))}"
    if expected["told"] not in f"{event.get('exception', '')}{event.get('stderr_tail', '')}":
        return f"{expected['told']!r} is not told"
    return ""


def _one_or_none(value: int | None) -> list[int]:
    return [] if value is None else [value]


def _length(result: object) -> int | None:
    return len(result) if isinstance(result, str) else None


def _because(event: dict[str, Any]) -> str:
    told = event.get("exception") or event.get("signal") or event.get("reason") or event.get("stderr_tail")
    return f" ({str(told).strip().splitlines()[-1]})" if told else ""
