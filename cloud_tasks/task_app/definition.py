"""`@task`: a function that can be called, or dispatched to be run by a worker."""

from __future__ import annotations

import inspect
import uuid
from collections.abc import Callable, Iterator
from typing import Any, Generic, ParamSpec, TypeVar, overload

import msgspec

from cloud_tasks.core.message import may_be_task_id
from cloud_tasks.core.task import Json, Task
from cloud_tasks.errors import ConfigurationError, Problem
from cloud_tasks.task_app import outbox, registry
from cloud_tasks.task_app.arguments import Parameters
from cloud_tasks.task_app.calling import ARGS, KWARGS, PACKED, TASK
from cloud_tasks.task_app.options import TaskOptions
from cloud_tasks.task_app.serializing import Serializer, pack

P = ParamSpec("P")
R = TypeVar("R")

_OWN_ARGUMENTS = ("delay", "queue", "task_id")
"""What `dispatch` takes for itself."""


class TaskDefinition(Generic[P, R]):
    """A function that can be run as a task. Called, it is the function itself.

    Attributes:
        function: The function.
        name: What it is called on the wire.
        options: What it says of itself.
        parameters: What it takes.
    """

    def __init__(self, function: Callable[P, R], name: str, options: TaskOptions) -> None:
        self.function = function
        self.name = name
        self.options = options
        self.parameters = Parameters(function, name)
        self.__doc__ = function.__doc__
        self.__name__ = getattr(function, "__name__", name)
        self.__qualname__ = getattr(function, "__qualname__", name)
        self.__module__ = function.__module__
        self.__wrapped__ = function

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function here and now."""
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<task {self.name}>"

    @property
    def mode(self) -> str:
        """How it is run: as it says, or coroutine functions on the loop and others in threads."""
        if self.options.mode is not None:
            return self.options.mode
        return "async" if inspect.iscoroutinefunction(self.function) else "thread"

    async def dispatch(
        self,
        *args: object,
        delay: float = 0.0,
        queue: str | None = None,
        task_id: str | None = None,
        **kwargs: object,
    ) -> str:
        """Put a call of the function into its queue; returns the task's id.

        Args:
            args: Arguments of the function.
            delay: Seconds until it may be run.
            queue: Another queue than the function's own.
            task_id: Its id; None: a new one.
            kwargs: Keyword arguments of the function.

        Raises:
            TypeError: The arguments do not fit the function, or JSON cannot carry one.
            ValueError: `delay` or `task_id` cannot be.
            ConfigurationError: What the settings name cannot be used.
            QueueUnavailableError: The queue does not answer; the task may or may not be there.
            MessageRefusedError: The task is larger than the queue takes.
        """
        if not 0 <= delay < float("inf"):
            raise ValueError(f"delay is {delay}, and must be 0 or more, in seconds")
        if task_id is not None:
            _check_id(task_id)
        self.parameters.check(args, kwargs)
        target = await outbox.outbox()
        task = Task(task_id or uuid.uuid4().hex, self._data(target.serializer, args, kwargs))
        await target.send(queue or self.options.queue, task, delay, self.name)
        return task.task_id

    def dispatch_sync(
        self,
        *args: object,
        delay: float = 0.0,
        queue: str | None = None,
        task_id: str | None = None,
        **kwargs: object,
    ) -> str:
        """As `dispatch`, for programs without an event loop, and for functions that run in threads."""
        named: dict[str, Any] = {**kwargs, "delay": delay, "queue": queue, "task_id": task_id}
        return outbox.run_sync(self.dispatch(*args, **named))

    def _data(
        self, serializer: Serializer | None, args: tuple[object, ...], kwargs: dict[str, object]
    ) -> dict[str, Json]:
        """The call as the data of a task."""
        if serializer is not None:
            return {TASK: self.name, PACKED: pack(serializer, list(args), kwargs)}
        listed, named = self.parameters.encode(args, kwargs)
        return {TASK: self.name, ARGS: listed, KWARGS: named}


def _check_id(task_id: str) -> None:
    if not may_be_task_id(task_id):
        raise ValueError(f"{task_id!r} is not a task id: empty, or holds '/' or NUL")


@overload
def task(function: Callable[P, R], /) -> TaskDefinition[P, R]: ...
@overload
def task(
    function: None = None,
    /,
    *,
    name: str | None = None,
    queue: str | None = None,
    max_attempts: int | None = None,
    retry_delay: float | None = None,
    retry_strategy: str | None = None,
    timeout: float | None = None,
    visibility_timeout: float | None = None,
    mode: str | None = None,
    process: bool = False,
) -> Callable[[Callable[P, R]], TaskDefinition[P, R]]: ...
def task(  # noqa: D417 - `function` is what the decorator stands on
    function: Callable[P, R] | None = None,
    /,
    *,
    name: str | None = None,
    process: bool = False,
    **options: Any,
) -> TaskDefinition[P, R] | Callable[[Callable[P, R]], TaskDefinition[P, R]]:
    """Make a function one that workers may run. For functions at the top level of a module.

    What is left out is as the worker is told (`--task-defaults-*`).

    Args:
        name: What it is called on the wire; None: its module and name.
        queue: The queue that it is put into.
        max_attempts: How often it is tried in all; then it is put among the dead letters.
        retry_delay: Seconds before the first retry.
        retry_strategy: "fixed", or "exponential": each pause is twice the one before.
        timeout: Seconds that it may run.
        visibility_timeout: Seconds after which another worker may have it, when its own is not heard of.
        mode: "async" (a coroutine on the worker's loop), "thread", "pool" (a warm process) or "process" (a
            process for each attempt); None: coroutines on the loop, other functions in threads.
        process: The same as `mode="pool"`.

    Raises:
        ConfigurationError: A value cannot be used, or two functions have the same name.
    """

    def mark(marked: Callable[P, R]) -> TaskDefinition[P, R]:
        return _define(marked, name, process, options)

    return mark if function is None else mark(function)


def _define(
    function: Callable[P, R],
    name: str | None,
    process: bool,  # noqa: FBT001 - as it stands in `@task(...)`
    options: dict[str, Any],
) -> TaskDefinition[P, R]:
    _check_is_function(function)
    usual = registry.name_of(function)
    found = usual if name is None else name
    contradictions = [*_of_name(name, usual), *_of_process(process, options.get("mode"), usual)]
    if contradictions:
        raise ConfigurationError(*contradictions)
    if process:
        options = {**options, "mode": "pool"}
    try:
        said = msgspec.convert(options, TaskOptions, strict=True)
    except msgspec.ValidationError as error:
        raise ConfigurationError(Problem(f"@task on `{found}`: {error}")) from None
    unknown = sorted(set(options) - set(TaskOptions.__struct_fields__))
    problems = [
        *(Problem(f"@task on `{found}`: there is no option `{word}`") for word in unknown),
        *said.problems(found),
        *_of_function(function, found, said),
    ]
    if problems:
        raise ConfigurationError(*problems)
    definition = TaskDefinition(function, found, said)
    registry.add(definition)
    return definition


def _check_is_function(function: object) -> None:
    """See that it has a name by which processes can find it."""
    named = callable(function) and hasattr(function, "__qualname__")
    if isinstance(function, TaskDefinition | type) or not named:
        raise ConfigurationError(
            Problem(
                f"@task marks functions, not a value of type {type(function).__name__}",
                helps=("write a function with `def` that calls it, and mark that",),
            )
        )


def _of_name(name: object, usual: str) -> Iterator[Problem]:
    if name is not None and not (isinstance(name, str) and name.strip()):
        yield Problem(f"@task on `{usual}`: name is {name!r}, and must be a text")


def _of_process(process: object, mode: object, name: str) -> Iterator[Problem]:
    if not isinstance(process, bool):
        yield Problem(f"@task on `{name}`: process is {process!r}, and must be True or False")
    elif process and mode is not None and mode != "pool":
        yield Problem(
            f'@task on `{name}`: process=True is mode="pool", and mode is "{mode}"',
            helps=("leave one of the two out",),
        )


def _of_function(function: Callable[..., object], name: str, options: TaskOptions) -> list[Problem]:
    problems = [
        Problem(
            f"@task on `{name}`: its parameter `{own}` has the name of an argument of dispatch()",
            helps=(f"call the parameter something other than {', '.join(_OWN_ARGUMENTS)}",),
        )
        for own in _OWN_ARGUMENTS
        if own in inspect.signature(function).parameters
    ]
    if "<locals>" in function.__qualname__:
        problems.append(
            Problem(
                f"@task on `{name}`: it is defined inside another function, where no worker can find it",
                helps=("define it at the top level of a module",),
            )
        )
    if options.mode == "async" and not inspect.iscoroutinefunction(function):
        problems.append(
            Problem(
                f'@task on `{name}`: mode is "async", and it is no coroutine function',
                helps=('write `async def`, or choose "thread", "pool" or "process"',),
            )
        )
    return problems
