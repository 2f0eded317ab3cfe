"""The Pub/Sub backend under the contracts: the real client, against the stand-in or the cloud."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable
from typing import Protocol, TypeAlias, TypeVar

from msgspec import structs

from cloud_tasks.clock import SystemClock
from cloud_tasks.core.message import encode_task
from cloud_tasks.core.task import Task
from cloud_tasks.interfaces import TaskQueue, TaskSender
from cloud_tasks.queues.pubsub.backend import PubSubBackend
from cloud_tasks.queues.pubsub.calls import Calls
from cloud_tasks.queues.pubsub.connection import Connection, connect
from cloud_tasks.queues.pubsub.names import dead_letter_names, queue_names
from cloud_tasks.queues.pubsub.publishing import Publishing, message
from cloud_tasks.queues.pubsub.pulling import Puller
from cloud_tasks.queues.pubsub.settings import PubSubSettings
from fakes.clock import VirtualClock
from fakes.pubsub import PubSubService
from tests.contracts.harness import VirtualTime
from tests.queues.pubsub.jumping_clock import JumpingClock
from tests.queues.pubsub.wireless import wireless

T = TypeVar("T")
HarnessClock: TypeAlias = SystemClock | JumpingClock | VirtualClock

_STEP_S = 0.5
_SENT_AT_ONCE = 500
_PAUSE_S = 0.05
"""While a call is driven, time goes ten times as fast."""


class Service(Protocol):
    """What the backend talks to."""

    @property
    def project_id(self) -> str:
        """Whose queues."""
        ...

    @property
    def clock(self) -> HarnessClock:
        """The clock that leases follow."""
        ...

    def start(self) -> str | None:
        """Begin to serve; where, None: where the environment says."""
        ...

    def stop(self) -> None:
        """End."""
        ...


class Cloud:
    """Google's own service with the credentials of the environment, or where `PUBSUB_EMULATOR_HOST` says."""

    def __init__(self, project_id: str) -> None:
        self.project_id = project_id
        self.clock: HarnessClock = SystemClock()

    def start(self) -> str | None:
        return None

    def stop(self) -> None:
        pass


class InMemory:
    """The model, in virtual time."""

    project_id = "project"

    def __init__(self) -> None:
        self.clock: HarnessClock = VirtualClock()
        self.model = PubSubService(self.clock)

    def start(self) -> str | None:
        return None

    def stop(self) -> None:
        self.model.close()


class PubSubHarness:
    """One queue of a service, created by the backend itself and deleted at the end."""

    keeps_order = False
    virtual = False
    delays_sends = False
    text_only = False
    lease_s = 10.0

    def __init__(self, service: Service, *, exactly_once: bool, patience_s: float) -> None:
        self.clock: HarnessClock = service.clock
        self.patience_s = patience_s
        self.strict_receipts = exactly_once
        self.project_id = service.project_id
        self.name = f"contract-{secrets.token_hex(4)}"
        self._service = service
        self._settings = PubSubSettings(
            project_id=service.project_id,
            task_queue=self.name,
            event_queue=f"{self.name}-events",
            exactly_once=exactly_once,
            lease_s=self.lease_s,
        )
        self.backend: PubSubBackend
        self.queue: TaskQueue
        self._connection: Connection

    @property
    def calls(self) -> Calls:
        """A connection of the test's own."""
        return self._connection.calls

    async def open(self) -> TaskQueue:
        """Create the queues and open them."""
        self._settings = structs.replace(self._settings, emulator_host=self._service.start())
        self._connection = await self.connect()
        self.backend = PubSubBackend(self._settings, self.clock)
        self.backend._connection = await self.connect()
        await self.backend.check(tasks=True, events=True, create=True)
        self.queue = await self.backend.tasks()
        return self.queue

    async def connect(self) -> Connection:
        """To the service."""
        return await connect(self._settings)

    async def send(self, *tasks: Task) -> None:
        for start in range(0, len(tasks), _SENT_AT_ONCE):
            await self._publish([encode_task(task) for task in tasks[start : start + _SENT_AT_ONCE]])

    async def send_raw(self, body: bytes) -> None:
        await self._publish([body])

    async def _publish(self, bodies: list[bytes]) -> None:
        topic = queue_names(self.project_id, self.name).topic
        await Publishing(self.calls, topic).publish([message(body) for body in bodies])

    async def sender(self) -> TaskSender:
        return await self.backend.sender()

    async def end(self) -> None:
        raise AssertionError("the queue has no end")

    async def dead_letters(self) -> list[tuple[bytes, str]]:
        subscription = dead_letter_names(self.project_id, self.name).subscription
        received = await Puller(self.calls, subscription, self.clock).pull(10, 0.0)
        return [(one.message.data, one.message.attributes["reason"]) for one in received]

    async def advance(self, seconds: float) -> None:
        """Skip most of it; what is left lets calls that are under way arrive."""
        clock = self.clock
        if isinstance(clock, JumpingClock):
            clock.jump(max(0.0, seconds - _PAUSE_S))
            seconds = _PAUSE_S
        await clock.sleep_until(clock.monotonic() + seconds)

    async def drive(self, call: Awaitable[T]) -> T:
        clock, task = self.clock, asyncio.ensure_future(call)
        while isinstance(clock, JumpingClock) and not (await asyncio.wait({task}, timeout=_PAUSE_S))[0]:
            clock.jump(_STEP_S)
        return await task

    async def aclose(self) -> None:
        await self.queue.aclose()
        for which in ("tasks", "events"):
            await (await self.backend.inspector("tasks" if which == "tasks" else "events")).delete()
        await self.backend.aclose()
        await self._connection.aclose()
        self._service.stop()


class ModelHarness(PubSubHarness):
    """One queue of the model, without a wire."""

    virtual = True

    def __init__(self, *, exactly_once: bool) -> None:
        self._in_memory = InMemory()
        self._calls = wireless(self._in_memory.model)
        super().__init__(self._in_memory, exactly_once=exactly_once, patience_s=1.0)

    async def connect(self) -> Connection:
        return Connection(self._calls, self.project_id, None)

    advance = VirtualTime.advance
    drive = VirtualTime.drive
