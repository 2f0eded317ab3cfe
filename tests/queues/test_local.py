"""What is particular about the local source: a thread, a bound, and an iterator that may do anything."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from cloud_tasks.core.task import HandBack, Lease, MalformedTask, Outcome, OutcomeKind, Task
from cloud_tasks.errors import EndOfTasks, Problem, SourceFailedError, TaskFileError
from cloud_tasks.queues.local import LocalQueue

DONE = Outcome(OutcomeKind.COMPLETED)
LIMIT_S = 30.0


def numbered(count: int) -> Iterator[Task]:
    return (Task(f"t{number}", {}) for number in range(count))


async def drain(queue: LocalQueue) -> list[Lease]:
    leases: list[Lease] = []
    try:
        while True:
            leases += await queue.receive(8, LIMIT_S)
    except EndOfTasks:
        return leases


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(LIMIT_S):
        while not condition():  # noqa: ASYNC110 - the other side is a thread
            await asyncio.sleep(0.005)


def source_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "task-source"]


async def test_every_item_comes_once_and_in_order() -> None:
    queue = LocalQueue(lambda: numbered(5000))
    leases = await drain(queue)
    assert [lease.task.task_id for lease in leases] == [f"t{number}" for number in range(5000)]
    assert len({lease.key for lease in leases}) == 5000


async def test_a_plain_iterable_will_do() -> None:
    assert len(await drain(LocalQueue(list(numbered(3))))) == 3


async def test_an_empty_source_ends_at_once() -> None:
    assert await drain(LocalQueue([])) == []


async def test_leases_never_expire_and_count_nothing() -> None:
    (lease,) = await drain(LocalQueue(numbered(1)))
    assert (lease.duration_s, lease.delivery_count, lease.interruptions) == (None, None, 0)


async def test_duplicate_ids_have_keys_of_their_own() -> None:
    first, second = await drain(LocalQueue([Task("same", {}), Task("same", {})]))
    assert first.task == second.task
    assert first.key != second.key


async def test_raw_items_are_converted_in_the_thread() -> None:
    names = []

    def convert(item: object) -> Task | MalformedTask:
        names.append(threading.current_thread().name)
        return Task(f"t{item}", {}) if isinstance(item, int) else MalformedTask(b"?", "no number")

    leases = await drain(LocalQueue(lambda: [1, "two", 3], convert=convert))
    assert [lease.task for lease in leases] == [
        Task("t1", {}),
        MalformedTask(b"?", "no number"),
        Task("t3", {}),
    ]
    assert set(names) == {"task-source"}


async def test_f14_what_is_no_task_is_malformed_and_the_rest_goes_on() -> None:
    leases = await drain(LocalQueue(lambda: [Task("a", {}), {"task_id": 1}, "\ud800", Task("b", {})]))
    assert [type(lease.task) for lease in leases] == [Task, MalformedTask, MalformedTask, Task]
    bad = leases[1].task
    assert isinstance(bad, MalformedTask)
    assert bad.raw == b"{'task_id': 1}"
    assert "dict" in bad.reason


async def test_nothing_is_read_before_the_first_receive() -> None:
    read: list[Task] = []
    queue = LocalQueue(lambda: map(read.append, numbered(3)))
    await asyncio.sleep(0)
    assert read == []
    await queue.aclose()


@pytest.mark.parametrize("bound", [1, 2, 7, 100])
async def test_f4_an_endless_source_is_read_no_further_than_the_bound(bound: int) -> None:
    given = itertools.count()
    handed = 0
    read: list[int] = []

    def endless() -> Iterator[Task]:
        for number in given:
            read.append(number)
            yield Task(f"t{number}", {})

    queue = LocalQueue(endless, read_ahead_max=bound)
    for _ in range(50):
        handed += len(await queue.receive(3, LIMIT_S))
        assert len(read) <= handed + bound
    await until(lambda: len(read) >= handed + bound - bound // 2)
    assert len(read) <= handed + bound
    await queue.aclose()
    await until(lambda: not source_threads())


async def test_receive_does_not_suspend_when_tasks_have_been_read() -> None:
    queue = LocalQueue(numbered(100))
    await queue.receive(1, LIMIT_S)
    await until(lambda: not source_threads())
    for _ in range(11):
        with pytest.raises(StopIteration) as caught:
            queue.receive(9, 0.0).send(None)
        assert len(caught.value.value) == 9


async def test_f6_a_source_that_blocks_holds_up_nobody() -> None:
    gate = threading.Event()

    def slow() -> Iterator[Task]:
        yield Task("a", {})
        gate.wait(LIMIT_S)
        yield Task("b", {})

    queue = LocalQueue(slow)
    (first,) = await queue.receive(8, LIMIT_S)
    poll = asyncio.create_task(queue.receive(8, LIMIT_S))
    await asyncio.sleep(0)
    assert await queue.receive(8, 0.01) == []
    await queue.ack(first, DONE)
    assert not poll.done()
    gate.set()
    assert [lease.task.task_id for lease in await poll] == ["b"]
    await queue.aclose()


async def test_f6_a_factory_that_blocks_holds_up_nobody() -> None:
    gate = threading.Event()

    def factory() -> Iterator[Task]:
        gate.wait(LIMIT_S)
        return numbered(1)

    queue = LocalQueue(factory)
    assert await queue.receive(1, 0.01) == []
    gate.set()
    assert len(await drain(queue)) == 1


async def test_f6_a_blocked_source_holds_up_neither_aclose_nor_the_executor() -> None:
    gate = threading.Event()

    def stuck() -> Iterator[Task]:
        gate.wait(LIMIT_S)
        yield Task("late", {})

    await until(lambda: not source_threads())  # those of other tests
    queue = LocalQueue(stuck)
    assert await queue.receive(1, 0.0) == []
    await queue.aclose()
    assert len(source_threads()) == 1
    with pytest.raises(EndOfTasks):
        await queue.receive(1, LIMIT_S)
    await asyncio.get_running_loop().shutdown_default_executor()
    gate.set()
    await until(lambda: not source_threads())
    with pytest.raises(EndOfTasks):
        await queue.receive(1, LIMIT_S)


def test_f6_a_blocked_source_does_not_keep_the_process_alive() -> None:
    program = textwrap.dedent(
        """
        import asyncio, time
        from cloud_tasks.queues.local import LocalQueue

        def stuck():
            time.sleep(600)
            yield

        async def main():
            queue = LocalQueue(stuck)
            assert await queue.receive(1, 0.0) == []

        asyncio.run(main())
        print("over")
        """
    )
    done = subprocess.run(  # noqa: S603 - the program above
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "over\n"
    assert done.stderr == ""


async def test_f15_tasks_read_before_the_source_raised_are_all_handed_out() -> None:
    fault = OSError("the disk is gone")

    def breaks_off() -> Iterator[Task]:
        yield from numbered(20)
        raise fault

    queue = LocalQueue(breaks_off)
    leases: list[Lease] = []
    while len(leases) < 20:
        leases += await queue.receive(3, LIMIT_S)
    with pytest.raises(SourceFailedError, match="failed after 20 tasks: OSError: the disk is gone") as caught:
        await queue.receive(3, LIMIT_S)
    assert [lease.task.task_id for lease in leases] == [f"t{number}" for number in range(20)]
    assert caught.value.__cause__ is fault
    assert (caught.value.tasks_read, caught.value.problems) == (20, ())
    with pytest.raises(EndOfTasks):
        await queue.receive(1, LIMIT_S)


async def test_f15_a_failure_is_told_once_and_the_others_hear_of_the_end() -> None:
    gate = threading.Event()

    def breaks() -> Iterator[Task]:
        gate.wait(LIMIT_S)
        raise OSError("gone")

    queue = LocalQueue(breaks)
    polls = [asyncio.create_task(queue.receive(1, LIMIT_S)) for _ in range(3)]
    await asyncio.sleep(0)
    gate.set()
    ends = await asyncio.gather(*polls, return_exceptions=True)
    assert sorted(type(end).__name__ for end in ends) == ["EndOfTasks", "EndOfTasks", "SourceFailedError"]


async def test_f15_the_problems_of_a_task_file_come_through() -> None:
    problem = Problem("task 3 has no id")

    def reader() -> Iterator[Task]:
        yield Task("a", {})
        raise TaskFileError(problem)

    queue = LocalQueue(reader)
    await queue.receive(1, LIMIT_S)
    with pytest.raises(SourceFailedError, match="failed after 1 task: task 3 has no id") as caught:
        await queue.receive(1, LIMIT_S)
    assert caught.value.problems == (problem,)


@pytest.mark.parametrize(
    "fault", [SystemExit(3), KeyboardInterrupt(), asyncio.CancelledError(), MemoryError()]
)
async def test_f15_no_exception_of_the_source_leaves_the_receiver_waiting(fault: BaseException) -> None:
    def leaves() -> Iterator[Task]:
        yield Task("a", {})
        raise fault

    queue = LocalQueue(leaves)
    await queue.receive(1, LIMIT_S)
    with pytest.raises(SourceFailedError) as caught:
        await queue.receive(1, LIMIT_S)
    assert caught.value.__cause__ is fault


async def test_f15_a_conversion_that_raises_is_a_failure_of_the_source() -> None:
    def convert(item: object) -> Task:
        return Task(f"t{1 // int(str(item))}", {})

    queue = LocalQueue(["1", "0", "1"], convert=convert)
    assert len(await queue.receive(1, LIMIT_S)) == 1
    with pytest.raises(SourceFailedError, match="after 1 task: ZeroDivisionError"):
        await queue.receive(1, LIMIT_S)


async def agenerator() -> AsyncIterator[Task]:
    yield Task("a", {})


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        (lambda: None, "NoneType"),
        (agenerator, "async_generator"),
        (lambda: {"a": 1}, "dict"),
        (lambda: "x", "str"),
    ],
)
async def test_a_function_that_gives_no_series_of_tasks_is_named(
    source: Callable[[], object], kind: str
) -> None:
    queue = LocalQueue(source)  # type: ignore[arg-type]  # the user's mistake
    with pytest.raises(SourceFailedError, match=f"type `{kind}`, which is not a series of tasks") as caught:
        await queue.receive(1, LIMIT_S)
    assert len(caught.value.problems) == 1
    assert caught.value.problems[0].helps


async def test_aclose_ends_the_thread_and_closes_the_generator_there() -> None:
    closed_in: list[str] = []

    def endless() -> Iterator[Task]:
        try:
            for number in itertools.count():
                yield Task(f"t{number}", {})
        finally:
            closed_in.append(threading.current_thread().name)

    queue = LocalQueue(endless, read_ahead_max=10)
    await queue.receive(1, LIMIT_S)
    await queue.aclose()
    await until(lambda: not source_threads())
    assert closed_in == ["task-source"]
    with pytest.raises(EndOfTasks):
        await queue.receive(1, 0.0)


async def test_aclose_before_the_first_receive_reads_nothing() -> None:
    read: list[Task] = []
    queue = LocalQueue(lambda: map(read.append, numbered(3)))
    await queue.aclose()
    with pytest.raises(EndOfTasks):
        await queue.receive(1, LIMIT_S)
    assert read == []


async def test_settled_leases_leave_nothing_behind() -> None:
    queue = LocalQueue(numbered(300))
    for lease in await drain(queue):
        how = int(lease.key) % 3
        if how == 0:
            await queue.ack(lease, DONE)
        elif how == 1:
            await queue.nack(lease, 0.0, HandBack.RETRY)
        else:
            await queue.dead_letter(lease, "bad")
    assert not queue._outstanding


async def test_cancelling_many_receivers_in_a_stream_of_tasks_loses_none() -> None:
    seen: list[Lease] = []
    queue = LocalQueue(lambda: numbered(3000), read_ahead_max=4)

    async def receiver() -> None:
        while True:
            seen.extend(await queue.receive(2, LIMIT_S))
            await asyncio.sleep(0)

    try:
        async with asyncio.timeout(LIMIT_S), asyncio.TaskGroup() as group:
            steady = group.create_task(receiver())
            while not steady.done():
                doomed = group.create_task(receiver())
                await asyncio.sleep(0)
                doomed.cancel()
    except* EndOfTasks:
        pass
    assert sorted(int(lease.task.task_id[1:]) for lease in seen) == list(range(3000))


@pytest.fixture
def _hasty_threads() -> Iterator[None]:
    """Let the threads take turns as often as they can, so that rare interleavings are common."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("_hasty_threads")
@pytest.mark.parametrize("bound", [1, 2])
async def test_no_wake_up_is_lost_between_the_threads(bound: int) -> None:
    async with asyncio.timeout(LIMIT_S * 2):
        for count in itertools.islice(itertools.cycle(range(6)), 1200):
            assert len(await drain(LocalQueue(lambda: numbered(count), read_ahead_max=bound))) == count  # noqa: B023


@pytest.mark.usefixtures("_hasty_threads")
async def test_no_task_waits_for_the_next_one() -> None:
    taken = threading.Event()

    def one_at_a_time() -> Iterator[Task]:
        for task in numbered(3000):
            taken.clear()
            yield task
            taken.wait(LIMIT_S)

    queue = LocalQueue(one_at_a_time)
    async with asyncio.timeout(LIMIT_S):
        for _ in range(3000):
            assert len(await queue.receive(1, LIMIT_S)) == 1
            taken.set()
    await queue.aclose()


@pytest.mark.usefixtures("_hasty_threads")
async def test_f15_the_end_is_never_told_before_the_last_task() -> None:
    for _ in range(1500):
        queue = LocalQueue(lambda: numbered(1))
        got: list[Lease] = []
        with contextlib.suppress(EndOfTasks):
            async with asyncio.timeout(LIMIT_S):
                while True:
                    got += await queue.receive(1, 0.0)
        assert len(got) == 1


async def test_many_tasks_pass_through_a_bounded_buffer() -> None:
    """Memory stays flat because at most the bound is ever held; the rate is a sanity check, far below par."""
    count = 100_000
    most = 0
    queue = LocalQueue(lambda: numbered(count))
    began = time.monotonic()
    done = 0
    while done < count:
        for lease in await queue.receive(8, LIMIT_S):
            await queue.ack(lease, DONE)
            done += 1
        most = max(most, len(queue._reader._buffer))
    assert most <= 1000
    assert count / (time.monotonic() - began) > 2_000


@pytest.mark.parametrize("bound", [0, -5])
def test_a_bound_must_be_positive(bound: int) -> None:
    with pytest.raises(ValueError, match="read_ahead_max"):
        LocalQueue([], read_ahead_max=bound)
