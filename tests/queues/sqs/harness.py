"""The SQS backend under the contracts: real boto3, against a stand-in or the cloud."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable
from typing import TypeVar

from msgspec import structs

from cloud_tasks.clock import SystemClock
from cloud_tasks.core.message import encode_task
from cloud_tasks.core.task import Task
from cloud_tasks.interfaces import TaskQueue, TaskSender
from cloud_tasks.queues.sqs.backend import SqsBackend
from cloud_tasks.queues.sqs.calls import Calls
from cloud_tasks.queues.sqs.connection import Connection, client_config, connect
from cloud_tasks.queues.sqs.names import dead_letter_name, digest
from cloud_tasks.queues.sqs.settings import SqsSettings
from fakes.clock import VirtualClock
from fakes.sqs import SqsService
from fakes.sqs.server import SqsServer
from tests.sqs_servers import client_of

T = TypeVar("T")

PAUSE_S = 0.02
"""For calls in threads to arrive; one that takes longer only makes the test slower."""


def stand_in_settings(url: str, **values: object) -> SqsSettings:
    """Settings for a service that looks at no credentials."""
    settings = SqsSettings(
        task_queue=f"contract-{secrets.token_hex(4)}",
        region="us-east-1",
        endpoint_url=url,
        access_key="none",
        secret_key="none",  # noqa: S106 - a stand-in wants one, and looks at none
    )
    return structs.replace(settings, **values)


def connection_to(url: str) -> Connection:
    """As the backend makes it, in a thirtieth of the time."""
    return Connection(Calls(client_of(url, client_config())), url, "the test")


def backend_at(url: str, **values: object) -> SqsBackend:
    """A backend of a service that looks at no credentials."""
    backend = SqsBackend(stand_in_settings(url, **values), SystemClock())
    backend._connection = connection_to(url)
    return backend


class SqsHarness:
    """One queue of a service in real time, created by the backend itself and deleted at the end."""

    keeps_order = False
    virtual = False
    text_only = True

    def __init__(
        self,
        settings: SqsSettings,
        *,
        lease_s: float = 1.0,
        patience_s: float = 0.5,
        clock: SystemClock | VirtualClock | None = None,
    ) -> None:
        self.clock: SystemClock | VirtualClock = clock or SystemClock()
        self.lease_s = lease_s
        self.patience_s = patience_s
        self.settings = structs.replace(settings, lease_s=lease_s)
        # An old receipt of a standard queue is accepted, and a deleted message deleted once more.
        self.strict_receipts = settings.exactly_once
        self.delays_sends = not settings.exactly_once
        self.backend: SqsBackend
        self.queue: TaskQueue
        self.calls: Calls
        self._sent = 0

    async def open(self) -> TaskQueue:
        """Create the queues and open them."""
        self.calls = (await self.connect()).calls
        self.backend = SqsBackend(self.settings, self.clock)
        self.backend._connection = await self.connect()
        await self.backend.check(tasks=True, events=True, create=True)
        self.queue = await self.backend.tasks()
        return self.queue

    async def connect(self) -> Connection:
        url = self.settings.endpoint_url
        return connection_to(url) if url else await connect(self.settings)

    async def send(self, *tasks: Task) -> None:
        for task in tasks:
            await self.send_raw(encode_task(task))

    async def send_raw(self, body: bytes) -> None:
        text = body.decode()
        self._sent += 1
        members = {}
        if self.settings.exactly_once:
            name = digest(f"{self._sent} {text}".encode())
            members = {"MessageGroupId": name, "MessageDeduplicationId": name}
        await self.calls.call("send_message", QueueUrl=await self._url(), MessageBody=text, **members)

    async def sender(self) -> TaskSender:
        return await self.backend.sender()

    async def end(self) -> None:
        raise AssertionError("the queue has no end")

    async def dead_letters(self) -> list[tuple[bytes, str]]:
        name = dead_letter_name(self.settings.task_queue, fifo=self.settings.exactly_once)
        url = (await self.calls.call("get_queue_url", QueueName=name))["QueueUrl"]
        answer = await self.calls.call(
            "receive_message", QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        )
        return [
            (one["Body"].encode(), one["MessageAttributes"]["reason"]["StringValue"])
            for one in answer.get("Messages", ())
        ]

    async def advance(self, seconds: float) -> None:
        await self.clock.sleep_until(self.clock.monotonic() + seconds)

    async def drive(self, call: Awaitable[T]) -> T:
        return await call

    async def aclose(self) -> None:
        await self.drive(self.queue.aclose())
        await (await self.backend.inspector("tasks")).delete()
        await (await self.backend.inspector("events")).delete()
        await self.backend.aclose()
        await self.calls.aclose()

    async def _url(self) -> str:
        name = self.settings.task_queue + (".fifo" if self.settings.exactly_once else "")
        return str((await self.calls.call("get_queue_url", QueueName=name))["QueueUrl"])


class WireHarness(SqsHarness):
    """One queue of our own server, on the loop of the test and in its virtual time."""

    virtual = True

    def __init__(self, *, exactly_once: bool) -> None:
        self._time = VirtualClock()
        self._server = SqsServer(SqsService(self._time))
        settings = stand_in_settings("", exactly_once=exactly_once)
        super().__init__(settings, lease_s=10.0, patience_s=1.0, clock=self._time)

    async def open(self) -> TaskQueue:
        """Serve, create the queues and open them."""
        await self._server.start()
        self.settings = structs.replace(self.settings, endpoint_url=self._server.url)
        return await super().open()

    async def advance(self, seconds: float) -> None:
        await asyncio.sleep(PAUSE_S)
        await self._time.run_for(seconds)
        await asyncio.sleep(PAUSE_S)

    async def drive(self, call: Awaitable[T]) -> T:
        """Time goes on while somebody sleeps, and nothing else has been heard for a moment."""
        task = asyncio.ensure_future(call)
        while not (await asyncio.wait({task}, timeout=PAUSE_S))[0]:
            moment = self._time.next_deadline()
            if moment is not None:
                await self._time.run_for(moment - self._time.monotonic())
        return task.result()

    async def stop_serving(self) -> None:
        """End every task of the server."""
        await self._server.aclose()

    async def aclose(self) -> None:
        await self.drive(self.queue.aclose())
        await self.backend.aclose()
        await self.calls.aclose()
        await self.stop_serving()
