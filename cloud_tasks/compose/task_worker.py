"""Puts together a worker of task functions: several queues of a driver, each function run in its way."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
from collections.abc import Callable, Sequence

from msgspec import Struct

from cloud_tasks.clock import SystemClock
from cloud_tasks.compose.garbage import garbage_looked_for_rarely
from cloud_tasks.compose.naming import new_worker_id
from cloud_tasks.compose.program_checks import defaults_problems, queue_problems, value_problem
from cloud_tasks.compose.running import failures_told_to, nobody, unless_signalled
from cloud_tasks.compose.signals import SignalWatch
from cloud_tasks.compose.task_leases import check_timeouts
from cloud_tasks.compose.task_output import OwnStreams
from cloud_tasks.compose.task_rules import RuleBook
from cloud_tasks.compose.task_stuck import StuckReport
from cloud_tasks.core.machine import MachineSettings
from cloud_tasks.errors import ConfigurationError
from cloud_tasks.interfaces import EventSink, QueueDriver, TaskRunner
from cloud_tasks.metadata.opening import open_metadata
from cloud_tasks.queues.priority import PriorityQueues
from cloud_tasks.runners.inline import InlineRunner
from cloud_tasks.runners.output import Output
from cloud_tasks.runners.program import Program
from cloud_tasks.runners.routed import RoutedRunner
from cloud_tasks.runners.worker_data import WorkerData
from cloud_tasks.shell import Observer, ShellSettings, WorkerShell
from cloud_tasks.sinks.tee import TeeSink
from cloud_tasks.summary import Summary
from cloud_tasks.task_app import registry
from cloud_tasks.task_app.calling import TASK, CallsHere, call_task
from cloud_tasks.task_app.options import TaskDefaults
from cloud_tasks.task_app.outbox import WorkersOutbox

_START_S_MAX = 3600.0
"""A task that waits for a process of the pool holds its lease meanwhile, and is handed back after this."""
_UNSETTLED_MAX = 256


class TaskWorkerSettings(Struct, frozen=True, kw_only=True):
    """What a worker of task functions is told; durations in seconds.

    Attributes:
        queues: Names of its queues, the most urgent first.
        concurrency: Tasks at a time.
        max_tasks: Tasks after which it ends; None: never.
        idle_exit_s: How long the queues must have been empty for it to end; None: it waits for more.
        starvation_guard_s: A queue that has not been asked for so long is asked first; 0: none is.
        worker_id: Its name; None: one is made.
        heartbeat_s: Between heartbeats; 0: none.
        grace_s: From the request to end until it is gone.
        pool_size: Processes of the pool; None: one for each processor.
        pool_tasks_max: Tasks after which one of them is replaced; None: never.
        provider: Whose machine it is, to hear of its end; None: nobody's.
        defaults: What holds for functions that say nothing themselves.
        handed_down: What its tasks' processes are told, to dispatch tasks themselves; "" if nothing.
    """

    queues: Sequence[str] = ("default",)
    concurrency: int = 10
    max_tasks: int | None = None
    idle_exit_s: float | None = None
    starvation_guard_s: float = 0.0
    worker_id: str | None = None
    heartbeat_s: float = 60.0
    grace_s: float = 30.0
    pool_size: int | None = None
    pool_tasks_max: int | None = None
    provider: str | None = None
    defaults: TaskDefaults = TaskDefaults()
    handed_down: str = ""


class TaskWorker:
    """A worker of the functions that have been imported."""

    def __init__(
        self,
        driver: QueueDriver,
        settings: TaskWorkerSettings,
        *,
        sinks: Sequence[EventSink] = (),
        displays: Sequence[EventSink] = (),
        observer: Observer | None = None,
        output: Output | None = None,
        tell_starts: bool = False,
        on_signal: Callable[[str], None] = nobody,
    ) -> None:
        """Take note; nothing is started.

        Args:
            driver: Where the queues are; connected by the time that `work` is called, and left so.
            settings: What it is told.
            sinks: Those that must have stored an event before its task is settled; closed with the worker.
            displays: Those whose failures never matter.
            observer: Who watches; None: what is told goes to the logger "cloud_tasks".
            output: Gets what tasks in processes of their own print; None: the program's own streams do.
            tell_starts: Whether the start of each attempt is an event, too.
            on_signal: Told the name of each signal that asks for an end, before anything is done about it.

        Raises:
            ConfigurationError: A setting, or a function, cannot be used.
        """
        _check(settings)
        hostname = socket.gethostname()
        self.worker_id = settings.worker_id or new_worker_id(hostname)
        self._hostname = hostname
        self._driver = driver
        self._settings = settings
        self._sinks = sinks
        self._displays = displays
        self._observer = observer or _LogObserver()
        self._output = output
        self._tell_starts = tell_starts
        self._on_signal = on_signal
        self._rules = RuleBook(settings.defaults)

    async def work(self, outbox: WorkersOutbox | None = None) -> Summary:
        """Work until somebody asks for an end, or the settings say that it has come.

        Args:
            outbox: Takes what tasks in this process dispatch; None: they connect themselves.

        Raises:
            ConfigurationError: A function is promised more time than its queue can give.
            ProgramError: A function cannot be run in the processes of the pool.
            SystemExit: A signal came before the first task (130, 143).
        """
        queues = self._queues()
        check_timeouts(registry.all_definitions(), self._settings.defaults, queues.capabilities)
        with SignalWatch(nobody) as signals:
            async with contextlib.AsyncExitStack() as closing:
                stuck = StuckReport(lambda task: str(task.data[TASK]), self._settings.grace_s)
                runner = self._runner(self._output or _own_streams(closing), stuck, CallsHere(outbox))
                closing.push_async_callback(runner.aclose)
                await unless_signalled(signals, self._prepare(runner))
                shell = self._shell(runner, queues)
                signals.receiver, stuck.receiver = self._passing_on_to(shell), shell.give_up
                with failures_told_to(shell, loop_is_shared=True), garbage_looked_for_rarely():
                    return await shell.run()

    def _passing_on_to(self, shell: WorkerShell) -> Callable[[str], None]:
        def receive(name: str) -> None:
            self._on_signal(name)
            shell.request_shutdown(name)

        return receive

    async def _prepare(self, runner: TaskRunner) -> None:
        """Whatever may fail does so here, before the first task is taken."""
        await runner.open()
        for name in self._settings.queues:
            await self._driver.inspector(name).create()

    def _runner(self, output: Output, stuck: StuckReport, calls: CallsHere) -> TaskRunner:
        """The ways in which the functions are run; what forks comes first, before there is any thread."""
        modes = {definition.mode for definition in registry.all_definitions()}
        runners: dict[str, TaskRunner] = {}
        if "process" in modes:
            from cloud_tasks.runners.process import ProcessRunner

            runners["process"] = ProcessRunner(self._program(), output=output)
        if "pool" in modes:
            from cloud_tasks.runners.pool import PoolRunner

            runners["pool"] = PoolRunner(
                self._program(),
                members=self._settings.pool_size or os.cpu_count() or 1,
                output=output,
                max_tasks_per_child=self._settings.pool_tasks_max,
            )
        slots = self._settings.concurrency
        on_loop, in_thread = (Program(call, self._worker_data()) for call in (calls.on_loop, calls.in_thread))
        runners["async"] = InlineRunner(on_loop, slots, stuck.watch(slots))
        runners["thread"] = InlineRunner(in_thread, slots, stuck.watch(slots))
        return RoutedRunner(runners, self._rules.mode_of)

    def _program(self) -> Program:
        modules = sorted({one.function.__module__ for one in registry.all_definitions()})
        return Program(call_task, self._worker_data(), preload=tuple(modules))

    def _worker_data(self) -> WorkerData:
        data = WorkerData()
        data.num_simultaneous_tasks = self._settings.concurrency
        data.shutdown_grace_period = self._settings.grace_s
        data.keepalive_interval = self._settings.heartbeat_s
        data.provider = self._settings.provider
        data.handed_down = self._settings.handed_down
        return data

    def _queues(self) -> PriorityQueues:
        settings = self._settings
        queues = {name: self._driver.tasks(name, self._rules.lease_s) for name in settings.queues}
        return PriorityQueues(queues, self._rules.of, SystemClock(), settings.starvation_guard_s)

    def _shell(self, runner: TaskRunner, queues: PriorityQueues) -> WorkerShell:
        settings, clock = self._settings, SystemClock()
        return WorkerShell(
            self._machine_settings(),
            ShellSettings(
                worker_id=self.worker_id,
                hostname=self._hostname,
                pid=os.getpid(),
                keepalive_s=settings.heartbeat_s,
                tell_starts=self._tell_starts,
            ),
            queue=queues,
            runner=runner,
            sink=TeeSink(self._sinks, best_effort=self._displays),
            metadata=open_metadata(
                settings.provider, hostname=self._hostname, clock=clock, environ=os.environ
            ),
            clock=clock,
            observer=self._observer,
        )

    def _machine_settings(self) -> MachineSettings:
        settings = self._settings
        usual = self._rules.usual
        return MachineSettings(
            slots=settings.concurrency,
            max_runtime_s=usual.max_runtime_s,
            grace_s=settings.grace_s,
            retry=usual.retry,
            max_num_tasks=settings.max_tasks,
            idle_exit_s=settings.idle_exit_s,
            unsettled_max=settings.concurrency + _UNSETTLED_MAX,
            start_s_max=_START_S_MAX,
            worker_id=self.worker_id,
        )


def _own_streams(closing: contextlib.AsyncExitStack) -> Output:
    streams = OwnStreams()
    closing.push_async_callback(streams.aclose)
    return streams


class _LogObserver:
    """One who writes what is worth telling to a logger."""

    def __init__(self) -> None:
        self._log = logging.getLogger("cloud_tasks")

    def task_started(self, task_id: str) -> None:
        """Say so to those who debug."""
        self._log.debug("task %s started", task_id)

    def task_progress(self, task_id: str, done: float, total: float | None) -> None:
        """Say so to those who debug."""
        self._log.debug("task %s: %s of %s", task_id, done, total)

    def worker_message(self, text: str) -> None:
        """Say it."""
        self._log.warning("%s", text)


_ARGUMENTS = {
    "concurrency": "concurrency",
    "max_tasks": "max_tasks",
    "idle_exit_s": "exit_when_empty",
    "starvation_guard_s": "starvation_guard",
    "worker_id": "worker_id",
    "heartbeat_s": "heartbeat_interval",
    "grace_s": "shutdown_grace_period",
    "pool_size": "process_pool_size",
    "pool_tasks_max": "process_pool_max_tasks_per_child",
    "provider": "provider",
}
"""What each setting is called on the command line, and in programs."""


def _check(settings: TaskWorkerSettings) -> None:
    found = [value_problem(name, getattr(settings, field), name) for field, name in _ARGUMENTS.items()]
    problems = [
        *queue_problems(settings.queues),
        *(problem for problem in found if problem is not None),
        *defaults_problems(settings.defaults),
    ]
    if problems:
        raise ConfigurationError(*problems)
