"""The event loop: virtual time, hosts that are killed and stopped, schedules that can be had again."""

from __future__ import annotations

import asyncio
import gc
import itertools
import warnings

import pytest

from simulation.hosts import Host
from simulation.loop import STEPS_AT_ONCE_MAX, DeadlockError, SimulationLoop, StandstillError
from simulation.schedule import PctSchedule, RandomSchedule, Schedule
from simulation.streams import Streams


@pytest.fixture
def loop() -> SimulationLoop:
    return SimulationLoop()


async def ticks(log: list[str], name: str, pause_s: float, count: int = 3) -> None:
    for number in range(count):
        await asyncio.sleep(pause_s)
        log.append(f"{name}{number}")


def test_time_jumps_to_the_next_timer(loop: SimulationLoop) -> None:
    loop.run_until_complete(asyncio.sleep(1e6))
    assert loop.time() == 1e6


def test_what_is_waited_for_in_vain_is_an_error(loop: SimulationLoop) -> None:
    with pytest.raises(DeadlockError):
        loop.run_until_complete(loop.create_future())


def test_timers_run_in_order_and_those_of_one_moment_as_they_were_made(loop: SimulationLoop) -> None:
    log: list[int] = []
    for number, moment in enumerate([3.0, 1.0, 2.0, 1.0]):
        loop.call_at(moment, log.append, number)
    loop.run_forever()
    assert log == [1, 3, 2, 0]


def test_a_timer_that_was_cancelled_does_not_run(loop: SimulationLoop) -> None:
    loop.call_later(1.0, pytest.fail, "it ran").cancel()
    loop.run_until(2.0)
    assert loop.time() == 2.0


def test_of_a_host_that_was_killed_nothing_runs_any_more(loop: SimulationLoop) -> None:
    log: list[str] = []

    async def live() -> None:
        try:
            await asyncio.sleep(10.0)
        finally:
            log.append("cleaned up")

    host = loop.add_host("a")
    loop.start_on(host, live())
    loop.start_on(loop.world, ticks(log, "b", 4.0))
    loop.at(loop.world, 5.0, loop.kill, host)
    loop.run_forever()
    assert log == ["b0", "b1", "b2"]
    loop.close()


def test_a_callback_belongs_to_the_host_that_made_it(loop: SimulationLoop) -> None:
    host = loop.add_host("a")
    answer: asyncio.Future[None] = loop.create_future()
    log: list[str] = []

    async def wait() -> None:
        await answer
        log.append("woken")

    loop.start_on(host, wait())
    loop.at(loop.world, 1.0, loop.kill, host)
    loop.at(loop.world, 2.0, answer.set_result, None)  # the world answers, and nobody is there
    loop.run_forever()
    assert log == []
    loop.close()


def test_a_host_that_is_stopped_finds_everything_late(loop: SimulationLoop) -> None:
    log: list[str] = []
    host = loop.add_host("a")

    async def live() -> None:
        await asyncio.sleep(1.0)
        log.append(f"at {loop.time()}")

    loop.start_on(host, live())
    loop.at(loop.world, 0.5, loop.stop_host, host)
    loop.at(loop.world, 7.0, loop.continue_host, host)
    loop.run_forever()
    assert log == ["at 7.0"]


def test_exceptions_that_nobody_looks_at_are_kept(loop: SimulationLoop) -> None:
    loop.call_soon(lambda: 1 / 0)
    loop.run_forever()
    assert [type(fault["exception"]) for fault in loop.faults] == [ZeroDivisionError]


@pytest.mark.parametrize("pause_s", [0.0, 1e-30])
def test_who_never_lets_time_go_on_is_stopped_and_named(loop: SimulationLoop, pause_s: float) -> None:
    async def spin() -> None:
        await asyncio.sleep(2.0)
        for _ in itertools.count():
            await asyncio.sleep(pause_s)

    loop.start_on(loop.add_host("worker-1"), spin())
    with pytest.raises(StandstillError, match=r"time stands still at 2\.000 s") as caught:
        loop.run_until(10.0)
    assert caught.value.host == "worker-1"
    assert loop.steps < STEPS_AT_ONCE_MAX + 10
    loop.close()


def test_many_steps_are_no_standstill_while_time_goes_on(loop: SimulationLoop) -> None:
    async def busy() -> None:
        for _ in range(4):
            await asyncio.sleep(0.001)
            for _ in range(STEPS_AT_ONCE_MAX // 3):
                await asyncio.sleep(0)

    loop.run_until_complete(busy())
    assert loop.steps > STEPS_AT_ONCE_MAX


def test_how_many_steps_are_a_standstill_can_be_said() -> None:
    async def busy(steps: int) -> None:
        for _ in range(steps):
            await asyncio.sleep(0)

    SimulationLoop(steps_at_once_max=100).run_until_complete(busy(90))
    loop = SimulationLoop(steps_at_once_max=100)
    with pytest.raises(StandstillError, match="100 steps and no end"):
        loop.run_until_complete(busy(110))
    loop.close()


@pytest.mark.parametrize("make", [RandomSchedule, PctSchedule])
def test_a_schedule_is_the_same_for_the_same_seed_and_differs_between_seeds(make: type[Schedule]) -> None:
    def orders(seed: int) -> str:
        loop = SimulationLoop(make(Streams(seed).of("schedule")))  # type: ignore[call-arg]
        log: list[str] = []
        for name in "abcdef":
            loop.start_on(loop.add_host(name), ticks(log, name, 1.0))
        loop.run_forever()
        return "".join(log)

    assert orders(1) == orders(1)
    assert len({orders(seed) for seed in range(20)}) > 10


def test_within_a_host_the_order_is_that_of_a_common_event_loop(loop: SimulationLoop) -> None:
    random = SimulationLoop(RandomSchedule(Streams(5).of("schedule")))
    log: list[int] = []
    host: Host = random.add_host("a")
    for number in range(20):
        random.at(host, 0.0, log.append, number)
        random.at(random.world, 0.0, len, "")
    random.run_forever()
    assert log == list(range(20))


async def test_locks_time_outs_and_groups_of_asyncio_work() -> None:
    async def work() -> list[float]:
        moments: list[float] = []
        lock = asyncio.Lock()

        async def hold(seconds: float) -> None:
            async with lock:
                await asyncio.sleep(seconds)
                moments.append(asyncio.get_running_loop().time())

        async with asyncio.TaskGroup() as group:
            group.create_task(hold(1.0))
            group.create_task(hold(2.0))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(4.0):
                await asyncio.sleep(100.0)
        moments.append(asyncio.get_running_loop().time())
        return moments

    assert SimulationLoop().run_until_complete(work()) == [1.0, 3.0, 7.0]


def test_what_a_clean_up_begins_when_all_is_over_is_told_to_nobody_later(loop: SimulationLoop) -> None:
    """The error may be kept, and with it what was to be begun: then it would be garbage at any time."""
    errors: list[RuntimeError] = []

    async def work() -> None:
        try:
            await asyncio.sleep(100.0)
        finally:
            more = ticks([], "a", 1.0)
            try:
                asyncio.get_running_loop().create_task(more)
            except RuntimeError as error:
                errors.append(error)

    loop.start_on(loop.add_host("a"), work())
    loop.run_until(1.0)
    loop.close()
    assert len(errors) == 1
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        errors.clear()
        gc.collect()
    assert told == []
