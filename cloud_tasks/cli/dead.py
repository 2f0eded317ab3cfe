"""`cloud_tasks dead`: the dead letters of queues, listed, shown, retried and purged."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec

from cloud_tasks.cli.queue_call import QueueCall
from cloud_tasks.compose.task_program import create_driver
from cloud_tasks.core.message import decode_task
from cloud_tasks.core.task import Task
from cloud_tasks.diagnostics import visible
from cloud_tasks.errors import ConfigurationError, Problem
from cloud_tasks.interfaces import DeadLetter, DeadLetterBox
from cloud_tasks.task_app.calling import ARGS, KWARGS, TASK

_REASON_CHARS = 60


def run(call: QueueCall) -> int:
    """Do what the topic says."""
    _check(call)
    return asyncio.run(_run(call))


def _check(call: QueueCall) -> None:
    named, everything = bool(call.names), call.switch("all")
    problem = None
    if call.topic == "list" and named:
        problem = Problem("`dead list` takes no key", helps=("`dead show KEY` shows one",))
    elif call.topic == "show" and not named:
        problem = Problem("`dead show` needs a key", helps=("`dead list` lists them",))
    elif call.topic in ("retry", "purge") and named is everything:
        problem = Problem(
            f"`dead {call.topic}` needs either keys or --all",
            helps=("`dead list` lists the keys",),
            notes=("nothing was touched",),
        )
    if problem is not None:
        raise ConfigurationError(problem)


async def _run(call: QueueCall) -> int:
    driver = create_driver(call.config)
    await driver.connect()
    try:
        boxes = {name: driver.dead_letters(name) for name in call.queues}
        if call.topic == "list":
            return await _list(call, boxes)
        if call.topic == "show":
            return await _show(call, boxes)
        return await _act(call, boxes)
    finally:
        await driver.disconnect()


async def _list(call: QueueCall, boxes: dict[str, DeadLetterBox]) -> int:
    letters = [one for box in boxes.values() for one in await box.oldest(call.count("limit") or 1)]
    if call.switch("json"):
        call.print_json([plain(letter) for letter in letters])
    elif letters:
        call.print(*table(letters))
    else:
        call.say(f"no dead letters in {', '.join(boxes)}")
    return 0


async def _show(call: QueueCall, boxes: dict[str, DeadLetterBox]) -> int:
    status = 0
    for key in call.names:
        found = [letter for box in boxes.values() if (letter := await box.find(key)) is not None]
        if not found:
            call.say(f"no dead letter {visible(key)} in {', '.join(boxes)}")
            status = 1
        for letter in found:
            if call.switch("json"):
                call.print_json(plain(letter))
            else:
                call.print(*described(letter))
    return status


async def _act(call: QueueCall, boxes: dict[str, DeadLetterBox]) -> int:
    keys: Sequence[str] | None = None if call.switch("all") else call.names
    if keys is None and call.topic == "purge" and not call.switch("force"):
        raise ConfigurationError(
            Problem(
                f"`dead purge --all` removes every dead letter of {', '.join(boxes)} for good",
                helps=("add --force if that is what you want",),
                notes=("nothing was touched",),
            )
        )
    count = 0
    for box in boxes.values():
        count += await (box.retry(keys) if call.topic == "retry" else box.purge(keys))
    done = "put back into their queues" if call.topic == "retry" else "removed"
    if call.switch("json"):
        call.print_json({call.topic: count})
    else:
        call.print(f"{count} dead letters {done}")
    return 0 if keys is None or count >= len(set(keys)) else 1


def table(letters: Sequence[DeadLetter]) -> list[str]:
    """A line for each letter."""
    rows = [("key", "queue", "died", "attempts", "task", "reason")]
    rows += [
        (
            visible(one.key),
            visible(one.queue),
            one.died_at[:19],
            "?" if one.attempts is None else str(one.attempts),
            visible(_name(one)),
            visible(one.reason)[:_REASON_CHARS],
        )
        for one in letters
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


def described(letter: DeadLetter) -> list[str]:
    """All that is known of a letter, for people."""
    lines = [f"dead letter {visible(letter.key)} of the queue {visible(letter.queue)}"]
    lines += [f"  died      {letter.died_at}"] if letter.died_at else []
    lines += [f"  reason    {visible(letter.reason)}"] if letter.reason else []
    lines += [f"  attempts  {letter.attempts}"] if letter.attempts is not None else []
    task = decode_task(letter.body)
    if isinstance(task, Task):
        data = visible(msgspec.json.encode(task.data).decode())
        lines += [
            f"  task      {visible(task.task_id)}",
            f"  function  {visible(_name(letter))}",
            f"  data      {data}",
        ]
    else:
        lines += [
            f"  message   {visible(letter.body.decode(errors='replace'))}",
            f"  no task   {visible(task.reason)}",
        ]
    for note in letter.history:
        worker = f" on {visible(note.worker_id)}" if note.worker_id else ""
        lines.append(
            f"  attempt {note.attempt}{worker}: {note.outcome} after {note.elapsed_s:.3f} s, {note.at}"
        )
        lines += [f"      {visible(line)}" for line in note.error.splitlines()]
    return lines


def plain(letter: DeadLetter) -> dict[str, Any]:
    """All that is known of a letter, for machines; the message is text where it is UTF-8."""
    told: dict[str, Any] = msgspec.to_builtins(letter)
    told["body"] = letter.body.decode(errors="backslashreplace")
    return told


def _name(letter: DeadLetter) -> str:
    """The function's name, or the task's id where it names none."""
    task = decode_task(letter.body)
    if not isinstance(task, Task):
        return "(no task)"
    name = task.data.get(TASK)
    if not isinstance(name, str):
        return task.task_id
    given = [*_texts(task.data.get(ARGS)), *_named(task.data.get(KWARGS))]
    return f"{name}({', '.join(given)})"


def _texts(values: object) -> list[str]:
    return [repr(value) for value in values] if isinstance(values, list) else []


def _named(values: object) -> list[str]:
    return [f"{key}={value!r}" for key, value in values.items()] if isinstance(values, dict) else []
