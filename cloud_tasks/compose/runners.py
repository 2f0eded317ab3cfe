"""Chooses how attempts are run."""

from __future__ import annotations

from cloud_tasks.compose.task_output import to_console
from cloud_tasks.compose.task_stuck import StuckReport
from cloud_tasks.config.settings import Settings
from cloud_tasks.console import Console
from cloud_tasks.interfaces import TaskRunner
from cloud_tasks.runners.program import Program

_GIB = 1024**3


def choose_runner(program: Program, settings: Settings, console: Console, stuck: StuckReport) -> TaskRunner:
    """The runner that the settings name."""
    if settings.runner == "inline":
        from cloud_tasks.runners.inline import InlineRunner

        slots = settings.num_simultaneous_tasks
        return InlineRunner(program, slots, stuck.watch(slots))
    if settings.runner == "pool":
        from cloud_tasks.runners.pool import PoolRunner

        most_gb = settings.max_memory_per_child
        return PoolRunner(
            program,
            members=settings.num_simultaneous_tasks,
            start_method=settings.start_method,
            max_tasks_per_child=settings.max_tasks_per_child,
            max_memory_per_child_bytes=None if most_gb is None else int(most_gb * _GIB),
            output=to_console(console),
        )
    from cloud_tasks.runners.process import ProcessRunner

    return ProcessRunner(program, start_method=settings.start_method, output=to_console(console))
