"""From a message to the call of its function, wherever the task runs."""

from __future__ import annotations

import contextvars
from collections.abc import Awaitable, Mapping
from typing import Any

import msgspec

from cloud_tasks.core.task import Json
from cloud_tasks.runners.worker_data import WorkerData
from cloud_tasks.task_app import outbox, registry
from cloud_tasks.task_app.arguments import as_json
from cloud_tasks.task_app.serializing import Serializer, serializer_of, unpack

TASK, ARGS, KWARGS, PACKED = "task", "args", "kwargs", "packed"
"""Keys of the data of a task: the function's name, and the arguments, plain or packed by a serializer."""


class _HandedDown(msgspec.Struct):
    serializer: str = ""


_current: contextvars.ContextVar[WorkerData] = contextvars.ContextVar("cloud_tasks_worker_data")


def current_worker_data() -> WorkerData:
    """What the task that is being run is told of its worker: the attempt, the deadline, notices, progress.

    Raises:
        LookupError: No task is being run here.
    """
    return _current.get()


def call_task(_: str, task_data: Mapping[str, Json], worker_data: WorkerData) -> object:
    """Run the function that the data names: `(False, result)`, or what can be awaited for that.

    Raises:
        UnknownTaskError: It is not on the list.
        TypeError: The arguments do not fit.
    """
    value = _call(task_data, worker_data)
    return _finish(value) if isinstance(value, Awaitable) else _pair(value)


async def call_task_on_loop(
    _: str, task_data: Mapping[str, Json], worker_data: WorkerData
) -> tuple[bool, object]:
    """As `call_task`, for coroutine functions that run on the worker's own loop."""
    return _pair(await _call(task_data, worker_data))


class CallsHere:
    """Calls in the worker's own process: what its tasks dispatch goes by its own connection.

    Args:
        own: That connection; None: there is none, and tasks open one themselves.
    """

    def __init__(self, own: outbox.WorkersOutbox | None) -> None:
        self._own = own

    async def on_loop(
        self, task_id: str, task_data: Mapping[str, Json], worker_data: WorkerData
    ) -> tuple[bool, object]:
        """As `call_task_on_loop`."""
        outbox.enter_worker(self._own)
        return await call_task_on_loop(task_id, task_data, worker_data)

    def in_thread(self, task_id: str, task_data: Mapping[str, Json], worker_data: WorkerData) -> object:
        """As `call_task`."""
        outbox.enter_worker(self._own)
        return call_task(task_id, task_data, worker_data)


def _call(task_data: Mapping[str, Json], worker_data: WorkerData) -> Any:
    definition = registry.find(str(task_data[TASK]))
    args: Any = task_data.get(ARGS, [])
    kwargs: Any = task_data.get(KWARGS, {})
    if PACKED in task_data:
        args, kwargs = unpack(_serializer_of(worker_data), str(task_data[PACKED]))
    given, named = definition.parameters.decode(args, kwargs)
    _current.set(worker_data)
    outbox.enter_place(worker_data.handed_down)
    return definition.function(*given, **named)


def _serializer_of(worker_data: WorkerData) -> Serializer:
    """What the worker was told to read arguments with."""
    path = msgspec.json.decode(worker_data.handed_down or b"{}", type=_HandedDown).serializer
    serializer = serializer_of(path)
    if serializer is None:
        raise TypeError("the arguments were packed by a serializer, and this worker has none")
    return serializer


async def _finish(value: Awaitable[Any]) -> tuple[bool, object]:
    """Await it; on a loop that was made for this one task, what it opened to dispatch others is closed."""
    before = outbox.is_open()
    try:
        return _pair(await value)
    finally:
        if not before:
            await outbox.close_outbox()


def _pair(value: object) -> tuple[bool, object]:
    if value is None:
        return False, None
    try:
        return False, as_json(value)
    except (TypeError, ValueError, RecursionError):
        return False, value  # who writes the result down says what is wrong with it
