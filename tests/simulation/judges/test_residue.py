"""What is left when all is over: also an exception in a task that somebody still refers to."""

from __future__ import annotations

import asyncio

from simulation.judges.books import Books
from simulation.judges.judge import Bench
from simulation.judges.residue import ResidueJudge
from simulation.loop import SimulationLoop
from simulation.plan import RunPlan


async def fails() -> None:
    raise RuntimeError("nobody looks")


def judged(loop: SimulationLoop) -> list[str]:
    """What the judge says when all is over."""
    bench = Bench(RunPlan(), loop.time)
    ResidueJudge(bench, Books(5), loop, list).finish()
    return [violation.what for violation in bench.violations]


def test_an_exception_is_seen_although_its_task_is_kept() -> None:
    loop, kept = SimulationLoop(), list[object]()

    async def live() -> None:
        kept.append(asyncio.ensure_future(fails()))
        await asyncio.sleep(1.0)

    loop.start_on(loop.add_host("worker-1"), live())
    loop.run_forever()
    (told,) = judged(loop)
    assert "RuntimeError('nobody looks')" in told
    assert "worker-1" in told
    assert judged(loop) == [told], "whoever else judges this loop hears the same"
    kept.clear()
    assert len(loop.faults) == 1, "it is not told a second time"


def test_what_was_looked_at_was_cancelled_or_died_with_its_host_is_no_residue() -> None:
    loop, kept = SimulationLoop(), list[object]()

    async def looks() -> None:
        tasks = asyncio.ensure_future(fails()), asyncio.ensure_future(asyncio.sleep(9.0))
        kept.extend(tasks)
        await asyncio.wait(tasks[:1])
        assert tasks[0].exception() is not None
        tasks[1].cancel()
        await asyncio.sleep(1.0)

    async def is_killed() -> None:
        kept.append(asyncio.ensure_future(fails()))
        await asyncio.sleep(100.0)

    loop.start_on(loop.add_host("worker-1"), looks())
    killed = loop.add_host("worker-2")
    loop.start_on(killed, is_killed())
    loop.at(loop.world, 5.0, loop.kill, killed)
    loop.run_forever()
    assert judged(loop) == []


def test_tasks_that_are_gone_take_no_room() -> None:
    loop = SimulationLoop()

    async def busy() -> None:
        for _ in range(30_000):
            await asyncio.ensure_future(asyncio.sleep(0))

    loop.run_until_complete(busy())
    assert loop.tasks_remembered < 20_000
