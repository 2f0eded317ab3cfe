"""Several workers of Conductor tasks beside a program: on an event loop in a thread of its own."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from types import TracebackType
from typing import Self

from cloud_tasks.clock import SystemClock
from cloud_tasks.compose.conductor_metrics import open_metrics
from cloud_tasks.compose.conductor_stops import Signals, StopRequests
from cloud_tasks.compose.conductor_worker import ConductorWorker, HostSettings
from cloud_tasks.compose.fleet import Fleet
from cloud_tasks.compose.fleet_service import FleetService
from cloud_tasks.compose.own_loop import run_and_leave
from cloud_tasks.compose.task_output import OwnStreams
from cloud_tasks.compose.telling import UsageExit
from cloud_tasks.conductor_app.configuration import (
    Configuration,
    MetricsSettings,
    Sources,
    WorkerSettings,
    settle,
)
from cloud_tasks.conductor_app.workers import WorkerAbc, decorated_workers
from cloud_tasks.errors import ConfigurationError, Problem, ProblemsError
from cloud_tasks.metadata.opening import open_metadata
from cloud_tasks.runners.importing import importing_program
from cloud_tasks.shell import WorkerShell
from cloud_tasks.sinks.file import FileSink
from cloud_tasks.summary import Summary

_log = logging.getLogger("cloud_tasks.conductor")


class WorkerHost:
    """Runs workers side by side until it is told to stop: SIGTERM, SIGINT or `stop_processes`.

        with WorkerHost(workers, configuration) as host:
            host.start_processes()

    Leaving the block waits for the end; leaving it with an exception stops the workers. Tasks run in
    processes of their own (see `WorkerAbc.runner`); one that dies fails its task and is replaced. A first
    signal lets running tasks end within the grace period and hands the others back; a second one kills them.

    Args:
        workers: The workers; None: those of functions decorated with `worker_task`.
        configuration: The server; None: as the variables say.
        metrics_settings: Where metrics are written; None: nowhere.
        config_file: File with settings of workers; None: `worker.ini` beside the program, if it is there.
        shutdown_grace_period: How long running tasks may go on after a signal, in seconds.
        provider: "AWS", "GCP" or "AZURE", to hear of the end of a spot instance; None: nobody is asked.
        event_log_file: File that what becomes of every attempt is written to; None: none.
        exit_when_empty: How long there must have been no task for a worker to end, in seconds; None: it
            waits for more.

    Raises:
        SystemExit: A setting cannot be used (status 2); every problem is told.
    """

    def __init__(
        self,
        workers: Sequence[WorkerAbc] | None = None,
        configuration: Configuration | None = None,
        metrics_settings: MetricsSettings | None = None,
        *,
        config_file: str | None = None,
        shutdown_grace_period: float = 30.0,
        provider: str | None = None,
        event_log_file: str | None = None,
        exit_when_empty: float | None = None,
    ) -> None:
        self.configuration = configuration or Configuration()
        self._metrics_settings = metrics_settings
        self._event_log_file = event_log_file
        self._host = HostSettings(
            grace_s=shutdown_grace_period, provider=provider, idle_exit_s=exit_when_empty
        )
        try:
            self.configuration.address(os.environ)
            self._settled = _settled(workers, Sources(os.environ, config_file))
        except ConfigurationError as error:
            raise UsageExit(error) from None
        self._thread: threading.Thread | None = None
        self._ready = threading.Event()
        self._over = threading.Event()
        self._failure: BaseException | None = None
        self._stops = StopRequests()
        self._signals = Signals(self._ask, self._is_over)
        self._joining = False
        # Of the thread and the signals; a signal may come while its own thread is in there.
        self._lock = threading.RLock()
        self.summaries: Mapping[str, Summary] = {}

    @property
    def settings(self) -> tuple[WorkerSettings, ...]:
        """The settings of each worker, with where they came from."""
        return tuple(self._settled)

    def start_processes(self) -> None:
        """Start all workers; returns when they are ready to poll, or have been told to stop before that.

        Raises:
            SystemExit: A worker cannot be run (status 2); nothing is left running.
        """
        if importing_program():
            raise UsageExit(ConfigurationError(_no_main_guard()))
        with self._lock:
            if self._thread is not None:
                return
            if self.configuration.debug:
                _log_all()
            self._begin()
        self._ready.wait()
        if self._failure is not None:
            self._finish()

    def join_processes(self) -> None:
        """Wait until all workers have ended.

        What ended them is raised here; in a program that started them on its main thread, only there.
        """
        if self._thread is None:
            return
        if threading.current_thread() is threading.main_thread():
            self._joining = True
        self._over.wait()
        self._finish()

    def stop_processes(self) -> None:
        """Let running tasks end within the grace period, hand back the others, and wait for the end.

        May be called from any thread, and while the workers are being started.
        """
        if self._thread is not None:
            self._ask("SIGTERM")
        self.join_processes()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.join_processes()
        else:
            self.stop_processes()

    # --- the thread

    def _begin(self) -> None:
        self._stops = StopRequests()
        self._joining = False
        self._ready.clear()
        self._over.clear()
        self._signals.take()
        self._thread = threading.Thread(target=self._run, name="conductor-host")
        self._thread.start()

    def _run(self) -> None:
        try:
            self.summaries, _ = run_and_leave(self._work())
        except BaseException as error:  # noqa: BLE001 - boundary: raised again in the program's own thread
            self._failure = error
        finally:
            self._over.set()
            self._ready.set()

    async def _work(self) -> Mapping[str, Summary]:
        clock = SystemClock()
        metrics = open_metrics(self._metrics_settings, clock)
        service = FleetService(os.environ, self._host.grace_s, _say)
        hostname, streams = socket.gethostname(), OwnStreams()
        machine = open_metadata(self._host.provider, hostname=hostname, clock=clock, environ=os.environ)
        try:
            workers = [
                ConductorWorker(
                    settings,
                    self.configuration,
                    self._host,
                    machine=machine,
                    observer=service.observer(_name_of(settings)),
                    output=streams,
                    sinks=self._sinks,
                    displays=(service.sink, *([] if metrics is None else [metrics.sink(settings.worker)])),
                    watcher=None if metrics is None else metrics.watcher,
                )
                for settings in self._settled
            ]
            with service.watching():
                return await self._run_fleet({worker.name: worker for worker in workers}, service)
        finally:
            await machine.aclose()
            if metrics is not None:
                await metrics.aclose()
            await streams.aclose()

    async def _run_fleet(
        self, workers: Mapping[str, ConductorWorker], service: FleetService
    ) -> Mapping[str, Summary]:
        loop, first, asked = asyncio.get_running_loop(), dict[str, WorkerShell](), list[str]()

        def opener(name: str) -> Callable[[], asyncio.Future[WorkerShell]]:
            return lambda: asyncio.ensure_future(_again(first, name, workers[name]))

        fleet = Fleet(
            {name: opener(name) for name in workers},
            SystemClock(),
            on_failure=lambda name, error: _log.error("worker of %s failed: %s", name, error, exc_info=error),
        )

        def stop(name: str) -> None:
            asked.append(name)
            service.signalled(name)
            fleet.request_shutdown(name)
            if len(asked) == 1:
                opening.cancel()

        opening = asyncio.ensure_future(_open_all(workers))
        self._stops.connect(lambda name: _call(loop, stop, name))
        try:
            first.update(await opening)
        except asyncio.CancelledError:
            if not asked:
                raise
        try:
            return await self._run_opened(fleet, service)
        finally:
            await _close(first.values())

    async def _run_opened(self, fleet: Fleet, service: FleetService) -> Mapping[str, Summary]:
        service.ready()
        self._ready.set()
        summaries = await fleet.run()
        service.ended()
        return summaries

    def _sinks(self) -> tuple[FileSink, ...]:
        return () if self._event_log_file is None else (FileSink(self._event_log_file),)

    # --- the program's thread

    def _ask(self, name: str) -> None:
        self._stops.ask(name)

    def _is_over(self) -> bool:
        """Whether the workers have ended, and the program does something else."""
        return self._over.is_set() and not self._joining

    def _finish(self) -> None:
        """The thread has come to its end: let go of everything, and raise what ended it.

        Where signals were taken, only the thread that did so can give them back: others leave it to that.
        """
        with self._lock:
            on_main = threading.current_thread() is threading.main_thread()
            if self._thread is None or (self._signals.are_taken and not on_main):
                return
            self._thread.join()
            self._signals.give_back()
            self._thread = None
            failure, self._failure = self._failure, None
        if isinstance(failure, ProblemsError):
            raise UsageExit(failure)
        if failure is not None:
            raise failure


def _log_all() -> None:
    """Log in detail, to standard error where the program has said nothing about logging."""
    _log.setLevel(logging.DEBUG)
    if not _log.hasHandlers():
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(name)-12s %(levelname)-8s %(message)s"))
        _log.addHandler(handler)


def _call(loop: asyncio.AbstractEventLoop, function: Callable[[str], None], name: str) -> None:
    try:
        loop.call_soon_threadsafe(function, name)
    except RuntimeError:
        return  # the loop has ended by itself


async def _open_all(workers: Mapping[str, ConductorWorker]) -> dict[str, WorkerShell]:
    """Open every worker; a mistake in one is told before any of them takes a task."""
    opening = [asyncio.ensure_future(worker.open()) for worker in workers.values()]
    try:
        await asyncio.gather(*opening, return_exceptions=True)
        return {name: one.result() for name, one in zip(workers, opening, strict=True)}
    except BaseException:  # boundary: closed, and raised again
        await _close([one.result() for one in opening if not one.cancelled() and one.exception() is None])
        raise


async def _close(shells: Collection[WorkerShell]) -> None:
    """End workers that have not been run."""
    for shell in shells:
        shell.request_shutdown("SIGTERM")
        await shell.run()


async def _again(first: dict[str, WorkerShell], name: str, worker: ConductorWorker) -> WorkerShell:
    """The worker that is open already; after a failure, a new one."""
    return first.pop(name) if name in first else await worker.open()


def _settled(workers: Sequence[WorkerAbc] | None, sources: Sources) -> list[WorkerSettings]:
    chosen = decorated_workers() if workers is None else workers
    if not chosen:
        raise ConfigurationError(
            Problem("there are no workers to be run", helps=("decorate a function with `worker_task`",))
        )
    return settle(chosen, sources)


def _no_main_guard() -> Problem:
    return Problem(
        "this program starts workers while one of its own task processes imports it",
        helps=('put what starts them under `if __name__ == "__main__":`',),
    )


def _name_of(settings: WorkerSettings) -> str:
    return ",".join(settings.worker.task_definition_names)


def _say(name: str, text: str) -> None:
    _log.warning("%s: %s", name, text)
