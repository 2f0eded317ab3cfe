"""Functions as tasks, for programs.

    from cloud_tasks.tasks import task

    @task(queue="emails", max_attempts=5)
    async def send_email(to: str, subject: str) -> None: ...

    await send_email.dispatch("ann@example.org", subject="Hello")

`python -m cloud_tasks worker --app my_module` runs them. Where queues are is said by `--driver` and its like
on the command line of the worker, and by the variables `ASYNCTASQ_*` or `configure` in other programs.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from cloud_tasks.runners.importing import importing_program
from cloud_tasks.task_app import outbox as _outbox
from cloud_tasks.task_app.calling import current_worker_data
from cloud_tasks.task_app.config import (
    Config,
    EventsConfig,
    MySQLConfig,
    PostgresConfig,
    ProcessPoolConfig,
    RabbitMQConfig,
    RedisConfig,
    RepositoryConfig,
    SQLiteConfig,
    SQSConfig,
    TaskDefaultsConfig,
)
from cloud_tasks.task_app.definition import TaskDefinition, task
from cloud_tasks.task_app.serializing import Serializer, path_of

if TYPE_CHECKING:
    from cloud_tasks.interfaces import QueueDriver
    from cloud_tasks.summary import Summary
    from cloud_tasks.task_app.outbox import Outbox

__all__ = [
    "Config",
    "DriverFactory",
    "EventsConfig",
    "MySQLConfig",
    "PostgresConfig",
    "ProcessPoolConfig",
    "RabbitMQConfig",
    "RedisConfig",
    "RepositoryConfig",
    "SQLiteConfig",
    "SQSConfig",
    "Serializer",
    "TaskDefaultsConfig",
    "TaskDefinition",
    "Worker",
    "close",
    "close_sync",
    "configure",
    "current_worker_data",
    "run",
    "task",
]

T = TypeVar("T")
_configured: Config | None = None


def configure(config: Config | None) -> None:
    """Say where this program dispatches tasks to; None: where the variables say, as before.

    It holds for connections that are made from now on.
    """
    global _configured  # noqa: PLW0603 - what a program dispatches to is one thing for all its modules
    _configured = config


async def close() -> None:
    """Let go of the connection of the running event loop; the next dispatch makes another."""
    await _outbox.close_outbox()


def close_sync() -> None:
    """Let go of the connection that `dispatch_sync` made; the next call makes another."""
    _outbox.close_sync()


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a program to its end, as `asyncio.run` does, and let go of its connection."""

    async def body() -> T:
        try:
            return await main
        finally:
            await close()

    return asyncio.run(body())


async def _open_outbox() -> Outbox:
    from cloud_tasks.compose.task_program import open_outbox

    return await open_outbox(_handed_down() or _configured, os.environ)


def _handed_down() -> Config | None:
    """What the worker tells a task about where its queues are."""
    try:
        text = current_worker_data().handed_down
    except LookupError:
        return None
    # A worker whose driver somebody else has made knows nothing of where its queues are.
    return msgspec.json.decode(text, type=Config) if '"driver"' in text else None


_outbox.set_opener(_open_outbox)


class DriverFactory:
    """Makes drivers."""

    @staticmethod
    def create(driver: str, config: Config) -> QueueDriver:
        """The driver of that name, as the settings say; `connect` it before it is used.

        Raises:
            ConfigurationError: There is none, its package is missing, or a setting cannot be used.
        """
        from cloud_tasks.compose.task_program import create_driver

        return create_driver(msgspec.structs.replace(config, driver=driver))


class Worker:
    """Runs the task functions that the program has imported."""

    def __init__(
        self,
        queue_driver: QueueDriver,
        queues: Sequence[str] = ("default",),
        *,
        concurrency: int = 10,
        max_tasks: int | None = None,
        serializer: Serializer | None = None,
        worker_id: str | None = None,
        heartbeat_interval: float = 60.0,
        process_pool_size: int | None = None,
        process_pool_max_tasks_per_child: int | None = None,
        shutdown_grace_period: float = 30.0,
        starvation_guard: float = 0.0,
        task_defaults: TaskDefaultsConfig | None = None,
    ) -> None:
        """Check what can be checked; nothing is started yet. Durations are seconds.

        Args:
            queue_driver: Where the queues are; connected before `start`, and disconnected by who made it.
            queues: Names of the queues, the most urgent first.
            concurrency: Tasks at a time.
            max_tasks: Tasks after which it ends, exactly; None: it runs until it is told to end.
            serializer: What reads arguments; each process makes one of its class. None: as in the settings
                of the driver.
            worker_id: Its name; None: one is made.
            heartbeat_interval: Time between heartbeats; 0: none.
            process_pool_size: Processes for functions of mode "pool"; None: as in the settings of the driver,
                one for each processor where they say nothing.
            process_pool_max_tasks_per_child: Tasks after which one of them is replaced; None: as there.
            shutdown_grace_period: How long tasks may go on after SIGTERM or SIGINT.
            starvation_guard: A queue that has not been asked for so long is asked first; 0: none is.
            task_defaults: What holds for functions that say nothing; None: as in the driver's settings.

        Raises:
            ConfigurationError: A value cannot be used.
        """
        if importing_program():
            raise _inside_import()
        from cloud_tasks.compose.task_program import ProgramWorker
        from cloud_tasks.compose.task_worker import TaskWorkerSettings

        self._worker = ProgramWorker(
            queue_driver,
            TaskWorkerSettings(
                queues=_listed(queues),
                concurrency=concurrency,
                max_tasks=max_tasks,
                worker_id=worker_id,
                heartbeat_s=heartbeat_interval,
                pool_size=process_pool_size,
                pool_tasks_max=process_pool_max_tasks_per_child,
                grace_s=shutdown_grace_period,
                starvation_guard_s=starvation_guard,
            ),
            task_defaults,
            serializer=None if serializer is None else path_of(serializer),
        )

    @property
    def worker_id(self) -> str:
        """Its name."""
        return self._worker.worker_id

    async def start(self) -> Summary:
        """Work until SIGTERM or SIGINT, or until `max_tasks` have been run.

        Returns:
            What it came to. Failed tasks are told there and raise nothing.
        """
        return await self._worker.work()


def _listed(queues: Sequence[str]) -> Sequence[str]:
    """The names in a tuple; what holds none is left as it is, for whoever checks."""
    whole = isinstance(queues, str | bytes) or not isinstance(queues, Iterable)
    return queues if whole else tuple(queues)


def _inside_import() -> Exception:
    from cloud_tasks.errors import Problem, ProgramError

    return ProgramError(
        Problem(
            "the program makes a Worker when it is imported, and task processes import it",
            helps=('put what starts the worker under `if __name__ == "__main__":`',),
            notes=("nothing started; 0 tasks taken",),
        )
    )
