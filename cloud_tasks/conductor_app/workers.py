"""What a program writes: classes with `execute`, or plain functions. Task processes import this."""

from __future__ import annotations

import inspect
import reprlib

from cloud_tasks.conductor_app.models import Task, TaskResult
from cloud_tasks.errors import ConfigurationError, Problem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

DEFAULT_POLLING_INTERVAL_MS = 100
RUNNERS = ("process", "pool", "thread", "async")


class WorkerAbc:
    """A worker of one task definition, or of several in turn. Inherit from it and write `execute`.

    Args:
        task_definition_name: Name of the task definition, or a list of names.

    Attributes:
        task_definition_name: As given.
        domain: Domain of its tasks; None: those without one.
        poll_interval: Longest pause between polls that bring nothing, in milliseconds; None: 100.
        thread_count: How many tasks it runs at a time.
        runner: Where a task runs: "process" (one of its own, the default), "pool" (a warm one that runs task
            after task), "thread", or "async" (`execute` is a coroutine function and runs on the loop).
        timeout_s: When a task that still runs is ended, and FAILED, in seconds; None: never.
        memory_limit_gb: Memory that a task's process may take; None: no limit. Not for "thread" and "async".
    """

    domain: str | None = None
    poll_interval: float | None = DEFAULT_POLLING_INTERVAL_MS
    thread_count: int = 1
    runner: str = "process"
    timeout_s: float | None = None
    memory_limit_gb: float | None = None

    def __init__(self, task_definition_name: str | Sequence[str]) -> None:
        self.task_definition_name = task_definition_name

    def execute(self, task: Task) -> TaskResult | Awaitable[TaskResult]:
        """Work on a task; what is raised makes it FAILED, `NonRetryableError` for good."""
        raise TypeError(f"{type(self).__name__} has no method `execute`")

    def get_identity(self) -> str:
        """What the server is told of who works on a task: the name of the machine."""
        import socket

        return socket.gethostname()

    def get_polling_interval_in_seconds(self) -> float:
        """Longest pause between polls that bring nothing, in seconds."""
        return (self.poll_interval or DEFAULT_POLLING_INTERVAL_MS) / 1000

    def get_task_definition_name(self) -> str:
        """Name of the task definition; of several, the first."""
        return self.task_definition_names[0]

    @property
    def task_definition_names(self) -> tuple[str, ...]:
        """Names of all its task definitions, in the order in which they are polled."""
        names = self.task_definition_name
        return (names,) if isinstance(names, str) else tuple(names)

    @property
    def is_coroutine(self) -> bool:
        """Whether what it runs gives way while it waits, as coroutine functions do."""
        return _is_coroutine(self.execute)

    def get_task_result_from_task(self, task: Task) -> TaskResult:
        """An empty result for a task."""
        return TaskResult(
            workflow_instance_id=task.workflow_instance_id,
            task_id=task.task_id,
            worker_id=self.get_identity(),
        )

    def get_domain(self) -> str | None:
        """Domain of its tasks; None: those without one."""
        return self.domain

    def paused(self) -> bool:
        """Whether no task is to be asked for now. Asked before each poll, in a thread of the program."""
        return False


class Worker(WorkerAbc):
    """A worker made of a plain function.

    The function gets the task if its parameter is annotated so, and its input otherwise: as one mapping where
    it has one parameter that is annotated as one or not at all, else by the names of its parameters. It
    returns a `TaskResult`, a mapping (the output), or any other value (the output's "result").

    Args:
        task_definition_name: Name of the task definition, or a list of names.
        execute_function: The function; a coroutine function will do.
        poll_interval: Longest pause between polls that bring nothing, in milliseconds.
        domain: Domain of its tasks; None: those without one.
        worker_id: What the server is told of who works on a task; None: the name of the machine.
        thread_count: How many tasks it runs at a time.
        runner: Where a task runs; see `WorkerAbc`.

    Raises:
        ConfigurationError: The function is nothing that can be called.
    """

    def __init__(
        self,
        task_definition_name: str | Sequence[str],
        execute_function: Callable[..., object],
        poll_interval: float | None = None,
        domain: str | None = None,
        worker_id: str | None = None,
        *,
        thread_count: int = 1,
        runner: str | None = None,
    ) -> None:
        super().__init__(task_definition_name)
        self.execute_function = execute_function
        self.poll_interval = poll_interval
        self.domain = domain
        self.worker_id = worker_id
        self.thread_count = thread_count
        self.runner = runner or ("async" if _is_coroutine(execute_function) else "process")
        self._takes = _what_it_takes(execute_function)

    @property
    def is_coroutine(self) -> bool:
        """Whether its function is a coroutine function."""
        own = type(self).execute is Worker.execute
        return _is_coroutine(self.execute_function if own else self.execute)

    def get_identity(self) -> str:
        """As given, or the name of the machine."""
        return self.worker_id or super().get_identity()

    def execute(self, task: Task) -> TaskResult | Awaitable[TaskResult]:
        """Call the function."""
        value = self._call(task)
        if inspect.isawaitable(value):
            return self._finish(task, value)
        return self._result(task, value)

    def _call(self, task: Task) -> object:
        if self._takes == "task":
            return self.execute_function(task)
        if self._takes == "input":
            return self.execute_function(task.input_data)
        return self.execute_function(**{name: task.input_data[name] for name in self._named(task)})

    def _named(self, task: Task) -> list[str]:
        parameters = inspect.signature(self.execute_function).parameters
        if any(one.kind is inspect.Parameter.VAR_KEYWORD for one in parameters.values()):
            return list(task.input_data)
        return [name for name in parameters if name in task.input_data]

    async def _finish(self, task: Task, value: Awaitable[object]) -> TaskResult:
        return self._result(task, await value)

    def _result(self, task: Task, value: object) -> TaskResult:
        if isinstance(value, TaskResult):
            return value
        result = self.get_task_result_from_task(task)
        result.status = "COMPLETED"
        result.output_data = value if isinstance(value, dict) else {} if value is None else {"result": value}
        return result


def _is_coroutine(function: Callable[..., object]) -> bool:
    """Whether it is a coroutine function, or an object that is called like one."""
    call = getattr(function, "__call__", None)  # noqa: B004 - whether it is a coroutine function is the question
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call)


def _what_it_takes(function: object) -> str:
    """Of what a function is called with: "task", "input" or "names"."""
    if not callable(function):
        message = f"the function of a worker is {reprlib.repr(function)}, which cannot be called"
        raise ConfigurationError(
            Problem(message, helps=("hand over the function itself, without calling it",))
        )
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except ValueError:  # some of the interpreter's own functions do not say what they take
        return "input"
    if len(parameters) != 1 or parameters[0].kind is not inspect.Parameter.POSITIONAL_OR_KEYWORD:
        return "names"
    said = parameters[0].annotation
    name = said if isinstance(said, str) else getattr(said, "__name__", "")
    if name.rpartition(".")[2] == "Task":
        return "task"
    plain = said is inspect.Parameter.empty or name.partition("[")[0] in ("dict", "Mapping", "object", "Any")
    return "input" if plain else "names"


_found: list[WorkerAbc] = []


def worker_task(
    task_definition_name: str | Sequence[str],
    poll_interval_millis: float = DEFAULT_POLLING_INTERVAL_MS,
    domain: str | None = None,
    worker_id: str | None = None,
    thread_count: int = 1,
    *,
    runner: str | None = None,
) -> Callable[[Callable[..., object]], Callable[..., object]]:
    """Make a worker of the function that it decorates; the function stays what it is.

    Args:
        task_definition_name: Name of the task definition, or a list of names.
        poll_interval_millis: Longest pause between polls that bring nothing, in milliseconds.
        domain: Domain of its tasks; None: those without one.
        worker_id: What the server is told of who works on a task; None: the name of the machine.
        thread_count: How many tasks it runs at a time.
        runner: Where a task runs; see `WorkerAbc`.
    """

    def note(function: Callable[..., object]) -> Callable[..., object]:
        _found.append(
            Worker(
                task_definition_name,
                function,
                poll_interval_millis,
                domain,
                worker_id,
                thread_count=thread_count,
                runner=runner,
            )
        )
        return function

    return note


def decorated_workers() -> tuple[WorkerAbc, ...]:
    """The workers of all functions that have been decorated."""
    return tuple(_found)
