"""Several ways of running tasks side by side; each task goes the way that is its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cloud_tasks.core.task import Task
from cloud_tasks.interfaces import RunListener, RunSpec, TaskRun, TaskRunner


class RoutedRunner:
    """Hands each attempt to one of several runners.

    Args:
        runners: By name. They are opened in this order: those that fork first, before any thread exists.
        route: Says by which of them a task is run.
    """

    def __init__(self, runners: Mapping[str, TaskRunner], route: Callable[[Task], str]) -> None:
        self._runners = dict(runners)
        self._route = route

    async def open(self) -> None:
        """Open all of them."""
        for runner in self._runners.values():
            await runner.open()

    def start(self, spec: RunSpec, listener: RunListener) -> TaskRun:
        """Start one attempt where it belongs; returns at once."""
        return self._runners[self._route(spec.task)].start(spec, listener)

    def notify(self, *, termination: bool = False, shutdown: bool = False) -> None:
        """Tell every task."""
        for runner in self._runners.values():
            runner.notify(termination=termination, shutdown=shutdown)

    async def aclose(self) -> None:
        """Close all of them, the last opened first."""
        for runner in reversed(self._runners.values()):
            await runner.aclose()
