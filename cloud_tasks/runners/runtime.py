"""The user's program as a helper or task process holds it."""

from __future__ import annotations

import mmap
import os
import sys

from cloud_tasks.runners import crossing, loading
from cloud_tasks.runners.forks import end_other_than
from cloud_tasks.runners.reporting import Reporter
from cloud_tasks.runners.worker_data import FLAGS_SIZE_BYTES, WorkerData

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class ChildProgram:
    """What is run for each task.

    Attributes:
        function: The user's function; None in a template whose tasks import the program themselves.
        worker_data: What every task is given a fresh copy of.
        success_first: The function has the older form `(task_id, task_data) -> (success, result)`.
        reporter: Tells the worker how a task fares.
        exec_command: How to start an interpreter for each task; [] where tasks are forks. In its last
            item "{channel}" stands for descriptor and inode of the channel.
        exec_fds: Descriptors that such an interpreter must inherit.
    """

    def __init__(
        self, function: Callable[..., object] | None, worker_data: WorkerData, *, success_first: bool = False
    ) -> None:
        self.function = function
        self.worker_data = worker_data
        self.success_first = success_first
        self.reporter = Reporter()
        self.exec_command: list[str] = []
        self.exec_fds: list[int] = []

    def call(self, task_id: str, task_data: object, worker_data: WorkerData) -> object:
        """Call the function in the form that it has; what it forks does not return from here."""
        assert self.function is not None  # noqa: S101 - a template without a program never comes here
        pid = os.getpid()
        try:
            if self.success_first:
                value = self.function(task_id, task_data)
            else:
                value = self.function(task_id, task_data, worker_data)
            return run_to_end(value) if hasattr(type(value), "__await__") else value
        finally:
            end_other_than(pid)

    def worker_data_for(self, attempt: int, deadline: float | None, *, fresh: bool) -> WorkerData:
        """The settings for one attempt; a fresh copy where another attempt will follow in this process."""
        worker_data = self.worker_data
        if fresh:
            worker_data = WorkerData.__new__(WorkerData)
            worker_data.__dict__ = dict(self.worker_data.__dict__)
        worker_data.attempt = attempt
        worker_data.deadline = deadline
        worker_data._report_progress = self.reporter.progress  # noqa: SLF001 - the runners own this
        return worker_data


def run_to_end(awaitable: object) -> object:
    """Run what an `async def` function returned to its end, on an event loop of its own."""
    import asyncio

    pid = os.getpid()

    async def wait() -> object:
        try:
            return await awaitable  # type: ignore[misc] # the caller has looked for __await__
        finally:
            # Not after the loop was closed, which a fork shares with the process that goes on.
            end_other_than(pid)

    return asyncio.run(wait())


def program_from(init: Mapping[str, object]) -> ChildProgram:
    """Import the program that an init frame describes.

    Raises:
        ProgramError: It cannot be imported, or has no such function.
    """
    prepare_interpreter(init)
    program = ChildProgram(None, WorkerData(), success_first=bool(init["success_first"]))
    program.function = loading.load_function(init["function"])  # type: ignore[arg-type] # our own frame
    program.worker_data.__dict__.update(init["settings"])  # type: ignore[call-overload] # our own frame
    if init["arguments"] is not None:
        program.worker_data.args = crossing.decode_arguments(init["arguments"])  # type: ignore[arg-type] # our own frame
    program.worker_data._flags = map_flags(int(str(init["flags_fd"])))  # noqa: SLF001 - the runners own this
    return program


def prepare_interpreter(init: Mapping[str, object]) -> None:
    """Make `sys.argv` and the working directory those of the worker."""
    sys.argv[:] = list(init["argv"])  # type: ignore[call-overload] # our own frame
    try:
        os.chdir(str(init["cwd"]))
    except OSError:
        # The directory is gone; the program may still do without it, as it did in the worker.
        return


def map_flags(fd: int) -> memoryview:
    """The page of flags, for reading; the worker writes it. Closes the descriptor."""
    page = mmap.mmap(fd, FLAGS_SIZE_BYTES, prot=mmap.PROT_READ)
    os.close(fd)
    return memoryview(page)
