"""Several workers of Conductor tasks beside a program: on an event loop in a thread of its own."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from types import FrameType, TracebackType
from typing import Self

from cloud_tasks.clock import SystemClock
from cloud_tasks.compose.conductor_metrics import open_metrics
from cloud_tasks.compose.conductor_worker import ConductorWorker, HostSettings
from cloud_tasks.compose.fleet import Fleet
from cloud_tasks.compose.fleet_service import FleetService
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

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
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
        self._stop: Callable[[str], None] | None = None
        self._handlers: dict[signal.Signals, object] = {}
        self.summaries: Mapping[str, Summary] = {}

    @property
    def settings(self) -> tuple[WorkerSettings, ...]:
        """The settings of each worker, with where they came from."""
        return tuple(self._settled)

    def start_processes(self) -> None:
        """Start all workers; returns when they are ready to poll.

        Raises:
            SystemExit: A worker cannot be run (status 2); nothing is left running.
        """
        if importing_program():
            raise UsageExit(ConfigurationError(_no_main_guard()))
        if self._thread is not None:
            return
        if self.configuration.debug:
            _log_all()
        self._thread = threading.Thread(target=self._run, name="conductor-host")
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            self._finish()
        self._listen()

    def join_processes(self) -> None:
        """Wait until all workers have ended."""
        if self._thread is not None:
            self._over.wait()
            self._finish()

    def stop_processes(self) -> None:
        """Let running tasks end within the grace period, hand back the others, and wait for the end."""
        if self._stop is not None:
            self._stop("SIGTERM")
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

    def _run(self) -> None:
        try:
            self.summaries = asyncio.run(self._work())
        except BaseException as error:  # noqa: BLE001 - boundary: raised again in the program's own thread
            self._failure = error
        finally:
            self._over.set()
            self._ready.set()

    async def _work(self) -> Mapping[str, Summary]:
        clock = SystemClock()
        metrics = open_metrics(self._metrics_settings, clock)
        service = FleetService(os.environ, self._host.grace_s, _say)
        hostname = socket.gethostname()
        machine = open_metadata(self._host.provider, hostname=hostname, clock=clock, environ=os.environ)
        try:
            workers = [
                ConductorWorker(
                    settings,
                    self.configuration,
                    self._host,
                    machine=machine,
                    observer=service.observer(_name_of(settings)),
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

    async def _run_fleet(
        self, workers: Mapping[str, ConductorWorker], service: FleetService
    ) -> Mapping[str, Summary]:
        loop = asyncio.get_running_loop()
        first = await _open_all(workers)

        def opener(name: str) -> Callable[[], asyncio.Future[WorkerShell]]:
            return lambda: asyncio.ensure_future(_again(first, name, workers[name]))

        fleet = Fleet(
            {name: opener(name) for name in workers},
            SystemClock(),
            on_failure=lambda name, error: _log.error("worker of %s failed: %s", name, error, exc_info=error),
        )

        def stop(name: str) -> None:
            service.signalled(name)
            fleet.request_shutdown(name)

        self._stop = lambda name: _call(loop, stop, name)
        service.ready()
        self._ready.set()
        summaries = await fleet.run()
        service.ended()
        return summaries

    def _sinks(self) -> tuple[FileSink, ...]:
        return () if self._event_log_file is None else (FileSink(self._event_log_file),)

    # --- the program's thread

    def _listen(self) -> None:
        """Have signals end the workers; where this is not the main thread, its program calls the shots."""
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                self._handlers[number] = signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        if self._stop is not None:
            self._stop(signal.Signals(number).name)

    def _finish(self) -> None:
        """The thread has come to its end: let go of everything, and raise what ended it."""
        if self._thread is None:
            return
        self._thread.join()
        self._thread = None
        for number, handler in self._handlers.items():
            signal.signal(number, handler)  # type: ignore[arg-type] # what signal.signal gave
        self._handlers.clear()
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
    opened = await asyncio.gather(*(worker.open() for worker in workers.values()), return_exceptions=True)
    shells = {name: one for name, one in zip(workers, opened, strict=True) if isinstance(one, WorkerShell)}
    failures = [one for one in opened if isinstance(one, BaseException)]
    if failures:
        for shell in shells.values():
            shell.request_shutdown("SIGTERM")
            await shell.run()
        raise failures[0]
    return shells


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
