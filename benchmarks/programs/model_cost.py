"""What one call to a model costs in a queue of few messages and of many: medians, in microseconds of CPU.

A cycle leaves the queue as deep as it was: ten messages are sent, ten received, one lease is extended, one
message handed back and another received for it, ten are settled. The two queues take turns in one process, so
that a slow spell of the machine meets both.
"""

from __future__ import annotations

import asyncio
import gc
import statistics
import sys
import time
from collections.abc import Awaitable, Callable

from cloud_tasks.core.task import HandBack, Outcome, OutcomeKind, Task
from fakes.clock import VirtualClock
from fakes.conductor import ConductorService
from fakes.conductor.values import ResultStatus, TaskResult
from fakes.conductor.values import Task as ConductorTask
from fakes.queue_model import InMemoryQueue
from fakes.sqs import SqsService
from fakes.sqs.requests import ChangeMessageVisibility, OfMessage
from fakes.sqs.values import ReceiveOptions, SendEntry

Cycle = Callable[[], Awaitable[None]]

BATCH = 10
CALLS = 4 + 2 * BATCH
CYCLES = 300
ROUNDS = 15
DONE = Outcome(OutcomeKind.COMPLETED)
TASK = Task("task", {"n": 1})


def in_memory(clock: VirtualClock) -> tuple[Cycle, Cycle]:
    """One message into our own model; a cycle of it."""
    queue = InMemoryQueue(clock)

    async def send() -> None:
        await queue.send(TASK)

    async def cycle() -> None:
        for _ in range(BATCH):
            await queue.send(TASK)
        leases = await queue.receive(BATCH, 0.0)
        leases[0] = await queue.extend(leases[0], 60.0)
        await queue.nack(leases.pop(), 0.0, HandBack.RETRY)
        leases += await queue.receive(1, 0.0)
        for lease in leases:
            await queue.ack(lease, DONE)

    return send, cycle


def sqs(clock: VirtualClock) -> tuple[Cycle, Cycle]:
    """The same for the model of SQS."""
    service = SqsService(clock)
    url = "http://localhost/000000000000/q"
    service.create_queue("q")
    entry = SendEntry(message_body='{"task_id": "task", "data": {"n": 1}}')
    ten, one = ReceiveOptions(queue_url=url, max_number_of_messages=BATCH), ReceiveOptions(queue_url=url)

    async def send() -> None:
        service.send(url, entry)

    async def cycle() -> None:
        for _ in range(BATCH):
            service.send(url, entry)
        handles = [message.receipt_handle for message in (await service.receive(ten)).messages]
        service.change_visibility(ChangeMessageVisibility(url, handles[0], 60))
        service.change_visibility(ChangeMessageVisibility(url, handles.pop(), 0))
        handles += [message.receipt_handle for message in (await service.receive(one)).messages]
        for handle in handles:
            service.delete(OfMessage(url, handle))

    return send, cycle


def conductor(clock: VirtualClock) -> tuple[Cycle, Cycle]:
    """The same for the model of Conductor, where a task that is handed back is called back at once."""
    service = ConductorService(clock)
    service.define_task("a")

    async def send() -> None:
        service.start_task("a", {"n": 1})

    def say(task: ConductorTask, status: ResultStatus, *, extend: bool = False) -> None:
        ids = task.workflow_instance_id, task.task_id
        service.update_task(TaskResult(*ids, status, extend_lease=extend))

    async def cycle() -> None:
        for _ in range(BATCH):
            service.start_task("a", {"n": 1})
        tasks = await service.batch_poll("a", "w", count=BATCH)
        say(tasks[0], ResultStatus.IN_PROGRESS, extend=True)
        say(tasks.pop(), ResultStatus.IN_PROGRESS)
        tasks += await service.batch_poll("a", "w")
        for task in tasks:
            say(task, ResultStatus.COMPLETED)

    return send, cycle


MODELS = {"memory": in_memory, "sqs": sqs, "conductor": conductor}
DEEPEST = {"memory": 1_000_000, "sqs": 1_000_000, "conductor": 100_000}
"""A task of Conductor is a workflow, too, and takes ten times as much memory."""


async def main(model: str) -> None:
    """Fill both, warm up, measure."""
    gc.disable()  # it would go through all messages again and again while they become more
    clock = VirtualClock()
    cycles = {depth: await filled(model, clock, depth) for depth in (100, DEEPEST[model])}
    gc.enable()
    spent_s: dict[int, list[float]] = {depth: [] for depth in cycles}
    for _ in range(1 + ROUNDS):
        for depth, cycle in cycles.items():
            began = time.process_time()
            for _ in range(CYCLES):
                clock.advance(0.001)
                await cycle()
            spent_s[depth].append(time.process_time() - began)
    print(*(statistics.median(times[1:]) / CYCLES / CALLS * 1e6 for times in spent_s.values()))


async def filled(model: str, clock: VirtualClock, depth: int) -> Cycle:
    """A queue so deep; returns what a cycle does to it."""
    send, cycle = MODELS[model](clock)
    for _ in range(depth):
        await send()
    return cycle


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
