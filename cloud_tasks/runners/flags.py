"""The page of flags that the worker shares with every task process."""

from __future__ import annotations

import mmap
import os
import tempfile

from cloud_tasks.runners.worker_data import FLAGS_SIZE_BYTES, SHUTDOWN_FLAG, TERMINATION_FLAG, WorkerData


class FlagsPage:
    """Two flags that, once set, stay set; every process that has mapped the page sees them at once."""

    def __init__(self) -> None:
        self.fd = _memory_file()
        os.ftruncate(self.fd, FLAGS_SIZE_BYTES)
        self._map = mmap.mmap(self.fd, FLAGS_SIZE_BYTES)

    def show_to(self, worker_data: WorkerData) -> None:
        """Make the live properties of `worker_data` read this page, here and in forks of this process."""
        worker_data._flags = memoryview(self._map)  # noqa: SLF001 - the runners own this

    def set(self, *, termination: bool = False, shutdown: bool = False) -> None:
        """Set flags; those not named stay as they are."""
        if termination:
            self._map[TERMINATION_FLAG] = 1
        if shutdown:
            self._map[SHUTDOWN_FLAG] = 1

    def close(self) -> None:
        """Let go of the descriptor. The page itself stays as long as somebody looks at it."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def _memory_file() -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("cloud_tasks_flags")
    fd, path = tempfile.mkstemp()
    os.unlink(path)  # noqa: PTH108 - it came as a string
    return fd
