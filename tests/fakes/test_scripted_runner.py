"""The stand-in for a runner: what a script says about the start of a run."""

from __future__ import annotations

from cloud_tasks.core.task import RunEnd, Task
from cloud_tasks.interfaces import RunSpec
from fakes.clock import VirtualClock
from fakes.runner import Script, ScriptedRunner


class Notes:
    """A listener that writes down what it is told, and when."""

    def __init__(self, clock: VirtualClock) -> None:
        self.told: list[tuple[str, float]] = []
        self._clock = clock

    def _note(self, what: str) -> None:
        self.told.append((what, self._clock.monotonic()))

    def started(self, pid: int | None) -> None:
        self._note("started")

    def start_failed(self, reason: str) -> None:
        self._note("start_failed")

    def progress(self, done: float, total: float | None) -> None:
        self._note("progress")

    def ended(self, end: RunEnd) -> None:
        self._note("ended")

    def finished(self, end: RunEnd) -> None:
        self._note("finished")

    def gone(self) -> None:
        self._note("gone")


def started(script: Script) -> tuple[VirtualClock, ScriptedRunner, Notes]:
    clock = VirtualClock()
    runner, notes = ScriptedRunner(clock, lambda _: script), Notes(clock)
    runner.start(RunSpec(Task("a", {}), 1, 60.0, None), notes)
    return clock, runner, notes


async def test_a_run_may_take_its_time_to_start() -> None:
    clock, _, notes = started(Script(starts_in_s=5.0, duration_s=2.0))
    await clock.run_for(10.0)
    assert notes.told == [("started", 5.0), ("ended", 7.0), ("gone", 7.0)]


async def test_a_run_that_is_killed_before_it_starts_never_does() -> None:
    clock, runner, notes = started(Script(starts_in_s=5.0))
    await clock.run_for(1.0)
    runner.runs[0].kill()
    await clock.run_for(10.0)
    assert [what for what, _ in notes.told] == ["finished"]
    assert not runner.running


async def test_a_run_that_is_killed_ends_then() -> None:
    clock, runner, notes = started(Script(duration_s=5.0))
    await clock.run_for(1.0)
    assert runner.running == ["a"]
    runner.runs[0].kill()
    await clock.run_for(0.0)
    assert [what for what, _ in notes.told] == ["started", "ended", "gone"]
