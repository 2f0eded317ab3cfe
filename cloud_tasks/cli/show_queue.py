"""`cloud_tasks show_queue`: how many messages there are, and what one of them looks like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from cloud_tasks.cli.call import Call
from cloud_tasks.cli.chosen import Chosen, chosen
from cloud_tasks.cli.running import Session, run_session
from cloud_tasks.core.message import encode_task
from cloud_tasks.core.task import Task
from cloud_tasks.diagnostics import visible

_COLUMNS = ("visible", "in_flight", "delayed", "dead")


def run(call: Call) -> int:
    """Show both queues."""
    return run_session(call, lambda session: _show(call, session))


async def _show(call: Call, session: Session) -> int:
    await session.backend.check(tasks=True, events=True, create=False)
    queues = list(chosen(call, session.settings))
    depths = {queue.name: await _depth(session, queue) for queue in queues}
    sample = await _sample(session) if call.switch("detail") else []
    if call.json:
        told: dict[str, Any] = {"queues": depths}
        if call.switch("detail"):
            told["sample"] = _plain(sample[0]) if sample else None
        call.print_json(told)
        return 0
    call.print(*depth_table(depths))
    if call.switch("detail"):
        call.print("", *_described(sample))
    return 0


async def _depth(session: Session, queue: Chosen) -> Mapping[str, int]:
    inspector = await session.backend.inspector(queue.which)
    return dict(await inspector.depth())


def depth_table(depths: Mapping[str, Mapping[str, int]]) -> list[str]:
    """A line for each queue; what a provider does not count is left blank."""
    width = max(len(name) for name in ("queue", *depths))
    head = f"{'queue':<{width}}" + "".join(f"  {column.replace('_', ' '):>9}" for column in _COLUMNS)
    rows = [
        f"{name:<{width}}" + "".join(f"  {_number(depth, column):>9}" for column in _COLUMNS)
        for name, depth in depths.items()
    ]
    return [head, *rows]


def _number(depth: Mapping[str, int], column: str) -> str:
    return f"{depth[column]:,}" if column in depth else "-"


async def _sample(session: Session) -> list[Task | bytes]:
    inspector = await session.backend.inspector("tasks")
    return await inspector.peek(1)


def _plain(message: Task | bytes) -> dict[str, Any]:
    if isinstance(message, Task):
        return {"task_id": message.task_id, "data": message.data}
    return {"not_a_task": message.decode(errors="backslashreplace")}


def _described(sample: list[Task | bytes]) -> list[str]:
    if not sample:
        return ["no message can be seen at this moment"]
    message = sample[0]
    if isinstance(message, Task):
        body = msgspec.json.format(encode_task(message), indent=2).decode()
        return ["one message, which stays in the queue:", *body.splitlines()]
    shown = visible(message.decode(errors="backslashreplace"))
    return ["one message, which stays in the queue and is not a task:", shown]
