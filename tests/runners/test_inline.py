"""Functions in the worker's own process."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from cloud_tasks.core.task import EndKind, Json
from cloud_tasks.errors import ConfigurationError
from cloud_tasks.runners.inline import InlineRunner
from cloud_tasks.runners.program import Program
from cloud_tasks.runners.worker_data import WorkerData
from tests.runners import programs
from tests.runners.driving import finish, program, start


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
    assert recorder.told == ["started", "ended"]
    assert time.monotonic() - began < 30
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
