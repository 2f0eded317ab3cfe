"""Puts a worker together for a program, and runs it."""

from __future__ import annotations

import argparse
import contextlib
import os
import socket
import sys
from collections.abc import Callable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from cloud_tasks.clock import SystemClock
from cloud_tasks.compose.calling_form import check_form
from cloud_tasks.compose.garbage import garbage_looked_for_rarely
from cloud_tasks.compose.naming import new_worker_id
from cloud_tasks.compose.queues import open_queues
from cloud_tasks.compose.runners import choose_runner
from cloud_tasks.compose.running import ConsoleObserver, failures_told_to, nobody, unless_signalled
from cloud_tasks.compose.signals import SignalWatch
from cloud_tasks.compose.sources import Source, check_lease, is_local, open_source
from cloud_tasks.compose.task_stuck import StuckReport
from cloud_tasks.compose.telling import UsageExit, tell
from cloud_tasks.config.printing import print_and_exit
from cloud_tasks.config.resolve import Resolved, resolve
from cloud_tasks.config.settings import settings_for_worker_data
from cloud_tasks.config.show import show_config
from cloud_tasks.console import Console, choose_console
from cloud_tasks.core.machine import MachineSettings
from cloud_tasks.core.policy import RetryPolicy
from cloud_tasks.errors import ConfigurationError, ProblemsError
from cloud_tasks.interfaces import EventSink, InstanceMetadata, TaskRunner
from cloud_tasks.metadata.opening import open_metadata
from cloud_tasks.runners.program import Program
from cloud_tasks.runners.worker_data import WorkerData
from cloud_tasks.shell import ShellSettings, WorkerShell
from cloud_tasks.sinks.file import FileSink
from cloud_tasks.sinks.tee import TeeSink
from cloud_tasks.summary import Summary

_GIB = 1024**3
_UNSETTLED_MAX = 64


class Assembly:
    """A program's function with its settings, ready to be run."""

    def __init__(self, program: Program, resolved: Resolved, task_source: object) -> None:
        """Take note; nothing is started."""
        self._program = program
        self._resolved = resolved
        self._settings = resolved.settings
        self._task_source = task_source

    @classmethod
    def of_program(
        cls,
        function: Callable[..., object],
        *,
        success_first: bool,
        task_source: object,
        args: Sequence[str] | None,
        argparser: argparse.ArgumentParser | None,
    ) -> Assembly:
        """Read the options of a program.

        Raises:
            SystemExit: They, or the function, cannot be used (status 2), or only help or the like was asked
                for (0).
        """
        try:
            resolved = resolve(args, os.environ, parser=argparser, local_source=task_source is not None)
        except ConfigurationError as error:
            raise UsageExit(error) from None
        tell(resolved.warnings, "warning")
        if resolved.settings.show_config:
            print_and_exit(show_config(resolved))
        try:
            check_form(function, success_first=success_first)
        except ConfigurationError as error:
            raise UsageExit(error) from None
        worker_data = WorkerData()
        for name, value in settings_for_worker_data(resolved.settings).items():
            setattr(worker_data, name, value)
        worker_data.args = resolved.namespace
        return cls(Program(function, worker_data, success_first=success_first), resolved, task_source)

    @property
    def worker_data(self) -> WorkerData:
        """The settings, as tasks will see them."""
        return self._program.worker_data

    async def work(self) -> Summary:
        """Run the worker.

        Raises:
            SystemExit: The task file or the program cannot be used (status 2), or a signal came before the
                first task (130, 143).
        """
        settings = self._settings
        console = choose_console(
            sys.stdout, sys.stderr, os.environ, json=settings.json, verbose=settings.verbose
        )
        try:
            with SignalWatch(nobody) as signals:
                async with contextlib.AsyncExitStack() as closing:
                    return await self._work(console, signals, closing)
        except ProblemsError as error:
            await console.aclose()
            raise UsageExit(error) from None
        finally:
            await console.aclose()

    async def _work(
        self, console: Console, signals: SignalWatch, closing: contextlib.AsyncExitStack
    ) -> Summary:
        stuck = StuckReport(lambda task: task.task_id, self._settings.shutdown_grace_period)
        runner = choose_runner(self._program, self._settings, console, stuck)
        closing.push_async_callback(runner.aclose)
        parts = await unless_signalled(signals, self._prepare(runner, console, closing))
        tell(parts.source.warnings, "warning")
        console.open(parts.source.tasks_total)
        shell = self._shell(parts, runner, console)
        signals.receiver, stuck.receiver = shell.request_shutdown, shell.give_up
        shared = self._settings.runner == "inline"
        with failures_told_to(shell, loop_is_shared=shared), garbage_looked_for_rarely():
            summary = await shell.run()
        summary = replace(summary, problems=summary.problems + parts.source.left_undone())
        console.finish(summary)
        tell(parts.source.left_out(), "warning")
        if shell.source_problems:
            await console.aclose()
            tell(shell.source_problems)
        return summary

    async def _prepare(
        self, runner: TaskRunner, console: Console, closing: contextlib.AsyncExitStack
    ) -> _Parts:
        """Whatever may fail does so here, before the first task is taken."""
        settings, clock = self._settings, SystemClock()
        metadata = open_metadata(
            settings.provider,
            hostname=socket.gethostname(),
            clock=clock,
            environ=os.environ,
            simulate_after_s=settings.simulate_spot_termination_after,
            simulate_delay_s=settings.simulate_spot_termination_delay,
        )
        closing.push_async_callback(metadata.aclose)
        await runner.open()  # before any thread exists: some ways to start tasks fork this very process
        backend = await open_queues(settings, tasks=not is_local(self._task_source, settings))
        if backend is not None:
            closing.push_async_callback(backend.aclose)
        source = await open_source(self._task_source, settings, backend, console.checking)
        check_lease(settings, source.queue.capabilities)
        sinks: list[EventSink] = []
        if settings.event_log_to_file:
            sinks.append(FileSink(settings.event_log_file, without="none with `--no-event-log-to-file`"))
        if backend is not None and settings.event_log_to_queue:
            sinks.append(await backend.sink())
        return _Parts(source, TeeSink(sinks, best_effort=[console]), metadata, clock)

    def _shell(self, parts: _Parts, runner: TaskRunner, console: Console) -> WorkerShell:
        settings = self._settings
        hostname = socket.gethostname()
        limit_gb = settings.max_memory_allowed_per_task
        return WorkerShell(
            self._machine_settings(),
            ShellSettings(
                worker_id=new_worker_id(hostname),
                hostname=hostname,
                pid=os.getpid(),
                memory_limit_bytes=None if limit_gb is None else int(limit_gb * _GIB),
                keepalive_s=settings.keepalive_interval,
                tasks_total=parts.source.tasks_total,
            ),
            queue=parts.source.queue,
            runner=runner,
            sink=parts.sink,
            metadata=parts.metadata,
            clock=parts.clock,
            observer=ConsoleObserver(console),
        )

    def _machine_settings(self) -> MachineSettings:
        settings = self._settings
        # A finite source says itself when it has ended, and may be slow before; a queue is waited for as long
        # as the worker lives. Idle time ends a worker only where the user says so.
        told = self._resolved.origins["exit_when_empty"].kind != "derived"
        return MachineSettings(
            slots=settings.num_simultaneous_tasks,
            max_runtime_s=settings.max_runtime,
            grace_s=settings.shutdown_grace_period,
            retry=RetryPolicy(
                on_exit=settings.retry_on_exit,
                on_exception=settings.retry_on_exception,
                on_timeout=settings.retry_on_timeout,
                attempts_max=settings.max_attempts,
                interruptions_max=settings.max_interruptions,
            ),
            tasks_to_skip=settings.tasks_to_skip,
            max_num_tasks=settings.max_num_tasks,
            idle_exit_s=settings.exit_when_empty if told else None,
            unsettled_max=settings.num_simultaneous_tasks + _UNSETTLED_MAX,
        )


class _Parts(Struct, frozen=True):
    """What a worker is put together from, ready to be used."""

    source: Source
    sink: EventSink
    metadata: InstanceMetadata
    clock: SystemClock
