"""The SQS backend under the contracts: real boto3, against a stand-in or the cloud."""

from __future__ import annotations

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
from cloud_tasks.queues.sqs.connection import connect
from cloud_tasks.queues.sqs.names import dead_letter_name, digest
from cloud_tasks.queues.sqs.settings import SqsSettings

T = TypeVar("T")


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


class SqsHarness:
    """One queue of a service, created by the backend itself and deleted at the end."""

    keeps_order = False
    virtual = False
    text_only = True
    # An old receipt of a standard queue is accepted, and a deleted message deleted once more, without effect.
    strict_receipts = False

    def __init__(self, settings: SqsSettings, *, lease_s: float = 1.0, patience_s: float = 0.5) -> None:
        self.clock = SystemClock()
        self.lease_s = lease_s
        self.patience_s = patience_s
        self.settings = structs.replace(settings, lease_s=lease_s)
        self.delays_sends = not settings.exactly_once
        self.backend: SqsBackend
        self.queue: TaskQueue
        self.calls: Calls
        self._sent = 0

    async def open(self) -> TaskQueue:
        """Create the queues and open them."""
        self.calls = (await connect(self.settings)).calls
        self.backend = SqsBackend(self.settings, self.clock)
        await self.backend.check(tasks=True, events=True, create=True)
        self.queue = await self.backend.tasks()
        return self.queue

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
        raise NotImplementedError("the queue has no end")

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
        await self.queue.aclose()
        await (await self.backend.inspector("tasks")).delete()
        await (await self.backend.inspector("events")).delete()
        await self.backend.aclose()
        await self.calls.aclose()

    async def _url(self) -> str:
        name = self.settings.task_queue + (".fifo" if self.settings.exactly_once else "")
        return str((await self.calls.call("get_queue_url", QueueName=name))["QueueUrl"])
