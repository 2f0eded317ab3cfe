"""`ScriptedRunner`: runs that do what they are told, on any clock, without a process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from msgspec import Struct

from cloud_tasks.core.task import EndKind, RunEnd
from cloud_tasks.interfaces import Clock, RunListener, RunSpec

_RETURNED = RunEnd(kind=EndKind.RETURNED, result="done")
_TERMINATED = RunEnd(kind=EndKind.EXITED, exit_code=-15, signal="SIGTERM")
_KILLED = RunEnd(kind=EndKind.EXITED, exit_code=-9, signal="SIGKILL")


class Script(Struct, frozen=True, kw_only=True):
    """What one run does.

    Attributes:
        starts_in_s: How long it takes until it runs.
        duration_s: How long it runs.
        end: How it ends by itself.
        start_failure: Why it cannot be started; "" if it can.
        ignores_stop: Whether SIGTERM makes no impression on it.
        lingers_s: How long something is left of it after its end.
    """

    starts_in_s: float = 0.0
    duration_s: float = 1.0
    end: RunEnd = _RETURNED
    start_failure: str = ""
    ignores_stop: bool = False
    lingers_s: float = 0.0


class ScriptedRun:
    """One run of a script."""

    def __init__(self, spec: RunSpec, script: Script, listener: RunListener, clock: Clock) -> None:
        self.spec = spec
        self.running = False
        self._script = script
        self._listener = listener
        self._clock = clock
        self._cut_short: asyncio.Future[RunEnd] = asyncio.get_running_loop().create_future()
        self._life = asyncio.get_running_loop().create_task(self._live())

    def stop(self) -> None:
        """SIGTERM."""
        if not self._script.ignores_stop:
            self._cut(_TERMINATED)

    def kill(self) -> None:
        """SIGKILL."""
        self._cut(_KILLED)

    async def over(self) -> None:
        """Wait until nothing is left of it."""
        await self._life

    def _cut(self, end: RunEnd) -> None:
        if not self._cut_short.done():
            self._cut_short.set_result(end)

    async def _live(self) -> None:
        script, listener, clock = self._script, self._listener, self._clock
        if script.start_failure:
            listener.start_failed(script.start_failure)
            return
        if script.starts_in_s and await self._is_cut_within(script.starts_in_s):
            listener.finished(self._cut_short.result())
            return
        self.running = True
        listener.started(None)
        is_cut = await self._is_cut_within(script.duration_s)
        end = self._cut_short.result() if is_cut else script.end
        self.running = False
        listener.ended(end)
        await clock.sleep_until(clock.monotonic() + script.lingers_s)
        listener.gone()

    async def _is_cut_within(self, seconds: float) -> bool:
        """Wait for so long, or until it is cut short; returns whether it was."""
        work = asyncio.ensure_future(self._clock.sleep_until(self._clock.monotonic() + seconds))
        cut = self._cut_short
        cut.add_done_callback(lambda _: work.cancel())
        await asyncio.wait({work})
        return cut.done() and work.cancelled()


class ScriptedRunner:
    """A `TaskRunner` whose runs follow scripts.

    Args:
        clock: Time.
        script: What the run of a task does.
    """

    def __init__(self, clock: Clock, script: Callable[[RunSpec], Script]) -> None:
        self.runs: list[ScriptedRun] = []
        self.termination = False
        self.shutdown = False
        self._clock = clock
        self._script = script

    @property
    def running(self) -> list[str]:
        """Ids of the tasks whose functions run now."""
        return [run.spec.task.task_id for run in self.runs if run.running]

    async def open(self) -> None:
        """Nothing is needed."""

    def start(self, spec: RunSpec, listener: RunListener) -> ScriptedRun:
        """Start a run."""
        run = ScriptedRun(spec, self._script(spec), listener, self._clock)
        self.runs.append(run)
        return run

    def notify(self, *, termination: bool = False, shutdown: bool = False) -> None:
        """Take note."""
        self.termination |= termination
        self.shutdown |= shutdown

    async def aclose(self) -> None:
        """Kill what still runs."""
        for run in self.runs:
            run.kill()
        for run in self.runs:
            await run.over()
