"""Warm processes."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from cloud_tasks.core.task import EndKind, Json
from cloud_tasks.errors import ConfigurationError
from cloud_tasks.runners.pool import PoolRunner
from tests.runners import programs
from tests.runners.driving import Written, finish, is_alive, open_fds, program, start


@pytest.fixture
def written() -> Written:
    return Written()


@pytest.fixture
async def pool(written: Written) -> AsyncIterator[PoolRunner]:
    made = PoolRunner(program(programs.behave), 2, output=written)
    await made.open()
    yield made
    await made.aclose()


async def test_members_run_task_after_task() -> None:
    pool = PoolRunner(program(programs.who), 2, output=Written())
    await pool.open()
    try:
        recorders = [start(pool, task_id=str(number))[1] for number in range(20)]
        for recorder in recorders:
            await recorder.wait("gone")
        assert [recorder.result["id"] for recorder in recorders] == [str(n) for n in range(20)]  # type: ignore[index, call-overload]
        assert len({recorder.pid for recorder in recorders}) <= 2  # one may be done before the other is there
    finally:
        await pool.aclose()


async def test_a_warm_process_keeps_its_state(pool: PoolRunner) -> None:
    counters = [(await finish(pool, {"do": "state"})).result["counter"] for _ in range(4)]  # type: ignore[index, call-overload]
    assert counters != [1, 1, 1, 1]


@pytest.mark.parametrize("do", ["kill_parent", "kill_group", "hard_exit", "exit", "segfault"])
async def test_f8_a_member_that_dies_is_replaced_and_disturbs_no_other(pool: PoolRunner, do: str) -> None:
    _, sister = start(pool, {"do": "flags"})
    await sister.wait("started")
    for _ in range(5):
        recorder = await finish(pool, {"do": do, "status": 3})
        assert recorder.end.kind is EndKind.EXITED
    pool.notify(termination=True, shutdown=True)
    assert (await sister.wait("gone")).end.kind is EndKind.RETURNED
    recorders = [start(pool, {"do": "return", "value": "list"})[1] for _ in range(10)]
    for recorder in recorders:
        assert (await recorder.wait("gone")).result == "x"


@pytest.mark.parametrize("fork", ["returns", "raises", "exits"])
async def test_what_a_task_forks_and_lets_return_takes_no_further_task(pool: PoolRunner, fork: str) -> None:
    forking = [start(pool, {"do": "fork_and_return", "fork": fork})[1] for _ in range(2)]
    others = [start(pool, {"do": "size", "size": size})[1] for size in range(20)]
    for recorder in forking:
        assert (await recorder.wait("gone")).result == {"returns": 0, "raises": 1, "exits": 3}[fork]
    for size, recorder in enumerate(others):
        assert (await recorder.wait("gone")).result == "x" * size


async def test_stop_and_kill_end_one_member_only(pool: PoolRunner) -> None:
    run, hanging = start(pool, {"do": "hang"})
    waiting = [start(pool, {"do": "return", "value": "list"})[1] for _ in range(5)]
    await hanging.wait("started")
    run.stop()
    await hanging.wait("gone")
    assert hanging.end.signal == "SIGTERM"
    run, stubborn = start(pool, {"do": "ignore_sigterm"})
    await stubborn.until(lambda: stubborn.steps != [])
    run.stop()
    run.kill()
    await stubborn.wait("gone")
    assert stubborn.end.signal == "SIGKILL"
    for recorder in waiting:
        assert (await recorder.wait("gone")).result == "x"


async def test_f17_a_task_that_finishes_on_sigterm_has_finished_and_its_member_is_replaced(
    pool: PoolRunner,
) -> None:
    run, recorder = start(pool, {"do": "finish_on_sigterm"})
    await recorder.until(lambda: recorder.steps != [])
    run.stop()
    await recorder.wait("gone")
    assert recorder.result == "finished in time"
    assert recorder.pid is not None
    assert not is_alive(recorder.pid)


async def test_a_late_stop_hits_nobody(pool: PoolRunner) -> None:
    runs = [start(pool, {"do": "return", "value": "list"}) for _ in range(20)]
    for run, recorder in runs:
        await recorder.wait("gone")
        run.stop()
        run.kill()
    for _ in range(5):
        assert (await finish(pool, {"do": "return", "value": "list"})).result == "x"


async def test_a_run_that_waits_can_be_ended(pool: PoolRunner) -> None:
    hanging = [start(pool, {"do": "hang"}) for _ in range(2)]
    for _, recorder in hanging:
        await recorder.wait("started")
    run, waiting = start(pool, {"do": "return", "value": "list"})
    run.kill()
    await waiting.until(lambda: waiting.told == ["start_failed"])
    for hanging_run, recorder in hanging:
        hanging_run.kill()
        await recorder.wait("gone")


async def test_recycling_by_number_loses_no_result() -> None:
    pool = PoolRunner(program(programs.who), 2, max_tasks_per_child=3, output=Written())
    await pool.open()
    try:
        recorders = [start(pool)[1] for _ in range(30)]
        for recorder in recorders:
            await recorder.wait("gone")
            assert recorder.end.kind is EndKind.RETURNED
        pids = [recorder.pid for recorder in recorders]
        assert all(pids.count(pid) <= 3 for pid in pids)
        assert len(set(pids)) >= 10
    finally:
        await pool.aclose()


async def test_recycling_at_a_memory_mark() -> None:
    pool = PoolRunner(program(programs.who), 1, max_memory_per_child_bytes=1, output=Written())
    await pool.open()
    try:
        pids = [(await finish(pool)).pid for _ in range(4)]
        assert len(set(pids)) == 4
    finally:
        await pool.aclose()


async def test_f29_a_memory_limit_holds_for_its_run_only(pool: PoolRunner) -> None:
    data: dict[str, Json] = {"do": "allocate", "size": 2 << 30}
    recorder = await finish(pool, data, memory_limit_bytes=1 << 30)
    assert recorder.end.kind is EndKind.MEMORY_LIMIT
    recorder = await finish(pool, {"do": "memory_error"})
    assert recorder.end.kind is EndKind.RAISED


async def test_streams_are_told_apart_by_task(pool: PoolRunner, written: Written) -> None:
    for number in range(6):
        _, recorder = start(pool, {"do": "write"}, task_id=str(number))
        await recorder.wait("gone")
    for number in range(6):
        assert written.text(str(number), "stdout") == "to stdout ä\nstraight to 1\nwithout an end"
        assert written.text(str(number), "stderr") == "to stderr ö\n"


async def test_f14_a_task_that_cannot_be_handed_over_harms_no_other(pool: PoolRunner) -> None:
    _, bad = start(pool, {"do": object()})  # type: ignore[dict-item]
    assert (await finish(pool, {"do": "return", "value": "list"})).result == "x"
    assert bad.told == ["start_failed"]


@pytest.mark.parametrize("size", [0, 65_536, 8 << 20])
async def test_f2_results_of_any_size_come_back(pool: PoolRunner, size: int) -> None:
    for _ in range(3):
        assert (await finish(pool, {"do": "size", "size": size})).result == "x" * size


async def test_f5_values_that_cannot_be_are_refused_all_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        PoolRunner(program(programs.who), 0, max_tasks_per_child=0, start_method="spawn", output=Written())
    assert len(caught.value.problems) == 3


async def test_nothing_is_left_after_closing() -> None:
    async def whole_life() -> None:
        pool = PoolRunner(program(programs.behave), 2, output=Written())
        await pool.open()
        recorders = [start(pool, {"do": "hang"})[1] for _ in range(3)]
        await recorders[0].wait("started")
        await pool.aclose()
        assert all(recorder.told[-1] in {"gone", "start_failed"} for recorder in recorders)

    await whole_life()
    before = open_fds()
    for _ in range(3):
        await whole_life()
    assert open_fds() == before
