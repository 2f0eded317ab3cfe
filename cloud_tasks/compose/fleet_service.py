"""What all workers of a fleet share: the service manager, and notices of the machine."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Mapping

from cloud_tasks.compose.service import Service
from cloud_tasks.core.events import EventRecord, WorkerStarted, WorkerStopped
from cloud_tasks.interfaces import Advisory, EventSink, InstanceIdentity, InstanceMetadata, TerminationNotice
from cloud_tasks.shell import Observer


class FleetService:
    """Tells the service manager of all workers together, and watches each of them.

    Args:
        environ: Where the manager listens; see `Service`.
        grace_s: How long running tasks may go on after a signal.
        say: Told the name of a worker and what it has to say.

    Attributes:
        sink: A sink for the events of all workers.
    """

    def __init__(self, environ: Mapping[str, str], grace_s: float, say: Callable[[str, str], None]) -> None:
        self._hushed = False
        self._say = say
        self._service = Service(environ, grace_s, WorkerObserver(self, ""))
        self.sink: EventSink = _TasksOnly(self._service)
        self.watching = self._service.watching
        self.signalled = self._service.signalled

    def ready(self) -> None:
        """The first task is about to be taken."""
        self._service.tell("READY=1")

    def ended(self) -> None:
        """The last has been worked on."""
        self._service.tell("STOPPING=1")

    def observer(self, name: str) -> Observer:
        """One who watches the worker of that name."""
        return WorkerObserver(self, name)

    def task_started(self, task_id: str) -> None:
        """Count it."""
        self._service.task_started(task_id)

    @contextlib.contextmanager
    def hushed(self) -> Iterator[None]:
        """What every worker says now has been said once for all of them."""
        self._hushed = True
        try:
            yield
        finally:
            self._hushed = False

    def message(self, name: str, text: str) -> None:
        """A worker has something to say."""
        if not self._hushed:
            self._say(name, text)


class WorkerObserver:
    """Watches one worker."""

    def __init__(self, service: FleetService, name: str) -> None:
        self._service = service
        self._name = name

    def task_started(self, task_id: str) -> None:
        """Count it."""
        if self._name:
            self._service.task_started(task_id)

    def task_progress(self, task_id: str, done: float, total: float | None) -> None:
        """Nobody shows it."""

    def worker_message(self, text: str) -> None:
        """Log it."""
        self._service.message(self._name, text)


class _TasksOnly:
    """Keeps from the service manager that single workers begin and end."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def emit(self, records: list[EventRecord]) -> None:
        """Pass on what is of tasks."""
        await self._service.emit(
            [record for record in records if not isinstance(record.event, WorkerStarted | WorkerStopped)]
        )

    async def aclose(self) -> None:
        """Others use it still."""


class LentMetadata:
    """The machine's metadata for one worker of several; stays open when that worker ends.

    Advice of the provider is told once by the service, and acted upon by nobody: workers do not wait for it.
    """

    def __init__(self, metadata: InstanceMetadata) -> None:
        self._metadata = metadata

    async def identity(self) -> InstanceIdentity:
        """Who we are."""
        return await self._metadata.identity()

    async def wait_termination_notice(self) -> TerminationNotice:
        """Return when a notice comes."""
        return await self._metadata.wait_termination_notice()

    async def wait_advisory(self) -> Advisory:
        """Wait for ever."""
        never: asyncio.Future[Advisory] = asyncio.get_running_loop().create_future()
        return await never

    async def aclose(self) -> None:
        """Others use it still."""
