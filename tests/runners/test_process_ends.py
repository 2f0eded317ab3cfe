"""How runs in processes end, and what is said of it."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable

import pytest

from cloud_tasks.core.task import EndKind, Json, Task
from cloud_tasks.interfaces import RunSpec, TaskRunner
from cloud_tasks.runners.process import ProcessRunner
from tests.runners import programs
from tests.runners.driving import Recorder, Written, decoded, finish, open_fds, own_children, program, start


@pytest.fixture
async def runner() -> AsyncIterator[TaskRunner]:
    made = ProcessRunner(program(programs.behave), output=Written())
    await made.open()
    yield made
    await made.aclose()


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
async def test_f33_a_function_runs_in_a_process_and_session_of_its_own(method: str) -> None:
    runner = ProcessRunner(program(programs.who), start_method=method, output=Written())
    await runner.open()
    try:
        recorder = Recorder()
        before = time.monotonic()
        runner.start(RunSpec(Task("a", {}), 3, max_runtime_s=1000), recorder)
        await recorder.wait("gone")
        told = decoded(recorder.end)
        assert isinstance(told, dict)
        assert told["pid"] == told["session"] == recorder.pid != os.getpid()
        assert (told["id"], told["attempt"]) == ("a", 3)
        assert before + 1000 <= float(str(told["deadline"])) <= time.monotonic() + 1000
        assert recorder.end.retry is True
        assert recorder.end.peak_memory_bytes is not None
        assert recorder.end.peak_memory_bytes > 1_000_000
    finally:
        await runner.aclose()


async def test_a_run_tells_nothing_from_within_start(runner: TaskRunner) -> None:
    _, recorder = start(runner, {"do": "return", "value": "list"})
    assert recorder.told == []
    await recorder.wait("gone")
    assert recorder.result == "x"


async def test_f17_a_value_that_was_returned_counts_although_a_thread_goes_on(runner: TaskRunner) -> None:
    run, recorder = start(runner, {"do": "leave_thread"})
    await recorder.until(lambda: bool(recorder.steps))
    await asyncio.sleep(0.3)
    assert not recorder.ends, "a process waits for its threads, as every program does"
    run.stop()
    await recorder.wait("gone")
    assert (recorder.end.kind, recorder.result) == (EndKind.RETURNED, "returned")


@pytest.mark.parametrize(("fork", "status"), [("returns", 0), ("raises", 1), ("exits", 3)])
@pytest.mark.parametrize("function", [programs.behave, programs.fork_in_coroutine])
async def test_what_a_task_forks_and_lets_return_answers_for_nobody(
    function: Callable[..., object], fork: str, status: int
) -> None:
    written = Written()
    runner = ProcessRunner(program(function), output=written)
    await runner.open()
    try:
        recorder = await finish(runner, {"do": "fork_and_return", "fork": fork})
        assert recorder.result == status
        assert written.text("task", "stdout").startswith("the fork was here\n")
        assert ("ValueError: in the fork" in written.text("task", "stderr")) is (fork == "raises")
    finally:
        await runner.aclose()


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("none", "returned None (of type NoneType)"),
        ("text", "returned 'ab' (of type str)"),
        ("triple", "returned (True, 1, 2) (of type tuple)"),
        ("retry_none", "returned None (of type NoneType) as retry"),
        ("retry_one", "returned 1 (of type int) as retry"),
        ("tagged", "returned 'exception' (of type str) as retry"),
        ("strange", "<repr raised RuntimeError>"),
    ],
)
async def test_f28_a_wrong_return_value_is_named(runner: TaskRunner, value: str, words: str) -> None:
    recorder = await finish(runner, {"do": "return", "value": value})
    assert recorder.end.kind is EndKind.WRONG_RETURN
    assert words in recorder.end.exception


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("set", "result['a'][3] is a set, which JSON cannot hold"),
        ("nan", "result['a']['b'] is nan, which JSON cannot hold"),
        ("bytes_key", "a key of result['a'] is a bytes"),
        ("surrogate", "result[1] holds a lone surrogate at character 1"),
        ("digits", "result['n'] is an integer of some"),
        ("circle", "result[0] contains itself"),
        ("deep", "nested more than 500 levels deep"),
        ("very_deep", "nested more than 500 levels deep"),
        ("object", "_Strange"),
        ("number_and_text", "result['a'][1] has the keys 1 and '1', of which JSON makes one"),
        ("none_and_text", "result has the keys 'null' and None, of which JSON makes one"),
    ],
)
async def test_f16_a_result_that_json_cannot_hold_is_a_named_end(
    runner: TaskRunner, value: str, words: str
) -> None:
    recorder = await finish(runner, {"do": "return", "value": value})
    assert recorder.end.kind is EndKind.NOT_SERIALIZABLE
    assert words in recorder.end.exception


@pytest.mark.parametrize(
    ("value", "result"),
    [
        ("path", ["/a/b", {"p": "gs://bucket/key"}]),
        ("big_number", 2**200),
        ("list", "x"),
        ("keys", [{"1": 1, "2": 2, "-1.5": 3}, {"1": "true"}, {"true": 1, "None": 2}]),
    ],
)
async def test_results_that_json_can_hold(runner: TaskRunner, value: str, result: object) -> None:
    recorder = await finish(runner, {"do": "return", "value": value})
    assert recorder.end.kind is EndKind.RETURNED
    assert recorder.result == result


async def test_a_result_may_be_nested_deeply(runner: TaskRunner) -> None:
    recorder = await finish(runner, {"do": "return", "value": "not_too_deep"})
    assert recorder.end.kind is EndKind.RETURNED


@pytest.mark.parametrize("size", [0, 1000, 65_535, 65_536, 65_537, 200_000, 1 << 20, 8 << 20])
async def test_f2_results_of_any_size_come_back(runner: TaskRunner, size: int) -> None:
    recorder = await finish(runner, {"do": "size", "size": size})
    assert recorder.result == "x" * size


async def test_f2_a_result_that_is_too_large_is_refused_by_its_size(runner: TaskRunner) -> None:
    recorder = await finish(runner, {"do": "size", "size": 257 << 20})
    assert recorder.end.kind is EndKind.NOT_SERIALIZABLE
    assert "269,484,034 bytes long as JSON; the limit is 268,435,456" in recorder.end.exception


async def test_inputs_of_any_size_and_kind_go_in() -> None:
    runner = ProcessRunner(program(programs.echo), output=Written())
    await runner.open()
    try:
        data: dict[str, Json] = {
            "large": "ä" * 3_000_000,
            "number": 2**100,
            "surrogate": "\ud800",
            "nested": [None, {"a": 1.5}],
        }
        recorder = Recorder()
        runner.start(RunSpec(Task("task", data), 1), recorder)
        await recorder.wait("gone")
        assert "lone surrogate" in recorder.end.exception
        del data["surrogate"]
        recorder = await finish(runner, data)
        assert recorder.result == data
    finally:
        await runner.aclose()


async def test_f14_a_task_that_cannot_be_started_harms_no_other(runner: TaskRunner) -> None:
    _, good = start(runner, {"do": "return", "value": "list"})
    _, bad = start(runner, {"do": object()})  # type: ignore[dict-item]
    _, also_good = start(runner, {"do": "return", "value": "list"})
    await good.wait("gone")
    await also_good.wait("gone")
    assert bad.told == ["start_failed"]
    assert "cannot be handed to a process" in bad.reason


async def test_f1_a_child_killed_in_the_midst_of_writing_is_noticed(runner: TaskRunner) -> None:
    recorder = await finish(runner, {"do": "killed_while_writing"})
    assert recorder.end.kind is EndKind.EXITED
    assert recorder.end.signal == "SIGKILL"
    assert (await finish(runner, {"do": "return", "value": "list"})).result == "x"


async def test_an_exception_is_told_from_the_users_first_frame_on(runner: TaskRunner) -> None:
    recorder = await finish(runner, {"do": "raise"})
    assert recorder.end.kind is EndKind.RAISED
    lines = recorder.end.exception.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert "programs.py" in lines[1]
    assert lines[-1] == "ValueError: the message"
    assert "cloud_tasks/runners/child.py" not in recorder.end.exception


async def test_an_exception_that_cannot_be_shown_is_named(runner: TaskRunner) -> None:
    recorder = await finish(runner, {"do": "raise_strange"})
    assert recorder.end.kind is EndKind.RAISED
    assert "StrangeError" in recorder.end.exception


async def test_a_long_exception_is_cut_in_the_middle(runner: TaskRunner) -> None:
    recorder = await finish(runner, {"do": "raise_long"})
    assert len(recorder.end.exception) < 70_000
    assert "BEGIN" in recorder.end.exception
    assert "END" in recorder.end.exception
    assert "characters left out" in recorder.end.exception


async def test_f29_a_memory_error_without_a_limit_is_an_exception(runner: TaskRunner) -> None:
    recorder = await finish(runner, {"do": "memory_error"})
    assert recorder.end.kind is EndKind.RAISED
    assert recorder.end.exception.endswith("MemoryError\n")


async def test_f29_a_memory_error_under_a_limit_names_the_limit(runner: TaskRunner) -> None:
    data: dict[str, Json] = {"do": "allocate", "size": 2 << 30}
    recorder = await finish(runner, data, memory_limit_bytes=1 << 30)
    assert recorder.end.kind is EndKind.MEMORY_LIMIT
    assert "limit of 1,073,741,824 bytes" in recorder.end.exception
    recorder = await finish(runner, {"do": "allocate", "size": 1 << 20}, memory_limit_bytes=1 << 30)
    assert recorder.result == 1 << 20


@pytest.mark.parametrize("do", ["exit", "hard_exit"])
@pytest.mark.parametrize("status", [0, 3, 74])
async def test_f30_a_premature_exit_tells_its_status(runner: TaskRunner, do: str, status: int) -> None:
    recorder = await finish(runner, {"do": do, "status": status})
    assert recorder.end.kind is EndKind.EXITED
    assert (recorder.end.exit_code, recorder.end.signal) == (status, "")
    if do == "exit":
        assert recorder.end.stderr_tail.startswith("last words")


async def test_sys_exit_with_words(runner: TaskRunner) -> None:
    recorder = await finish(runner, {"do": "exit", "status": "it went wrong"})
    assert (recorder.end.kind, recorder.end.exit_code) == (EndKind.EXITED, 1)
    assert recorder.end.stderr_tail == "last words\nit went wrong"


@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM", "SIGABRT"])
async def test_f30_a_signal_is_told_by_name(runner: TaskRunner, name: str) -> None:
    recorder = await finish(runner, {"do": "suicide", "signal": name})
    end = recorder.end
    assert (end.kind, end.signal, end.oom_killed) == (EndKind.EXITED, name, False)
    assert end.exit_code is not None
    assert end.exit_code < 0
    assert end.peak_memory_bytes is not None
    assert end.stderr_tail.splitlines() == [f"line {number}" for number in range(80, 100)]


async def test_f30_a_crash_of_the_interpreter_is_told(runner: TaskRunner) -> None:
    recorder = await finish(runner, {"do": "segfault"})
    assert recorder.end.signal == "SIGSEGV"


async def test_f17_a_result_that_was_complete_before_the_kill_counts(runner: TaskRunner) -> None:
    """The kill is asked for at every stage of the run, and the end is either the whole result or an exit."""
    kinds = []
    for pause in range(0, 60, 2):
        run, recorder = start(runner, {"do": "return", "value": "list"})
        await asyncio.sleep(pause / 10_000)
        run.kill()
        await recorder.until(lambda recorder=recorder: recorder.told[-1:] in (["gone"], ["start_failed"]))  # type: ignore[misc]
        if recorder.told != ["start_failed"]:
            kinds.append(recorder.end.kind)
            if recorder.end.kind is EndKind.RETURNED:
                assert recorder.result == "x"
    assert set(kinds) <= {EndKind.RETURNED, EndKind.EXITED}


async def test_f17_a_task_that_finishes_on_sigterm_has_finished(runner: TaskRunner) -> None:
    run, recorder = start(runner, {"do": "finish_on_sigterm"})
    await recorder.until(lambda: recorder.steps != [])
    run.stop()
    await recorder.wait("gone")
    assert recorder.result == "finished in time"


async def test_stop_ends_a_task_with_sigterm(runner: TaskRunner) -> None:
    run, recorder = start(runner, {"do": "hang"})
    await recorder.wait("started")
    run.stop()
    await recorder.wait("gone")
    assert (recorder.end.kind, recorder.end.signal) == (EndKind.EXITED, "SIGTERM")


async def test_kill_ends_a_task_that_ignores_sigterm(runner: TaskRunner) -> None:
    run, recorder = start(runner, {"do": "ignore_sigterm"})
    await recorder.until(lambda: recorder.steps != [])
    run.stop()
    run.kill()
    run.kill()
    await recorder.wait("gone")
    assert (recorder.end.kind, recorder.end.signal, recorder.end.oom_killed) == (
        EndKind.EXITED,
        "SIGKILL",
        False,
    )
    run.kill()
    run.stop()


async def test_an_end_is_told_within_milliseconds(runner: TaskRunner) -> None:
    late = []
    for _ in range(21):
        run, recorder = start(runner, {"do": "hang"})
        await recorder.wait("started")
        began = time.monotonic()
        run.kill()
        await recorder.wait("gone")
        late.append(time.monotonic() - began)
    assert sorted(late)[10] < 0.5


async def test_async_functions_and_the_older_form_run_too() -> None:
    for function, data, result, retry in (
        (programs.coroutine, {}, "awaited", False),
        (programs.older, {"success": True}, "result", False),
        (programs.older, {"success": False}, "result", True),
    ):
        older = function is programs.older
        runner = ProcessRunner(program(function, success_first=older), output=Written())
        await runner.open()
        try:
            recorder = await finish(runner, data)
            assert (recorder.result, recorder.end.retry) == (result, retry)
        finally:
            await runner.aclose()


async def test_nothing_is_left_after_closing() -> None:
    async def whole_life() -> None:
        runner = ProcessRunner(program(programs.behave), output=Written())
        await runner.open()
        recorders = [start(runner, {"do": "return", "value": "list"})[1] for _ in range(5)]
        hanging = [start(runner, {"do": "hang"})[1] for _ in range(2)]
        for recorder in recorders:
            await recorder.wait("gone")
        await runner.aclose()
        assert all(recorder.told[-1] in {"gone", "start_failed"} for recorder in hanging)

    others = own_children()  # those of other tests: servers that all of them share
    await whole_life()
    before = open_fds()
    for _ in range(3):
        await whole_life()
    assert open_fds() == before
    assert own_children() <= others


async def test_a_task_whose_words_nobody_can_take_is_slowed_down_and_loses_none() -> None:
    taken: list[bytes] = []

    def slowly(task_id: str, stream: str, chunk: bytes) -> bool:
        taken.append(chunk)
        return False

    runner = ProcessRunner(program(programs.behave), output=slowly)
    await runner.open()
    began = time.monotonic()
    recorder = await finish(runner, {"do": "write_much", "size_bytes": 1_000_000})
    await runner.aclose()
    assert recorder.end.kind is EndKind.RETURNED
    assert len(b"".join(taken)) == 1_000_000
    assert time.monotonic() - began > 0.2, "a pipe holds 64 KiB, and each of them had to wait"
