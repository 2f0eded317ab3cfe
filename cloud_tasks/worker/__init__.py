"""The public API: `Worker` and `WorkerData`.

    from cloud_tasks.worker import Worker, WorkerData

This module is loaded into every helper process that imports the user's program, so it imports nothing
heavy; what a worker needs is imported when one is made.
"""

from __future__ import annotations

from cloud_tasks.runners.importing import importing_program
from cloud_tasks.runners.named import SuccessFirst
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

        While a task process imports the program, none of that is done: the worker that runs it has its own.

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
        self._assembly: Assembly | None = None
        if importing_program():
            return
        from cloud_tasks.compose.assembly import Assembly

        older = isinstance(user_worker_function, SuccessFirst)
        function: Callable[..., object] = (
            user_worker_function.function
            if isinstance(user_worker_function, SuccessFirst)
            else user_worker_function
        )
        self._assembly = Assembly.of_program(
            function, success_first=older, task_source=task_source, args=args, argparser=argparser
        )

    @property
    def worker_data(self) -> WorkerData:
        """The settings, as tasks will see them.

        Raises:
            ProgramError: It is read in a task process.
        """
        return self._working(_READ).worker_data

    async def start(self) -> Summary:
        """Work until the source has no more tasks or somebody asks for an end.

        Returns:
            What the run came to. Failed tasks are told there and raise nothing.

        Raises:
            SystemExit: With status 2 after saying what is wrong with the task file or the program; no task
                was taken.
        """
        return await self._working(_START).work()

    def run(self) -> int:
        """Work, and return the exit status.

        It is 0 if all went well, 1 if tasks failed, 130 after SIGINT and 143 after SIGTERM.

        Raises:
            SystemExit: As `start` does.
        """
        self._working(_START)
        from cloud_tasks.compose.own_loop import run_on_own_loop

        return run_on_own_loop(self.start(), lambda summary: summary.exit_status)

    def _working(self, deed: _Deed) -> Assembly:
        """What a worker is made of, unless a task process made this one by importing the program.

        A program without a main guard would start workers inside its own helper processes.
        """
        if self._assembly is None or importing_program():
            raise _refusal(deed)
        return self._assembly


class _Deed:
    """What is for the worker's own process alone.

    Attributes:
        while_imported: It, done while a task process imports the program.
        in_task: It, done by a task.
        help: What to do instead.
    """

    def __init__(self, while_imported: str, in_task: str, help_text: str) -> None:
        self.while_imported = while_imported
        self.in_task = in_task
        self.help = help_text


_START = _Deed(
    "the program starts a Worker when it is imported, and task processes import it",
    "the Worker of the program is started inside a task",
    'put what starts the worker under `if __name__ == "__main__":`',
)
_READ = _Deed(
    "`worker.worker_data` is read when the program is imported, and task processes import it",
    "`worker.worker_data` is read inside a task",
    "tasks get it as their third argument",
)


def _refusal(deed: _Deed) -> Exception:
    from cloud_tasks.errors import Problem, ProgramError

    if not importing_program():
        return ProgramError(Problem(deed.in_task, helps=(deed.help,)))
    notes = ("nothing started; 0 tasks taken",)
    return ProgramError(Problem(deed.while_imported, helps=(deed.help,), notes=notes))
