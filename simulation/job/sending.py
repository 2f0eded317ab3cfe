"""The queue of tasks, as a producer has it: to put tasks in, and to look at what is there."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from functools import partial

from cloud_tasks.core.arguments import check_not_negative, check_positive
from cloud_tasks.core.message import encode_task
from cloud_tasks.core.task import Task
from cloud_tasks.errors import QueueError, QueueUnavailableError, SendFailedError
from simulation.broker import Broker
from simulation.faults import FaultClass
from simulation.hosts import Host
from simulation.job.happenings import RunMeant, SendAnswered, TaskSent
from simulation.job.setting import Setting
from simulation.link import Link
from simulation.link_calls import Asked


class SimulatedSender:
    """A `TaskSender` over a link; a batch may be accepted in part.

    Args:
        setting: What there is around it.
        tasks: The queue.
        host: The producer.
        link: The way to the queue.

    Attributes:
        under_way: How many batches it waits for an answer to.
    """

    def __init__(self, setting: Setting, tasks: Broker, host: Host, link: Link) -> None:
        self.under_way = 0
        self._setting = setting
        self._tasks = tasks
        self._host = host
        self._link = link
        self._calls = 0

    async def send(self, task: Task, delay_s: float = 0.0) -> None:
        """Put one task into the queue; see `TaskSender`."""
        check_not_negative("delay_s", delay_s)
        await self._send([task], delay_s)

    async def send_many(self, tasks: Iterable[Task]) -> None:
        """Put many in; see `TaskSender`."""
        await self._send(list(tasks), 0.0)

    async def _send(self, tasks: list[Task], delay_s: float) -> None:
        self._calls += 1
        number = self._calls
        effect = partial(self._accept, tasks, delay_s, number)
        self.under_way += 1
        try:
            refused = await self._link.call(Asked(operation="send"), effect)
        except QueueUnavailableError as error:
            self._tell_answered(number, error)
            raise SendFailedError(str(error), (), tuple(task.task_id for task in tasks)) from error
        finally:
            self.under_way -= 1
        if refused:
            failure = SendFailedError(f"{len(refused)} of {len(tasks)} were not accepted", refused)
            self._tell_answered(number, failure)
            raise failure
        self._tell_answered(number, None)

    def _accept(self, tasks: list[Task], delay_s: float, number: int) -> tuple[str, ...]:
        """In the queue: take what it takes; returns the ids of the others."""
        setting = self._setting
        refused = []
        for task in tasks:
            if self._is_refused(task.task_id):
                refused.append(task.task_id)
                continue
            self._tasks.put_raw(encode_task(task), delay_s)
            now = setting.loop.now
            setting.history.tell(TaskSent(at=now, worker=self._host.name, task_id=task.task_id, call=number))
        return tuple(refused)

    def _is_refused(self, task_id: str) -> bool:
        faults = self._setting.faults
        if faults.idle:
            return False
        whom = f"send of {task_id}"
        faults.occasions[whom] += 1
        if faults.strikes(FaultClass.SEND_REFUSED, whom, faults.occasions[whom]) is None:
            return False
        faults.had_effect(FaultClass.SEND_REFUSED)
        return True

    def _tell_answered(self, number: int, error: QueueError | None) -> None:
        name = "" if error is None else type(error).__name__
        now = self._setting.loop.now
        self._setting.history.tell(SendAnswered(at=now, worker=self._host.name, call=number, error=name))


class Twins:
    """Knows for which message a run is, where a task is in several: leases hold the very task of theirs.

    Args:
        setting: What there is around it.
        tasks: The queue.
    """

    def __init__(self, setting: Setting, tasks: Broker) -> None:
        self._setting = setting
        self._tasks = tasks
        self._keys: dict[str, list[str]] = {}
        setting.history.on(TaskSent, self._on_sent)

    def _on_sent(self, happening: TaskSent) -> None:
        """It is the last message that the queue has accepted."""
        self._keys.setdefault(happening.task_id, []).append(str(self._tasks.store.accepted))

    def tell(self, worker: str, run: int, task: Task) -> None:
        """A worker is about to ask for a run."""
        keys = self._keys.get(task.task_id, ())
        if len(keys) > 1:
            key = next(key for key in keys if self._tasks.tasks[key] is task)
            now = self._setting.loop.now
            self._setting.history.tell(RunMeant(at=now, worker=worker, run=run, key=key))


class SimulatedLook:
    """What a load sees of the queue, over a link.

    Args:
        setting: What there is around it.
        tasks: The queue.
        link: The way to the queue.
    """

    def __init__(self, setting: Setting, tasks: Broker, link: Link) -> None:
        self._setting = setting
        self._tasks = tasks
        self._link = link

    async def peek(self, tasks_max: int) -> list[Task | bytes]:
        """Look at what is visible; see `QueueLook`."""
        check_positive("tasks_max", tasks_max)
        return list(await self._link.call(Asked(operation="peek"), partial(self._look, tasks_max)))

    def _look(self, tasks_max: int) -> tuple[Task | bytes, ...]:
        broker = self._tasks
        visible = broker.store.visible(self._setting.loop.now)
        messages = list(itertools.islice(visible, tasks_max))
        tasks = [(message.body, broker.tasks[message.key]) for message in messages]
        return tuple(task if isinstance(task, Task) else body for body, task in tasks)
