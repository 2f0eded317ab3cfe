"""Puts together a worker of Conductor tasks: an ordinary worker, whose queue is the server's."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Sequence
from math import inf

from msgspec import Struct

from cloud_tasks.clock import SystemClock
from cloud_tasks.compose.fleet_service import LentMetadata
from cloud_tasks.compose.naming import new_worker_id
from cloud_tasks.conductor_app.calling import call_worker, hand_down, run_worker, run_worker_on_loop
from cloud_tasks.conductor_app.configuration import Configuration, WorkerSettings
from cloud_tasks.conductor_app.form import WholeForm
from cloud_tasks.conductor_app.workers import Worker, WorkerAbc
from cloud_tasks.core.machine import MachineSettings
from cloud_tasks.core.policy import RetryPolicy
from cloud_tasks.errors import Problem, ProgramError
from cloud_tasks.interfaces import EventSink, InstanceMetadata, TaskRunner
from cloud_tasks.queues.conductor import ConductorSettings, Watcher, open_queue
from cloud_tasks.runners.inline import InlineRunner
from cloud_tasks.runners.output import Output
from cloud_tasks.runners.program import Program
from cloud_tasks.runners.worker_data import WorkerData
from cloud_tasks.shell import Observer, ShellSettings, WorkerShell
from cloud_tasks.sinks.tee import TeeSink

_GIB = 1024**3
_UNSETTLED_MAX = 256
SERVER_DECIDES = RetryPolicy(on_exit=True, on_exception=True, on_timeout=True)
"""Whatever fails is FAILED, and the task's definition says how often and when it is tried again."""


class HostSettings(Struct, frozen=True, kw_only=True):
    """What holds for all workers of a host.

    Attributes:
        grace_s: From the request to end until it is gone, in seconds.
        idle_exit_s: How long there must have been no task for a worker to end; None: it waits for more.
        provider: Whose machine it is, to hear of its end; None: nobody's.
        heartbeat_s: Between keep-alive events, in seconds; 0: none.
    """

    grace_s: float = 30.0
    idle_exit_s: float | None = None
    provider: str | None = None
    heartbeat_s: float = 60.0


class ConductorWorker:
    """One worker: what it takes to put it together, any number of times.

    Args:
        settings: The worker's.
        configuration: The server.
        host: What holds for all workers.
        machine: The machine's metadata; stays open when a worker ends.
        sinks: Those that must have stored an event before its task is settled.
        displays: Those whose failures never matter.
        observer: Who watches.
        output: Gets what tasks in processes of their own print.
        watcher: Told of polls and updates.
    """

    def __init__(
        self,
        settings: WorkerSettings,
        configuration: Configuration,
        host: HostSettings,
        *,
        machine: InstanceMetadata,
        observer: Observer,
        output: Output,
        sinks: Callable[[], Sequence[EventSink]] = tuple,
        displays: Sequence[EventSink] = (),
        watcher: Watcher | None = None,
    ) -> None:
        self.name = ",".join(settings.worker.task_definition_names)
        self._settings = settings
        self._configuration = configuration
        self._host = host
        self._machine = machine
        self._observer = observer
        self._output = output
        self._sinks = sinks
        self._displays = displays
        self._watcher = watcher

    async def open(self) -> WorkerShell:
        """A worker, open and ready to be run.

        Raises:
            ProgramError: The worker cannot be handed to task processes.
            ConfigurationError: A package is missing, or the runner cannot do what is asked of it.
        """
        runner = self._runner()
        try:
            await runner.open()
            return self._shell(runner)
        except BaseException:  # boundary: closed, and raised again
            await runner.aclose()
            raise

    def _shell(self, runner: TaskRunner) -> WorkerShell:
        worker, settings, clock = self._settings.worker, self._settings, SystemClock()
        hostname, limit_gb = socket.gethostname(), worker.memory_limit_gb
        worker_id = new_worker_id(hostname)
        configuration = self._configuration
        queue = open_queue(
            ConductorSettings(
                task_types=worker.task_definition_names,
                api_url=configuration.address(os.environ).value,
                worker_id=worker.get_identity(),
                domains=settings.domains,
                polling_interval_s=settings.polling_interval_s,
                layout=configuration.layout,
                results_dir=configuration.results_dir,
                headers=configuration.headers,
            ),
            clock,
            form=WholeForm(),
            watcher=self._watcher,
            paused=None if _is_never_paused(worker) else worker.paused,
        )
        return WorkerShell(
            MachineSettings(
                slots=settings.thread_count,
                max_runtime_s=inf if worker.timeout_s is None else worker.timeout_s,
                grace_s=self._host.grace_s,
                retry=SERVER_DECIDES,
                idle_exit_s=self._host.idle_exit_s,
                unsettled_max=settings.thread_count + _UNSETTLED_MAX,
                worker_id=worker_id,
            ),
            ShellSettings(
                worker_id=worker_id,
                hostname=hostname,
                pid=os.getpid(),
                memory_limit_bytes=None if limit_gb is None else int(limit_gb * _GIB),
                keepalive_s=self._host.heartbeat_s,
            ),
            queue=queue,
            runner=runner,
            sink=TeeSink(self._sinks(), best_effort=self._displays),
            metadata=LentMetadata(self._machine),
            clock=clock,
            observer=self._observer,
        )

    def _runner(self) -> TaskRunner:
        worker, slots = self._settings.worker, self._settings.thread_count
        if worker.runner == "async":
            return InlineRunner(Program(_OnLoop(worker), self._worker_data()), slots)
        if worker.runner == "thread":
            return InlineRunner(Program(_InThread(worker), self._worker_data()), slots)
        data = self._worker_data()
        data.handed_down = _handed_down(worker)
        program = Program(call_worker, data, preload=_modules_of(worker))
        if worker.runner == "pool":
            from cloud_tasks.runners.pool import PoolRunner

            return PoolRunner(program, members=slots, output=self._output)
        from cloud_tasks.runners.process import ProcessRunner

        return ProcessRunner(program, output=self._output)

    def _worker_data(self) -> WorkerData:
        worker, data = self._settings.worker, WorkerData()
        data.num_simultaneous_tasks = self._settings.thread_count
        if worker.timeout_s is not None:
            data.max_runtime = worker.timeout_s
        data.max_memory_allowed_per_task = worker.memory_limit_gb
        data.shutdown_grace_period = self._host.grace_s
        data.provider = self._host.provider
        return data


class _InThread:
    def __init__(self, worker: WorkerAbc) -> None:
        self._worker = worker

    def __call__(self, _: str, task_data: dict[str, object], worker_data: WorkerData) -> object:
        return run_worker(self._worker, task_data, worker_data)


class _OnLoop:
    def __init__(self, worker: WorkerAbc) -> None:
        self._worker = worker

    async def __call__(self, _: str, task_data: dict[str, object], worker_data: WorkerData) -> object:
        return await run_worker_on_loop(self._worker, task_data, worker_data)


def _is_never_paused(worker: WorkerAbc) -> bool:
    """Whether nobody has written a `paused` of their own, which might take its time."""
    return getattr(worker.paused, "__func__", None) is WorkerAbc.paused


def _handed_down(worker: WorkerAbc) -> str:
    try:
        return hand_down(worker)
    except Exception as error:  # noqa: BLE001 - boundary: pickling runs the user's code
        name = worker.get_task_definition_name()
        raise ProgramError(
            Problem(
                f"the worker of {name!r} cannot be handed to task processes: {error}",
                helps=(
                    "define its class or function at the top level of a module",
                    "open connections and the like in `execute`, not in `__init__`",
                    'or set `runner = "thread"`: it then runs in the program itself, without isolation',
                ),
            )
        ) from None


def _modules_of(worker: WorkerAbc) -> tuple[str, ...]:
    """What a task process imports beforehand: what the worker is made of."""
    parts = [type(worker), *([worker.execute_function] if isinstance(worker, Worker) else [])]
    modules = dict.fromkeys(part.__module__ for part in parts)
    return tuple(name for name in modules if not name.startswith("cloud_tasks."))
