"""`WorkerShell`: feeds the machine with what happens, and carries out what it says."""

from __future__ import annotations

import asyncio
import traceback
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from msgspec import Struct

from cloud_tasks.core import commands as do
from cloud_tasks.core import inputs as got
from cloud_tasks.core.events import (
    Event,
    FatalException,
    KeepAlive,
    TaskEvent,
    TaskStarted,
    WorkerStarted,
    WorkerStopped,
)
from cloud_tasks.core.machine import MachineSettings, WorkerMachine
from cloud_tasks.core.task import RunEnd
from cloud_tasks.errors import Problem
from cloud_tasks.interfaces import (
    Clock,
    EventSink,
    InstanceMetadata,
    RunSpec,
    TaskQueue,
    TaskRun,
    TaskRunner,
    WatchfulQueue,
)
from cloud_tasks.shell.calls import QueueCalls
from cloud_tasks.shell.notices import NoticeWatch
from cloud_tasks.shell.recorder import Recorder
from cloud_tasks.summary import OUTCOMES, Summary, SummaryBuilder
from cloud_tasks.version import __version__

_CLOSE_S = 5.0
"""How long all parts together may take to let go at the end: what supervisors are told to wait for."""
_LET_GO_S = 0.05
"""How long each of them may take at least, so that one that hangs does not keep the others from it."""
_PARTS = 10
"""How many there are at most."""


class ShellSettings(Struct, frozen=True, kw_only=True):
    """What the shell is told beside what the machine is told.

    Attributes:
        worker_id: Identity of this start of the worker.
        hostname: Name of the machine, for events.
        pid: Process id, for events.
        memory_limit_bytes: Address space of a run; None: no limit.
        keepalive_s: Seconds between keep-alive events; 0: none.
        tasks_total: Number of tasks in the source; None where that is not known.
        tell_starts: Whether the start of each attempt is an event too.
    """

    worker_id: str
    hostname: str
    pid: int
    memory_limit_bytes: int | None = None
    keepalive_s: float = 0.0
    tasks_total: int | None = None
    tell_starts: bool = False


class Observer(Protocol):
    """Somebody who watches; what is told here is told to nobody else."""

    def task_started(self, task_id: str) -> None:
        """A run began."""
        ...

    def task_progress(self, task_id: str, done: float, total: float | None) -> None:
        """A task said how far it is."""
        ...

    def worker_message(self, text: str) -> None:
        """The worker has something to say."""
        ...


class WorkerShell:
    """One worker, from its first receive to its summary.

    Args:
        machine_settings: What the machine is told.
        settings: What the shell is told.
        queue: Where tasks come from.
        runner: How they are run.
        sink: Where events go.
        metadata: What the machine can be asked.
        clock: Time.
        observer: Who watches.
    """

    def __init__(
        self,
        machine_settings: MachineSettings,
        settings: ShellSettings,
        *,
        queue: TaskQueue,
        runner: TaskRunner,
        sink: EventSink,
        metadata: InstanceMetadata,
        clock: Clock,
        observer: Observer,
    ) -> None:
        self._machine = WorkerMachine(machine_settings, queue.capabilities)
        self._slots = machine_settings.slots
        self._settings = settings
        self._queue = queue
        self._runner = runner
        self._sink = sink
        self._metadata = metadata
        self._clock = clock
        self._observer = observer
        self._summary = SummaryBuilder()
        self._runs: dict[int, TaskRun] = {}
        self._facts: deque[got.Input] = deque()
        self._handling = False
        self._over: asyncio.Future[do.Finish] | None = None
        self._sleeper: asyncio.Task[None] | None = None
        self._armed: float | None = None
        self._waking = False
        self._close_by: float | None = None
        self._signals: list[str] = []
        self._problems: list[str] = []
        self._parts_told: list[str] = []
        self._helpers: list[asyncio.Task[None]] = []
        self._calls = QueueCalls(queue, clock, self.feed)
        self._takes_turns = self._calls.takes_turns
        self._recorder = Recorder(sink, clock, settings.hostname, self._on_stored, self._on_sink_failing)
        self._carriers = self._make_carriers()

    # -- from outside ------------------------------------------------------------------------------------

    def request_shutdown(self, signal_name: str) -> None:
        """Ask the worker to end: drain at the first call, kill at the second."""
        self._signals.append(signal_name)
        what = "taking no more tasks" if len(self._signals) == 1 else "killing what still runs"
        self._observer.worker_message(f"received {signal_name}: {what}")
        self.feed(got.ShutdownRequested())

    def give_up(self, problem: str) -> None:
        """End in good order, with status 1: this worker is of no more use, and another may do better."""
        self._problems.append(problem)
        self._observer.worker_message(problem)
        self.feed(got.ShutdownRequested())

    async def run(self) -> Summary:
        """Work until nothing is left to do or somebody asks for an end.

        Queue, runner, sink and metadata are open when this is called, and closed when it returns.
        """
        self._over = asyncio.get_running_loop().create_future()
        began = self._clock.monotonic()
        self._help(self._recorder.run())
        try:
            self._recorder.put(self._started_event(), None)
            self._start_helpers()
            self.feed(got.Opened())
            try:
                finish = await asyncio.shield(self._over)
            except asyncio.CancelledError:
                await self._end_cancelled(began)
                raise
            return await self._wind_up(finish, began)
        except Exception as error:
            self._recorder.put(FatalException(exception=str(error), stack_trace=traceback.format_exc()), None)
            raise
        finally:
            await self._close()

    @property
    def source_problems(self) -> tuple[Problem, ...]:
        """What was wrong with the user's input, where that ended the run."""
        return self._calls.source_problems

    # -- facts in, commands out --------------------------------------------------------------------------

    def feed(self, fact: got.Input) -> None:
        """Report a fact; what follows from it is carried out before this returns, unless one is under way."""
        facts, machine, clock, carriers = self._facts, self._machine, self._clock, self._carriers
        facts.append(fact)
        if self._handling or self._over is None or self._over.done():
            return
        self._handling = True
        try:
            while facts:
                for command in machine.handle(facts.popleft(), clock.monotonic()):
                    carriers[type(command)](command)
            if self._takes_turns:
                self._calls.turn_over()
            moment = machine.next_wakeup()
            if moment is not None and (self._armed is None or moment < self._armed):
                self._arm(moment)
        except Exception as error:  # noqa: BLE001 - boundary: a bug of ours ends the worker, it does not hang it
            self.fail(error)
        finally:
            self._handling = False

    def fail(self, error: Exception) -> None:
        """End the run with an error that should not have been possible."""
        if self._over is not None and not self._over.done():
            self._over.set_exception(error)

    def _arm(self, moment: float) -> None:
        self._armed = moment
        if self._waking:
            return  # who has just woken up goes to sleep again
        if self._sleeper is not None:
            self._sleeper.cancel()
        self._sleeper = asyncio.get_running_loop().create_task(self._wake_at(moment))

    async def _wake_at(self, moment: float) -> None:
        until: float | None = moment
        while until is not None:
            await self._clock.sleep_until(until)
            self._armed, self._waking = None, True
            self.feed(got.TimeReached())
            self._waking = False
            until = self._armed
        self._sleeper = None

    def _make_carriers(self) -> dict[type, Callable[[Any], None]]:
        calls = self._calls
        return {
            do.Receive: calls.receive,
            do.CancelReceive: calls.cancel_receive,
            do.StartRun: self._start_run,
            do.StopRun: self._stop_run,
            do.KillRun: self._kill_run,
            do.Record: lambda command: self._recorder.put(command.event, command.attempt_id),
            do.Ack: calls.settle,
            do.Nack: calls.settle,
            do.DeadLetter: calls.settle,
            do.Extend: calls.extend,
            do.NotifyRuns: self._notify_runs,
            do.Finish: self._finish,
        }

    # -- runs --------------------------------------------------------------------------------------------

    def _start_run(self, command: do.StartRun) -> None:
        limit = self._settings.memory_limit_bytes
        spec = RunSpec(command.task, command.attempt, command.max_runtime_s, limit)
        listener = _Listener(self, command)
        try:
            self._runs[command.attempt_id] = self._runner.start(spec, listener)
        except Exception as error:  # noqa: BLE001 - boundary: one run that fails must not end the worker
            self.feed(got.RunStartFailed(command.attempt_id, f"{type(error).__name__}: {error}"))

    def _stop_run(self, command: do.StopRun) -> None:
        run = self._runs.get(command.attempt_id)
        if run is not None:
            run.stop()

    def _kill_run(self, command: do.KillRun) -> None:
        run = self._runs.get(command.attempt_id)
        if run is not None:
            run.kill()

    def _notify_runs(self, command: do.NotifyRuns) -> None:
        self._recorder.hurry()  # this is where the end begins, and nothing is settled that is not stored
        self._runner.notify(termination=command.termination, shutdown=command.shutdown)

    def run_started(self, command: do.StartRun) -> None:
        """The function is about to be called."""
        task_id = command.task.task_id
        self._observer.task_started(task_id)
        if self._settings.tell_starts:
            self._recorder.put(
                TaskStarted(
                    task_id=task_id, attempt=command.attempt, queue=command.queue, task_name=command.name
                ),
                None,
            )
        self.feed(got.RunStarted(command.attempt_id))

    def forget_run(self, attempt_id: int) -> None:
        """Nothing is left of the run."""
        self._runs.pop(attempt_id, None)

    @property
    def observer(self) -> Observer:
        """Who watches."""
        return self._observer

    # -- events ------------------------------------------------------------------------------------------

    def _on_stored(self, events: list[Event], attempt_ids: list[int]) -> None:
        for event in events:
            self._summary.add(event)
        if attempt_ids:
            self.feed(got.EventsStored(attempt_ids))

    def _on_sink_failing(self, why: str) -> None:
        self._observer.worker_message(
            f"events cannot be stored, and no task is settled until they can: {why}"
        )

    def _started_event(self) -> WorkerStarted:
        settings = self._settings
        return WorkerStarted(
            worker_id=settings.worker_id,
            pid=settings.pid,
            version=__version__,
            num_simultaneous_tasks=self._slots,
        )

    # -- beside the tasks --------------------------------------------------------------------------------

    def _help(self, work: Coroutine[object, object, None]) -> None:
        self._helpers.append(asyncio.get_running_loop().create_task(work))

    def _start_helpers(self) -> None:
        if isinstance(self._queue, WatchfulQueue):
            self._queue.watch_leases(lambda receipts, why: self.feed(got.LeasesLost(receipts, why)))
        self._help(self._calls.run_receives())
        self._help(self._watch_for_notice())
        if self._settings.keepalive_s > 0:
            self._help(self._keep_alive())

    async def _watch_for_notice(self) -> None:
        settings, recorder = self._settings, self._recorder
        watch = NoticeWatch(
            self._metadata, self._clock, settings.hostname, self.feed, lambda event: recorder.put(event, None)
        )
        await watch.run()

    async def _keep_alive(self) -> None:
        while True:
            identity = await self._metadata.identity()
            self._recorder.put(KeepAlive(instance_id=identity.instance_id), None)
            await self._clock.sleep_until(self._clock.monotonic() + self._settings.keepalive_s)

    # -- the end -----------------------------------------------------------------------------------------

    def _finish(self, command: do.Finish) -> None:
        if self._over is not None and not self._over.done():
            self._over.set_result(command)

    async def _end_cancelled(self, began: float) -> None:
        """Kill what runs, tell what becomes of it, and hand it back, as after a second signal."""
        assert self._over is not None  # noqa: S101 - the caller waits for it
        self._observer.worker_message("the worker was cancelled: killing what still runs")
        for _ in range(2):
            self.feed(got.ShutdownRequested())
        await self._wind_up(await self._over, began)

    async def _wind_up(self, finish: do.Finish, began: float) -> Summary:
        """Kill what may be left, say that the worker has stopped, and sum up."""
        await self._bounded("the runner", self._runner.aclose())
        await self._bounded("the record of events", self._recorder.flush())
        if self._calls.source_failure:
            self._problems.append(self._calls.source_failure)
        if finish.abandoned:
            comes_again = self._queue.capabilities.requeues
            self._problems.append(_abandoned(finish.abandoned, comes_again=comes_again))
        summary = self._sum_up(finish, self._clock.monotonic() - began)
        counts = {name: getattr(summary.counts, name) for name in summary.counts.__struct_fields__}
        for event in self._recorder.unconfirmed():  # stored before this, if this ever is
            if isinstance(event, TaskEvent):
                counts[OUTCOMES[type(event)]] += 1
        self._recorder.put(
            WorkerStopped(
                worker_id=self._settings.worker_id,
                reason=finish.reason,
                elapsed_time=summary.elapsed_s,
                counts=counts,
            ),
            None,
        )
        await self._bounded("the record of events", self._recorder.flush())
        return summary

    def _sum_up(self, finish: do.Finish, elapsed_s: float) -> Summary:
        machine, total = self._machine, self._settings.tasks_total
        left = 0
        if total is not None and finish.reason in ("shutdown", "spot_termination", "source_failed"):
            left = max(0, total - machine.skipped - machine.started)
        return self._summary.build(
            worker_id=self._settings.worker_id,
            reason=finish.reason,
            elapsed_s=elapsed_s,
            signal=self._signals[0] if self._signals else "",
            tasks_total=total,
            skipped=machine.skipped,
            unfinished=left,
            problems=self._problems,
        )

    async def _close(self) -> None:
        """Let go of everything, whatever state it is in; each part for a bounded time."""
        await self._bounded("the runner", self._runner.aclose())
        await self._bounded("the record of events", self._recorder.flush())
        for task in [*self._helpers, *([self._sleeper] if self._sleeper is not None else [])]:
            task.cancel()
        await asyncio.gather(*self._helpers, return_exceptions=True)
        await self._bounded("calls to the queue", self._calls.aclose())
        await self._bounded("the queue", self._queue.aclose())
        await self._bounded("the sink of events", self._sink.aclose())
        await self._bounded("metadata", self._metadata.aclose())

    async def _bounded(self, part: str, work: Coroutine[object, object, None]) -> None:
        now = self._clock.monotonic()
        if self._close_by is None:
            self._close_by = now + _CLOSE_S - _PARTS * _LET_GO_S
        try:
            await asyncio.wait_for(work, max(_LET_GO_S, self._close_by - now))
        except Exception as error:  # noqa: BLE001 - boundary: one part that cannot let go must not keep the others
            if part not in self._parts_told:
                self._parts_told.append(part)
                self._observer.worker_message(f"{part}: not closed in good order: {_why(error)}")


class _Listener:
    """Reports what one run tells."""

    __slots__ = ("_attempt_id", "_command", "_shell")

    def __init__(self, shell: WorkerShell, command: do.StartRun) -> None:
        self._shell = shell
        self._command = command
        self._attempt_id = command.attempt_id

    def started(self, pid: int | None) -> None:
        self._shell.run_started(self._command)

    def start_failed(self, reason: str) -> None:
        self._shell.forget_run(self._attempt_id)
        self._shell.feed(got.RunStartFailed(self._attempt_id, reason))

    def progress(self, done: float, total: float | None) -> None:
        self._shell.observer.task_progress(self._command.task.task_id, done, total)

    def ended(self, end: RunEnd) -> None:
        self._shell.feed(got.RunEnded(self._attempt_id, end))

    def finished(self, end: RunEnd) -> None:
        self._shell.forget_run(self._attempt_id)
        self._shell.feed(got.RunFinished(self._attempt_id, end))

    def gone(self) -> None:
        self._shell.forget_run(self._attempt_id)
        self._shell.feed(got.RunGone(self._attempt_id))


def _why(error: Exception) -> str:
    return "it took too long" if isinstance(error, TimeoutError) else f"{type(error).__name__}: {error}"


def _abandoned(task_ids: tuple[str, ...], *, comes_again: bool) -> str:
    shown = ", ".join(task_ids[:5]) + (", ..." if len(task_ids) > 5 else "")  # noqa: PLR2004 - a few examples
    count = f"{len(task_ids)} task{'' if len(task_ids) == 1 else 's'}"
    if comes_again:
        return f"{count} could not be settled in time, and may come again: {shown}"
    return f"what became of {count} could not be stored, and is not known: {shown}"
