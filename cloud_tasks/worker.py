"""The public API: `Worker` and `WorkerData`.

    from cloud_tasks.worker import Worker, WorkerData

This module is loaded into every helper process that imports the user's program, so it imports nothing
heavy; what a worker needs is imported when one is made.
"""

from __future__ import annotations

from cloud_tasks.runners.importing import importing_program
from cloud_tasks.runners.worker_data import WorkerData

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    import os
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
    from typing import Any, TypeAlias

    from cloud_tasks.compose.assembly import Assembly
    from cloud_tasks.interfaces import TaskQueue
    from cloud_tasks.summary import Summary

    Pair: TypeAlias = tuple[bool, Any]
    TaskFunction: TypeAlias = Callable[[str, dict[str, Any], WorkerData], Pair | Awaitable[Pair]]
    SuccessFirstFunction: TypeAlias = Callable[[str, dict[str, Any]], Pair | Awaitable[Pair]]
    TaskSource: TypeAlias = str | os.PathLike[str] | TaskQueue | Callable[[], Iterable[Mapping[str, object]]]

__all__ = ["SuccessFirst", "Worker", "WorkerData", "success_first"]


class SuccessFirst:
    """A task function of the older form, marked as such by `success_first`."""

    def __init__(self, function: SuccessFirstFunction) -> None:
        """Mark `function`."""
        self.function = function


def success_first(function: SuccessFirstFunction) -> SuccessFirst:
    """Adapt a task function of the older form `(task_id, task_data) -> (success, result)`.

        worker = Worker(success_first(process_task))

    A task that returns `(False, ...)` asks for a retry. The form is named here because it cannot be guessed:
    `(True, ...)` means success in the one and retry in the other.
    """
    return SuccessFirst(function)


class Worker:
    """Runs one function on every task of a source.

    def process_task(task_id, task_data, worker_data):
        return False, "done"  # (retry, result)

    if __name__ == "__main__":
        worker = Worker(process_task, args=sys.argv[1:])
        asyncio.run(worker.start())
    """

    def __init__(
        self,
        user_worker_function: TaskFunction | SuccessFirst,
        *,
        task_source: TaskSource | None = None,
        args: Sequence[str] | None = None,
        argparser: argparse.ArgumentParser | None = None,
    ) -> None:
        """Read options and check what can be checked; nothing is started yet.

        Args:
            user_worker_function: `(task_id, task_data, worker_data) -> (retry, result)`, plain or
                `async def`; or a function of the older form, marked by `success_first`.
            task_source: Where tasks come from, whatever the command line says: a path or address of a task
                file, a function that returns an iterator of tasks, or a `TaskQueue`.
            args: Command-line arguments; None: those of this program.
            argparser: Parser with further arguments of the program, which tasks see in `worker_data.args`.

        Raises:
            SystemExit: With status 2 after saying what is wrong with the options; with 0 after `--help`
                and its like.
        """
        _refuse_inside_import()
        from cloud_tasks.compose.assembly import Assembly

        older = isinstance(user_worker_function, SuccessFirst)
        function: Callable[..., object] = (
            user_worker_function.function
            if isinstance(user_worker_function, SuccessFirst)
            else user_worker_function
        )
        self._assembly: Assembly = Assembly.of_program(
            function, success_first=older, task_source=task_source, args=args, argparser=argparser
        )

    @property
    def worker_data(self) -> WorkerData:
        """The settings, as tasks will see them."""
        return self._assembly.worker_data

    async def start(self) -> Summary:
        """Work until the source has no more tasks or somebody asks for an end.

        Returns:
            What the run came to. Failed tasks are told there and raise nothing.

        Raises:
            SystemExit: With status 2 after saying what is wrong with the task file or the program; no task
                was taken.
        """
        _refuse_inside_import()
        return await self._assembly.work()

    def run(self) -> int:
        """Work, and return the exit status.

        It is 0 if all went well, 1 if tasks failed, 130 after SIGINT and 143 after SIGTERM.

        Raises:
            SystemExit: As `start` does.
        """
        _refuse_inside_import()
        import asyncio

        return asyncio.run(self.start()).exit_status


def _refuse_inside_import() -> None:
    """A program without a main guard would start workers inside its own helper processes."""
    if importing_program():
        from cloud_tasks.errors import Problem, ProgramError

        raise ProgramError(
            Problem(
                "the program starts a Worker when it is imported, and task processes import it",
                helps=('put what starts the worker under `if __name__ == "__main__":`',),
                notes=("nothing started; 0 tasks taken",),
            )
        )
