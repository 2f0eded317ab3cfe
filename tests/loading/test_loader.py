from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cloud_tasks.clock import SystemClock
from cloud_tasks.core.task import Task
from cloud_tasks.errors import (
    QueueError,
    QueueUnavailableError,
    SendFailedError,
    TaskFileError,
)
from cloud_tasks.interfaces import Clock, QueueInspector, TaskSender
from cloud_tasks.loading import Loader, LoadProgress, LoadSettings, TaskBook
from fakes.clock import VirtualClock
from fakes.queue_model import InMemoryQueue
from fakes.queue_options import QueueOptions
from tests.loading.file_queue import FileQueue

PROGRAM = Path(__file__).with_name("program.py")


def tasks(count: int) -> list[Task]:
    return [Task(f"t{number:05}", {"number": number}) for number in range(count)]


def ids(count: int) -> list[str]:
    return [task.task_id for task in tasks(count)]


class Bench:
    """A database and a queue in memory, and loads from the one into the other."""

    def __init__(self, database: Path, clock: Clock) -> None:
        self.clock = clock
        self.queue = InMemoryQueue(clock)
        self.database = database
        self.progress: list[LoadProgress] = []
        self.book = TaskBook(database, clock)

    def loader(
        self, sender: TaskSender | None = None, inspector: QueueInspector | None = None, **settings: Any
    ) -> Loader:
        return Loader(
            self.book,
            sender or self.queue,
            inspector or self.queue,
            LoadSettings(look_pause_s=0.001, **settings),
            clock=self.clock,
            chance=random.Random(1),  # noqa: S311 - a test
            progress=self.progress.append,
        )

    async def in_queue(self) -> list[str]:
        seen = await self.queue.peek(1_000_000)
        return [task.task_id for task in seen if isinstance(task, Task)]

    def reopen(self) -> None:
        """As after a kill: nobody has tidied up."""
        self.book.close()
        self.book = TaskBook(self.database, self.clock)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path / "job.db", SystemClock())
    yield bench
    bench.book.close()


class Sender:
    """Sends to a queue, and fails as it is told, call by call: before the effect or after it."""

    def __init__(self, queue: InMemoryQueue, *failures: str) -> None:
        self.calls = 0
        self._queue = queue
        self._failures = list(failures)

    async def send(self, task: Task, delay_s: float = 0.0) -> None:
        await self.send_many([task])

    async def send_many(self, tasks: Iterable[Task]) -> None:
        some = list(tasks)
        self.calls += 1
        failure = self._failures.pop(0) if self._failures else ""
        if failure == "before":
            raise QueueUnavailableError("nobody answers")
        if failure == "half":
            await self._queue.send_many(some[::2])
            raise SendFailedError("throttled", tuple(task.task_id for task in some[1::2]))
        if failure == "gone":
            raise QueueError("the queue does not exist")
        await self._queue.send_many(some)
        if failure == "after":
            raise QueueUnavailableError("the reply was lost")


async def test_every_task_is_sent_once_in_the_files_order(bench: Bench) -> None:
    summary = await bench.loader().load(tasks(2345))
    assert await bench.in_queue() == ids(2345)
    assert (summary.total, summary.sent, summary.unsent, summary.stopped) == (2345, 2345, 0, False)
    assert bench.book.counts() == (2345, 0, 2345)
    assert bench.book.in_doubt() == []
    assert bench.progress[-1] == LoadProgress(2345, 2345, 2345)


async def test_no_tasks_are_no_mistake(bench: Bench) -> None:
    summary = await bench.loader().load([])
    assert (summary.total, summary.sent, summary.unsent) == (0, 0, 0)


async def test_the_database_has_every_task_before_the_first_is_sent(bench: Bench) -> None:
    class Looking(Sender):
        async def send_many(self, tasks: Iterable[Task]) -> None:
            assert bench.book.counts()[0] == 500
            await super().send_many(tasks)

    await bench.loader(Looking(bench.queue)).load(tasks(500))
    assert len(await bench.in_queue()) == 500


async def test_a_second_load_of_the_same_file_sends_nothing(bench: Bench) -> None:
    await bench.loader().load(tasks(30))
    bench.reopen()
    summary = await bench.loader().load(tasks(40))
    assert (summary.sent, summary.total) == (10, 40)
    assert await bench.in_queue() == ids(40)


async def test_a_file_with_other_data_is_not_the_same_file(bench: Bench) -> None:
    await bench.loader().load(tasks(3))
    with pytest.raises(TaskFileError, match="t00001"):
        await bench.loader().load([Task("t00001", {"number": 7})])
    assert await bench.in_queue() == ids(3)


@pytest.mark.parametrize("failure", ["before", "after", "half"])
async def test_f38_every_answer_is_looked_at(bench: Bench, failure: str) -> None:
    sender = Sender(bench.queue, "", failure, "", failure)
    loader = bench.loader(sender, concurrent_calls=2, pause_s_first=0.001)
    summary = await loader.load(tasks(100))
    assert sorted(await bench.in_queue()) == ids(100)
    assert (summary.sent + summary.found, summary.unsent) == (100, 0)


async def test_f38_a_call_that_cannot_work_ends_the_load_with_its_reason(bench: Bench) -> None:
    with pytest.raises(QueueError, match="does not exist"):
        await bench.loader(Sender(bench.queue, "", "gone"), concurrent_calls=1).load(tasks(100))
    assert await bench.in_queue() == ids(10)
    bench.reopen()
    summary = await bench.loader().load(tasks(100))
    assert sorted(await bench.in_queue()) == ids(100)
    assert summary.unsent == 0


async def test_f44_an_outage_is_met_with_few_calls_and_growing_pauses(tmp_path: Path) -> None:
    clock = VirtualClock()
    bench = Bench(tmp_path / "job.db", clock)
    sender = Sender(bench.queue, *["before"] * 1000)
    load = asyncio.ensure_future(bench.loader(sender, outage_s_max=120.0).load(tasks(10_000)))
    while not load.done():
        await clock.run_for(1.0)
    with pytest.raises(QueueUnavailableError, match="nobody answers"):
        await load
    assert 120 <= clock.monotonic() <= 150
    assert sender.calls < 130, "a hundred were under way, and then one at a time"
    assert bench.book.counts()[1] + len(bench.book.in_doubt()) == 10_000
    bench.book.close()


async def test_after_an_outage_it_goes_on_at_full_speed(tmp_path: Path) -> None:
    clock = VirtualClock()
    bench = Bench(tmp_path / "job.db", clock)
    sender = Sender(bench.queue, "", "before", "before", "before")
    load = asyncio.ensure_future(bench.loader(sender, concurrent_calls=3).load(tasks(1000)))
    while not load.done():
        await clock.run_for(1.0)
    assert (await load).unsent == 0
    assert sorted(await bench.in_queue()) == ids(1000)
    bench.book.close()


async def test_f38_a_task_that_is_refused_is_named_and_the_others_are_sent(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "job.db", SystemClock())
    bench.queue = InMemoryQueue(bench.clock, QueueOptions(message_size_bytes_max=1000))
    large = Task("large", {"text": "x" * 1000})
    some = tasks(50)
    summary = await bench.loader().load([*some[:25], large, *some[25:]])
    assert sorted(await bench.in_queue()) == ids(50)
    assert summary.unsent == 1
    (problem,) = summary.refused
    assert "'large' cannot be sent" in problem.message
    bench.book.close()


async def test_a_stop_ends_after_the_calls_that_are_under_way(bench: Bench) -> None:
    class Stopping(Sender):
        async def send_many(self, tasks: Iterable[Task]) -> None:
            await super().send_many(tasks)
            if self.calls == 3:
                loader.stop()

    loader = bench.loader(Stopping(bench.queue), concurrent_calls=1)
    summary = await loader.load(tasks(100))
    assert summary.stopped
    assert (summary.sent, summary.unsent) == (30, 70)
    assert await bench.in_queue() == ids(30)
    assert bench.book.in_doubt() == []
    bench.reopen()
    assert (await bench.loader().load(tasks(100))).sent == 70
    assert await bench.in_queue() == ids(100)


async def test_a_stop_while_storing_is_gone_on_from(bench: Bench) -> None:
    loader = bench.loader()
    loader.stop()
    assert (await loader.load(tasks(100))).stopped
    assert await bench.in_queue() == []
    assert (await bench.loader().load(tasks(100))).sent == 100
    assert await bench.in_queue() == ids(100)


async def test_what_a_worker_holds_while_it_is_in_doubt_is_told(bench: Bench) -> None:
    sender = Sender(bench.queue, "", "after", "gone")
    with pytest.raises(QueueError):
        await bench.loader(sender, concurrent_calls=1, pause_s_first=0.001).load(tasks(30))
    assert len(await bench.queue.receive(10, 0)) == 10
    bench.reopen()
    summary = await bench.loader().load(tasks(30))
    assert (summary.found, summary.sent, summary.doubtful) == (10, 10, 10)


class Sampling:
    """Looks at a queue as one looks at SQS: some messages at a time, now and then none."""

    def __init__(self, queue: InMemoryQueue) -> None:
        self.depth, self.purge = queue.depth, queue.purge
        self.create, self.delete = queue.create, queue.delete
        self._queue = queue
        self._chance = random.Random(7)  # noqa: S311 - a test

    async def peek(self, tasks_max: int) -> list[Task | bytes]:
        seen = await self._queue.peek(tasks_max)
        return self._chance.sample(seen, min(len(seen), self._chance.choice([0, 20, 40])))


async def test_a_look_that_shows_only_some_is_repeated(bench: Bench) -> None:
    sender = Sender(bench.queue, "", "after", "gone")
    with pytest.raises(QueueError):
        await bench.loader(sender, concurrent_calls=1, pause_s_first=0.001).load(tasks(100))
    bench.reopen()
    summary = await bench.loader(inspector=Sampling(bench.queue)).load(tasks(100))
    assert sorted(await bench.in_queue()) == ids(100)
    assert (summary.found, summary.doubtful) == (10, 0)


async def test_what_workers_have_finished_meanwhile_is_not_sent_again(bench: Bench) -> None:
    await bench.loader().load(tasks(20))
    bench.book.take(0)
    leases = await bench.queue.receive(10, 0)
    assert len(leases) == 10
    bench.reopen()
    assert (await bench.loader().load(tasks(20))).sent == 0


@pytest.mark.parametrize("killed_after", [1, 40, 230, 600])
def test_f38_a_load_that_is_killed_at_any_point_goes_on_without_duplicates(
    tmp_path: Path, killed_after: int
) -> None:
    database, queue = tmp_path / "job.db", FileQueue(tmp_path / "queue")
    arguments = [str(database), str(tmp_path / "queue"), "1000"]
    program = subprocess.Popen([sys.executable, str(PROGRAM), *arguments, "0.02"])  # noqa: S603 - our own
    try:
        while len(queue.ids()) < killed_after:
            assert program.poll() is None
    finally:
        program.kill()
        program.wait()
    killed_at = len(queue.ids())
    assert killed_after <= killed_at < 1000
    again = [sys.executable, str(PROGRAM), *arguments, "0"]
    subprocess.run(again, check=True, timeout=60)  # noqa: S603 - our own program
    assert [task_id for task_id, count in Counter(queue.ids()).items() if count > 1] == []
    assert sorted(queue.ids()) == ids(1000)
