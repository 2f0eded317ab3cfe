"""Functions in the worker's own process."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import threading
import time
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from cloud_tasks.core.task import EndKind, Json
from cloud_tasks.errors import ConfigurationError
from cloud_tasks.runners.inline import InlineRunner
from cloud_tasks.runners.inline_run import InlineRun
from cloud_tasks.runners.program import Program
from cloud_tasks.runners.stuck import StuckWatch
from cloud_tasks.runners.worker_data import WorkerData
from tests.runners import programs
from tests.runners.driving import Recorder, finish, program, start, until


@asynccontextmanager
async def inline(function: Callable[..., object], concurrency: int = 2) -> AsyncIterator[InlineRunner]:
    runner = InlineRunner(program(function), concurrency)
    await runner.open()
    try:
        yield runner
    finally:
        await runner.aclose()


async def test_async_functions_run_on_the_workers_loop() -> None:
    async def where(task_id: str, data: dict[str, object], worker_data: WorkerData) -> tuple[bool, object]:
        await asyncio.sleep(0)
        return True, [id(asyncio.get_running_loop()), threading.current_thread().name]

    async with inline(where) as runner:
        recorder = await finish(runner)
        assert recorder.result == [id(asyncio.get_running_loop()), threading.current_thread().name]
        assert recorder.end.retry is True
        assert recorder.pid == os.getpid()


async def test_plain_functions_run_in_daemon_threads() -> None:
    def where(task_id: str, data: dict[str, object], worker_data: WorkerData) -> tuple[bool, object]:
        worker_data.progress(1, 2)
        worker_data.progress(2, 2)
        return False, [
            threading.current_thread().daemon,
            threading.current_thread() is threading.main_thread(),
        ]

    async with inline(where) as runner:
        recorder = await finish(runner)
        assert recorder.result == [True, False]
        assert recorder.steps == [(1.0, 2.0), (2.0, 2.0)]


async def test_no_more_run_at_a_time_than_asked_for() -> None:
    running = 0
    most = 0

    async def count(task_id: str, data: dict[str, object], worker_data: WorkerData) -> tuple[bool, object]:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.001)
        running -= 1
        return False, None

    async with inline(count, 3) as runner:
        recorders = [start(runner)[1] for _ in range(20)]
        for recorder in recorders:
            await recorder.wait("gone")
    assert most == 3


@pytest.mark.parametrize(
    ("data", "kind", "words"),
    [
        ({"do": "return", "value": "text"}, EndKind.WRONG_RETURN, "'ab' (of type str)"),
        ({"do": "return", "value": "set"}, EndKind.NOT_SERIALIZABLE, "result['a'][3] is a set"),
        ({"do": "raise"}, EndKind.RAISED, "ValueError: the message"),
        ({"do": "memory_error"}, EndKind.RAISED, "MemoryError"),
        ({"do": "exit", "status": 3}, EndKind.EXITED, "sys.exit"),
    ],
)
async def test_f28_ends_are_told_as_elsewhere(data: dict[str, Json], kind: EndKind, words: str) -> None:
    async with inline(programs.behave) as runner:
        recorder = await finish(runner, data)
        assert recorder.end.kind is kind
        assert words in recorder.end.exception


async def test_sys_exit_in_an_async_function_does_not_end_the_worker() -> None:
    async def leave(task_id: str, data: dict[str, object], worker_data: WorkerData) -> tuple[bool, object]:
        sys.exit(5)

    async with inline(leave) as runner:
        recorder = await finish(runner)
        assert (recorder.end.kind, recorder.end.exit_code) == (EndKind.EXITED, 5)


async def cancelled_within(task_id: str, data: dict[str, object], worker_data: WorkerData) -> object:
    """It awaits what somebody else cancels."""
    other = asyncio.ensure_future(asyncio.sleep(600))
    await asyncio.sleep(0)
    other.cancel()
    await other
    return False, None


def cancelled_in_its_thread(task_id: str, data: dict[str, object], worker_data: WorkerData) -> object:
    return asyncio.run(cancelled_within(task_id, data, worker_data))


@pytest.mark.parametrize("function", [cancelled_within, cancelled_in_its_thread])
async def test_a_cancellation_that_nobody_asked_for_is_an_exception_like_others(function: Any) -> None:
    """As in a process of its own: nothing has ended, and the traceback says where it came from."""
    async with inline(function) as runner:
        recorder = await finish(runner)
        assert recorder.end.kind is EndKind.RAISED
        assert "Traceback" in recorder.end.exception
        assert "in cancelled_within" in recorder.end.exception
        assert "CancelledError" in recorder.end.exception


async def test_stop_cancels_an_async_function() -> None:
    async def wait(task_id: str, data: dict[str, object], worker_data: WorkerData) -> tuple[bool, object]:
        await asyncio.sleep(600)
        return False, None

    async with inline(wait) as runner:
        run, recorder = start(runner)
        await recorder.wait("started")
        run.stop()
        await recorder.wait("gone")
        assert recorder.end.kind is EndKind.EXITED
        assert "interrupted" in recorder.end.exception


async def test_a_killed_thread_is_told_to_be_interrupted_and_gone_when_it_really_is() -> None:
    release = threading.Event()

    def block(task_id: str, data: dict[str, object], worker_data: WorkerData) -> tuple[bool, object]:
        release.wait()
        return False, None

    async with inline(block) as runner:
        run, recorder = start(runner)
        await recorder.wait("started")
        run.kill()
        await recorder.wait("ended")
        assert recorder.told == ["started", "ended"]
        assert (recorder.end.kind, recorder.end.exit_code) == (EndKind.EXITED, None)
        assert "a thread cannot be killed" in recorder.end.exception
        release.set()
        await recorder.wait("gone")
        assert len(recorder.ends) == 1


async def test_closing_is_bounded_whatever_a_thread_does() -> None:
    release = threading.Event()

    def block(task_id: str, data: dict[str, object], worker_data: WorkerData) -> tuple[bool, object]:
        release.wait()
        return False, None

    began = time.monotonic()
    async with inline(block) as runner:
        _, recorder = start(runner)
        await recorder.wait("started")
        await runner.aclose()
        closed = time.monotonic()
    assert recorder.told == ["started", "ended"]
    assert closed - began < 30
    assert time.monotonic() - closed < 1  # a second time there is nothing to wait for
    release.set()


async def test_flags_and_settings_are_those_of_the_run() -> None:
    def look(task_id: str, data: dict[str, object], worker_data: WorkerData) -> tuple[bool, object]:
        return False, [worker_data.received_shutdown_request, worker_data.received_termination_notice]

    async with inline(look) as runner:
        runner.notify(shutdown=True)
        assert (await finish(runner)).result == [True, False]


async def test_a_memory_limit_is_refused() -> None:
    limited = WorkerData()
    limited.max_memory_allowed_per_task = 1.0
    with pytest.raises(ConfigurationError, match="cannot limit"):
        InlineRunner(Program(programs.echo, limited), 1)
    with pytest.raises(ConfigurationError, match="at least one"):
        InlineRunner(program(programs.echo), 0)
    async with inline(programs.echo) as runner:
        _, recorder = start(runner, memory_limit_bytes=1 << 30)
        await recorder.until(lambda: recorder.told == ["start_failed"])


def decorated(function: Callable[[], Awaitable[tuple[bool, object]]]) -> Callable[..., object]:
    """What a decorator that knows nothing of coroutines makes of one."""

    def plain(task_id: str, data: dict[str, object], worker_data: WorkerData) -> object:
        time.sleep(0.05)
        return function()

    return plain


async def free(runner: InlineRunner) -> None:
    """Fails if the runner's only slot is taken for good."""
    recorder = await asyncio.wait_for(finish(runner), 5)
    assert recorder.end.kind in (EndKind.RETURNED, EndKind.EXITED)


async def test_a_stop_in_the_turn_of_the_start_gives_the_slot_back() -> None:
    called: list[str] = []

    async def note(task_id: str, data: dict[str, object], worker_data: WorkerData) -> tuple[bool, object]:
        await asyncio.sleep(0)
        called.append(task_id)
        return False, None

    async with inline(note, 1) as runner:
        run, recorder = start(runner)
        run.stop()
        await asyncio.wait_for(recorder.wait("gone"), 5)
        assert "cancelled" in recorder.end.exception
        assert called == []
        await free(runner)
        assert called == ["task"]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("before", [0.0, 0.02])
async def test_a_stop_while_the_thread_part_runs_closes_what_it_returns(before: float) -> None:
    called: list[str] = []

    async def note() -> tuple[bool, object]:
        await asyncio.sleep(0)
        called.append("note")
        return False, None

    async with inline(decorated(note), 1) as runner:
        run, recorder = start(runner)
        await asyncio.sleep(before)
        run.stop()
        await asyncio.wait_for(recorder.wait("gone"), 5)
        assert "cancelled" in recorder.end.exception
        assert called == []
        gc.collect()  # a coroutine that nobody awaited would be told of now
        await free(runner)
        assert called == ["note"]


async def test_a_stop_between_the_thread_part_and_the_rest_gives_the_slot_back() -> None:
    returned: list[asyncio.Future[tuple[bool, object]]] = []
    loop = asyncio.get_running_loop()

    def wait(task_id: str, data: dict[str, object], worker_data: WorkerData) -> object:
        returned.append(loop.create_future())
        return returned[-1]

    async with inline(wait, 1) as runner:
        run, recorder = start(runner)
        assert isinstance(run, InlineRun)
        while run.task is None:  # noqa: ASYNC110 - to be there before the task's first step
            await asyncio.sleep(0)
        run.stop()
        await asyncio.wait_for(recorder.wait("gone"), 5)
        assert returned[0].cancelled()
        assert "cancelled" in recorder.end.exception


async def test_closing_does_not_wait_for_what_was_abandoned() -> None:
    release = threading.Event()

    def block(task_id: str, data: dict[str, object], worker_data: WorkerData) -> tuple[bool, object]:
        release.wait()
        return False, None

    runner = InlineRunner(program(block), 2)
    await runner.open()
    try:
        run, recorder = start(runner)
        await recorder.wait("started")
        run.kill()
        await recorder.wait("ended")
        began = time.monotonic()
        await runner.aclose()
        assert time.monotonic() - began < 1
    finally:
        release.set()
    await recorder.wait("gone")


async def test_runs_that_hold_every_slot_for_long_are_told_of() -> None:
    first, release = threading.Event(), threading.Event()
    told: list[list[str]] = []

    def block(task_id: str, data: dict[str, object], worker_data: WorkerData) -> tuple[bool, object]:
        (first if task_id == "first" else release).wait(30)
        return False, None

    watch = StuckWatch(2, 0.1, lambda tasks: told.append([task.task_id for task in tasks]))
    runner = InlineRunner(program(block), 2, watch)
    await runner.open()

    async def give_up(task_id: str) -> Recorder:
        run, recorder = start(runner, task_id=task_id)
        await recorder.wait("started")
        run.kill()
        return await recorder.wait("ended")

    try:
        one, _ = await give_up("first"), await give_up("second")
        first.set()
        await one.wait("gone")
        await asyncio.sleep(0.2)
        assert told == []  # one slot was free again in time
        await give_up("third")
        await until(lambda: told != [], 5)
        assert told == [["second", "third"]]
    finally:
        release.set()
        await runner.aclose()


class Slow:
    """A path that takes its time: the interpreter lets other threads run meanwhile."""

    def __init__(self, began: threading.Event, other_failed: threading.Event) -> None:
        self._began = began
        self._other_failed = other_failed

    def __fspath__(self) -> str:
        self._began.set()
        self._other_failed.wait(10)
        return "path"


async def test_a_result_that_json_cannot_hold_does_not_spoil_another() -> None:
    began, other_failed = threading.Event(), threading.Event()

    def answer(task_id: str, data: dict[str, object], worker_data: WorkerData) -> tuple[bool, object]:
        if data.get("slow"):
            return False, [[Slow(began, other_failed)]]
        began.wait(10)
        return False, [[object()]]

    async with inline(answer) as runner:
        _, slow = start(runner, {"slow": True})
        bad = await finish(runner)
        other_failed.set()
        await slow.wait("gone")
    assert bad.end.kind is EndKind.NOT_SERIALIZABLE
    assert slow.result == [["path"]]


async def test_one_container_in_two_results_at_once_is_no_circle() -> None:
    began, other_done = threading.Event(), threading.Event()
    shared: list[object] = [Slow(began, other_done)]

    def answer(task_id: str, data: dict[str, object], worker_data: WorkerData) -> tuple[bool, object]:
        if not data.get("slow"):
            began.wait(10)
            shared[0] = 1
        return False, shared

    async with inline(answer) as runner:
        _, slow = start(runner, {"slow": True})
        other = await finish(runner)
        other_done.set()
        await slow.wait("gone")
    assert (other.result, slow.result) == ([1], ["path"])


@pytest.mark.parametrize("kind", ["coroutine", "plain", "returns a coroutine", "raises", "unstarted"])
async def test_nothing_of_a_run_that_is_over_waits_for_the_garbage_collector(kind: str) -> None:
    """Going through all that a worker has imported takes longer than many a task."""

    async def waiting(task_id: str, data: dict[str, object], worker_data: WorkerData) -> tuple[bool, object]:
        worker_data.progress(1, 2)
        await asyncio.sleep(0)
        return False, task_id

    def plain(task_id: str, data: dict[str, object], worker_data: WorkerData) -> tuple[bool, object]:
        return False, task_id

    def returning(task_id: str, data: dict[str, object], worker_data: WorkerData) -> object:
        return waiting(task_id, data, worker_data)

    async def raising(task_id: str, data: dict[str, object], worker_data: WorkerData) -> tuple[bool, object]:
        raise ValueError(task_id)

    functions: dict[str, Callable[..., object]] = {
        "plain": plain,
        "returns a coroutine": returning,
        "raises": raising,
    }
    async with inline(functions.get(kind, waiting)) as runner:
        gc.collect()
        gc.disable()
        try:
            run, recorder = start(runner)
            assert isinstance(run, InlineRun)
            if kind == "unstarted":
                run.stop()
            left = weakref.ref(run), weakref.ref(run.worker_data)
            del run
            await recorder.wait("gone")
            await until(lambda: all(one() is None for one in left), 5.0)
        finally:
            gc.enable()


async def test_progress_that_is_told_after_the_end_is_nobodys() -> None:
    kept: list[WorkerData] = []

    async def keeping(task_id: str, data: dict[str, object], worker_data: WorkerData) -> tuple[bool, object]:
        kept.append(worker_data)
        await asyncio.sleep(0)
        return False, None

    async with inline(keeping) as runner:
        recorder = await finish(runner)
        kept[0].progress(1, 2)
        await asyncio.sleep(0)
        assert recorder.steps == []
