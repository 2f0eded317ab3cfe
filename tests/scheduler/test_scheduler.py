"""Schedulers in virtual time: once for each instant, whatever becomes of machines, clocks and backends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from cloud_tasks.core.task import Task
from cloud_tasks.errors import ConfigurationError, MessageRefusedError, Problem, QueueUnavailableError
from cloud_tasks.scheduler.missed import Missed, MissedPolicy
from cloud_tasks.scheduler.posting import PostInOneStep
from cloud_tasks.scheduler.schedule import beginning_of
from cloud_tasks.scheduler.scheduler import Scheduler
from fakes.clock import VirtualClock
from fakes.once_model import InMemoryOnce
from fakes.queue_model import InMemoryQueue
from fakes.queue_options import QueueOptions
from tests.scheduler.bench import START, Bench, schedule

HOUR_S = 3600.0


@pytest_asyncio.fixture(params=[False, True], ids=["in one step", "by claim"])
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    bench = Bench(by_claim=request.param)
    yield bench
    await bench.aclose()


class TestFiring:
    async def test_at_each_instant_and_at_no_other_time(self, bench: Bench) -> None:
        bench.start(schedule(minute="*/20"))
        await bench.run_for(1199.9)
        assert await bench.taken() == []
        await bench.run_for(0.1)
        assert await bench.taken() == ["002000Z"]
        await bench.run_for(HOUR_S)
        assert await bench.taken() == ["004000Z", "010000Z", "012000Z"]

    async def test_every_second(self, bench: Bench) -> None:
        bench.start(schedule(second="*"))
        await bench.run_for(30.0)
        assert await bench.taken() == [f"0000{number:02}Z" for number in range(1, 31)]

    async def test_several_on_several_machines_fire_once(self, bench: Bench) -> None:
        for _ in range(5):
            bench.start(schedule(second="*/10"))
        await bench.run_for(60.0)
        assert await bench.taken() == ["000010Z", "000020Z", "000030Z", "000040Z", "000050Z", "000100Z"]

    async def test_machines_whose_clocks_differ_fire_once(self, bench: Bench) -> None:
        ahead = VirtualClock(START + timedelta(seconds=7))
        bench.start(schedule(second="*/10"))
        bench.start(schedule(second="*/10"), clock=ahead)
        for _ in range(300):
            await bench.run_for(0.1)
            await ahead.run_for(0.1)
        assert await bench.taken() == ["000010Z", "000020Z", "000030Z"]

    async def test_another_goes_on_when_one_dies(self, bench: Bench) -> None:
        first = bench.start(schedule(second="*/10"))
        bench.start(schedule(second="*/10"))
        await bench.run_for(25.0)
        first.cancel()
        await bench.run_for(20.0)
        assert await bench.taken() == ["000010Z", "000020Z", "000030Z", "000040Z"]

    async def test_each_schedule_by_itself(self, bench: Bench) -> None:
        never = schedule(end=START, second="*")
        bench.start(schedule(minute="10"), never)
        await bench.run_for(HOUR_S)
        assert await bench.taken() == ["001000Z"]

    async def test_what_can_never_be_sent_holds_up_nothing(self, caplog: pytest.LogCaptureFixture) -> None:
        class Refusing(InMemoryOnce):
            async def send_once(self, key: str, task: Task) -> bool:
                if key.endswith("000001Z"):
                    raise MessageRefusedError(task.task_id, "too large")
                return await super().send_once(key, task)

        bench = Bench()
        once = Refusing(bench.clock, bench.queue)
        scheduler = Scheduler(
            [schedule(second="*")],
            lambda _: PostInOneStep(once, once),
            *(bench.clock, MissedPolicy(), bench.log),
        )
        run = asyncio.create_task(scheduler.run())
        await bench.run_for(2.0)
        assert await bench.taken() == ["000002Z"]
        assert "too large" in caplog.text
        run.cancel()


class TestTheBook:
    async def test_the_first_start_misses_nothing(self, bench: Bench) -> None:
        bench.start(schedule(hour="*"))
        await bench.run_for(1.0)
        assert await bench.taken() == []

    async def test_who_begins_shadows_nothing(self, bench: Bench) -> None:
        bench.start(schedule(second="*"))
        await bench.run_for(3.5)
        await bench.once.settle(beginning_of(START + timedelta(seconds=4)))
        await bench.run_for(2.0)
        assert await bench.taken() == [f"00000{number}Z" for number in range(1, 6)]

    async def test_what_passed_before_the_first_instant_was_fired_is_missed_too(self, bench: Bench) -> None:
        first = bench.start(schedule(minute="10"))
        await bench.run_for(60.0)
        first.cancel()
        await bench.run_for(1200.0)
        bench.start(schedule(minute="10"))
        await bench.run_for(1.0)
        assert await bench.taken() == ["001000Z"]

    async def test_it_does_not_grow_for_ever(self) -> None:
        bench = Bench(MissedPolicy(grace_s=0.0))
        first = bench.start(schedule(minute="*"))
        await bench.run_for(600.0)
        first.cancel()
        assert len(bench.once._done) == 11
        bench.clock.step_wall(2 * 86_400.0)
        bench.start(schedule(minute="*"))
        await bench.run_for(120.0)
        assert sorted(bench.once._done) == [f"20260103T00{number}00Z" for number in (10, 11, 12)]
        await bench.aclose()

    async def test_a_mistake_is_told_at_once(self) -> None:
        class Missing(InMemoryOnce):
            async def newest(self, not_after: str) -> str | None:
                raise ConfigurationError(Problem("no table"))

        bench = Bench()
        once = Missing(bench.clock)
        scheduler = Scheduler(
            [schedule(second="*")],
            lambda _: PostInOneStep(once, once),
            *(bench.clock, MissedPolicy(), bench.log),
        )
        with pytest.raises(ConfigurationError, match="no table"):
            await scheduler.check()


class TestMissedInstants:
    """Nobody was there from 0:01 until 3:30; the schedule is each quarter of an hour."""

    async def after_a_break(self, policy: MissedPolicy, minute: str = "*/15") -> list[str]:
        bench = Bench(policy)
        first = bench.start(schedule(minute=minute))
        await bench.run_for(60.0)
        first.cancel()
        await bench.run_for(3.5 * HOUR_S - 60.0 + 300.0)
        bench.start(schedule(minute=minute))
        bench.start(schedule(minute=minute))
        await bench.run_for(1.0)
        found = await bench.taken()
        await bench.run_for(600.0)
        assert await bench.taken() == ["034500Z"]
        await bench.aclose()
        return found

    async def test_the_latest(self) -> None:
        assert await self.after_a_break(MissedPolicy()) == ["033000Z"]

    async def test_the_latest_is_too_late(self) -> None:
        assert await self.after_a_break(MissedPolicy("latest", 240.0)) == []

    async def test_none(self, caplog: pytest.LogCaptureFixture) -> None:
        assert await self.after_a_break(MissedPolicy("skip")) == []
        assert "missed what was due after 20260101T000000Z and up to 20260101T033000Z" in caplog.text

    async def test_all_of_an_hour(self) -> None:
        expected = ["024500Z", "030000Z", "031500Z", "033000Z"]
        assert await self.after_a_break(MissedPolicy("all", HOUR_S)) == expected

    async def test_all_up_to_a_bound(self) -> None:
        assert await self.after_a_break(MissedPolicy("all", 86_400.0, 2)) == ["031500Z", "033000Z"]

    @pytest.mark.parametrize("what", ["latest", "skip", "all"])
    async def test_a_short_break_misses_nothing(self, what: Missed) -> None:
        bench = Bench(MissedPolicy(what))
        first = bench.start(schedule(second="*/5"))
        await bench.run_for(11.0)
        first.cancel()
        await bench.run_for(20.0)
        bench.start(schedule(second="*/5"))
        await bench.run_for(1.0)
        assert await bench.taken() == [f"0000{number:02}Z" for number in range(5, 31, 5)]
        await bench.aclose()

    @pytest.mark.parametrize("values", [{"grace_s": -1.0}, {"most": 0}, {"grace_s": float("nan")}])
    def test_a_policy_that_makes_no_sense(self, values: dict[str, float]) -> None:
        with pytest.raises(ValueError, match=r"grace_s|most"):
            MissedPolicy(**values)  # type: ignore[arg-type] # whatever it is


class TestOutages:
    async def test_a_short_one_costs_nothing(self, bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO)
        bench.start(schedule(second="*/5"))
        await bench.run_for(6.0)
        bench.once.state = "away"
        await bench.run_for(20.0)
        bench.once.state = "there"
        await bench.run_for(10.0)
        assert await bench.taken() == [f"0000{number:02}Z" for number in range(5, 40, 5)]
        assert caplog.text.count("trying again after: nobody there") == 1
        assert caplog.text.count("going on") == 1

    async def test_one_at_the_start(self, bench: Bench) -> None:
        bench.once.state = "away"
        bench.start(schedule(second="*/5"))
        await bench.run_for(60.0)
        bench.once.state = "there"
        await bench.run_for(30.0)
        assert len(await bench.taken()) >= 3

    async def test_a_long_one_is_a_miss(self, bench: Bench) -> None:
        bench.start(schedule(minute="*"))
        await bench.run_for(61.0)
        bench.once.state = "away"
        await bench.run_for(600.0)
        bench.once.state = "there"
        await bench.run_for(15.0)
        assert await bench.taken() == ["000100Z", "001100Z"]

    async def test_what_was_done_without_an_answer_is_not_done_again(self, bench: Bench) -> None:
        bench.start(schedule(second="*/10"))
        await bench.run_for(1.0)
        bench.once.state = "silent"
        await bench.run_for(12.0)
        bench.once.state = "there"
        await bench.run_for(10.0)
        assert await bench.taken() == ["000010Z", "000020Z"]


class TestClaims:
    async def test_what_could_not_be_sent_is_tried_again_at_once(self) -> None:
        class Shaky(InMemoryQueue):
            failures = 3

            async def send(self, task: Task, delay_s: float = 0.0) -> None:
                if self.failures:
                    self.failures -= 1
                    raise QueueUnavailableError("not now")
                await super().send(task, delay_s)

        bench = Bench(by_claim=True)
        bench.queue = Shaky(bench.clock, QueueOptions())
        bench.start(schedule(second="*/10"))
        await bench.run_for(14.0)
        assert await bench.taken() == ["000010Z"]
        await bench.aclose()

    async def test_one_who_dies_before_sending_is_succeeded(self) -> None:
        bench = Bench(by_claim=True)
        bench.start(schedule(second="*/10"))
        await bench.run_for(5.0)
        assert await bench.once.claim("20260101T000010Z", 15.0) == "ours"
        await bench.run_for(10.0)
        assert await bench.taken() == []
        await bench.run_for(8.0)
        assert await bench.taken() == ["000010Z", "000020Z"]
        await bench.aclose()

    async def test_one_who_dies_before_the_entry_has_its_task_sent_again(self) -> None:
        bench = Bench(by_claim=True)
        bench.start(schedule(second="*/10"))
        await bench.run_for(5.0)
        await bench.once.claim("20260101T000010Z", 15.0)
        await bench.queue.send(schedule(second="*").task(START + timedelta(seconds=10)))
        await bench.run_for(20.0)
        assert await bench.taken() == ["000010Z", "000010Z", "000020Z"], "the same task twice"
        await bench.aclose()


class TestTheTimeOfDay:
    async def test_a_step_forwards(self, bench: Bench) -> None:
        bench.start(schedule(minute="30"))
        await bench.run_for(60.0)
        bench.clock.step_wall(1750.0)
        await bench.run_for(10.0)
        assert await bench.taken() == ["003000Z"]

    async def test_a_sleep_of_the_machine(self, bench: Bench) -> None:
        """What it slept through is missed: the latest fires when it wakes."""
        bench.start(schedule(minute="*/10"))
        await bench.run_for(60.0)
        bench.clock.step_wall(1900.0)
        await bench.run_for(10.0)
        assert await bench.taken() == ["003000Z"]

    async def test_a_step_backwards_fires_nothing_twice(self, bench: Bench) -> None:
        bench.start(schedule(minute="*/10"))
        await bench.run_for(1260.0)
        assert await bench.taken() == ["001000Z", "002000Z"]
        bench.clock.step_wall(-1200.0)
        await bench.run_for(1300.0)
        assert await bench.taken() == []
        await bench.run_for(600.0)
        assert await bench.taken() == ["003000Z"]

    async def test_a_clock_that_was_wrong_by_years_is_no_harm_when_it_is_right_again(
        self, bench: Bench
    ) -> None:
        run = bench.start(schedule(minute="*/10"))
        await bench.run_for(60.0)
        bench.clock.step_wall(3 * 365 * 86_400.0)
        await bench.run_for(1200.0)
        assert len(await bench.taken()) >= 2
        bench.clock.step_wall(-3 * 365 * 86_400.0)
        await bench.run_for(600.0)
        assert await bench.taken() == ["003000Z"]
        run.cancel()
        bench.start(schedule(minute="*/10"))
        await bench.run_for(600.0)
        assert await bench.taken() == ["004000Z"]

    async def test_clocks_are_changed_while_it_runs(self, bench: Bench) -> None:
        bench.clock.step_wall(87 * 86_400.0)
        bench.start(schedule(zone="Europe/Berlin", hour="1,2,3", minute="30"))
        await bench.run_for(2 * HOUR_S)
        assert await bench.taken() == ["20260329T003000Z", "20260329T010000Z", "20260329T013000Z"]
