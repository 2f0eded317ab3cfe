"""How dead letters look, for people and for machines. Whatever is in them, it steers no terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from cloud_tasks.core.message import decode_task
from cloud_tasks.core.task import AttemptNote, Task
from cloud_tasks.diagnostics import visible
from cloud_tasks.interfaces import DeadLetter
from cloud_tasks.task_app.calling import ARGS, KWARGS, TASK

_CELL_CHARACTERS = 60
_CUT = "..."
_COLUMNS = ("key", "queue", "died", "attempts", "task", "reason")


def table(letters: Sequence[DeadLetter]) -> list[str]:
    """A line for each letter."""
    rows = [_COLUMNS, *(_row(letter) for letter in letters)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    return [
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


def described(letter: DeadLetter) -> Iterator[str]:
    """All that is known of a letter."""
    yield f"dead letter {visible(letter.key)} of the queue {visible(letter.queue)}"
    if letter.died_at:
        yield f"  died      {visible(letter.died_at)}"
    if letter.reason:
        yield f"  reason    {visible(letter.reason)}"
    if letter.attempts is not None:
        yield f"  attempts  {letter.attempts}"
    task = decode_task(letter.body)
    if isinstance(task, Task):
        yield f"  task      {visible(task.task_id)}"
        yield f"  call      {visible(_call(task))}"
        yield f"  data      {visible(msgspec.json.encode(task.data).decode())}"
    else:
        yield f"  message   {visible(letter.body.decode(errors='backslashreplace'))}"
        yield f"  no task   {visible(task.reason)}"
    for note in letter.history:
        yield from _attempt(note)


def plain(letter: DeadLetter) -> dict[str, Any]:
    """All that is known of a letter, as JSON values; the message is text where it is UTF-8."""
    told: dict[str, Any] = msgspec.to_builtins(letter)
    told["body"] = letter.body.decode(errors="backslashreplace")
    return told


def _row(letter: DeadLetter) -> tuple[str, ...]:
    task = decode_task(letter.body)
    return (
        visible(letter.key),
        _cell(letter.queue),
        visible(letter.died_at[:19]) or "?",
        "?" if letter.attempts is None else str(letter.attempts),
        _cell(_call(task)) if isinstance(task, Task) else "(no task)",
        _cell(letter.reason),
    )


def _cell(text: str) -> str:
    shown = visible(text)
    return shown if len(shown) <= _CELL_CHARACTERS else shown[: _CELL_CHARACTERS - len(_CUT)] + _CUT


def _call(task: Task) -> str:
    """The call that the task is; the task's id where it names no function."""
    name = task.data.get(TASK)
    if not isinstance(name, str):
        return task.task_id
    args, kwargs = task.data.get(ARGS), task.data.get(KWARGS)
    given = [repr(value) for value in args] if isinstance(args, list) else []
    given += [f"{key}={value!r}" for key, value in kwargs.items()] if isinstance(kwargs, dict) else []
    return f"{name}({', '.join(given)})"


def _attempt(note: AttemptNote) -> Iterator[str]:
    worker = f" on {visible(note.worker_id)}" if note.worker_id else ""
    at = f", {visible(note.at)}" if note.at else ""
    yield f"  attempt {note.attempt}{worker}: {visible(note.outcome)} after {note.elapsed_s:.3f} s{at}"
    for line in note.error.splitlines():
        yield f"      {visible(line)}"
