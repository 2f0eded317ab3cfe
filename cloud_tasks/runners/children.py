"""Which children a process has, and their deaths: for the processes that watch over others."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found] # the C part of `signal`
import os
import select

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType

CLEARING_INTERVAL_S = 0.02
"""How long to wait for a death at most while killing orphans: the kernel's list of children may miss some."""


class Deaths:
    """Wakes a `poll` when a child has died."""

    def __init__(self) -> None:
        self.fd, self._write_fd = os.pipe()
        for fd in (self.fd, self._write_fd):
            os.set_blocking(fd, False)
        _signal.signal(_signal.SIGCHLD, _ignore)
        _signal.set_wakeup_fd(self._write_fd, warn_on_full_buffer=False)

    def drain(self) -> None:
        """Forget the wake-ups so far; look for the dead after this, not before."""
        try:
            os.read(self.fd, 512)
        except BlockingIOError:
            return

    def close(self) -> None:
        """In a fork: let go of what belongs to the process that forked."""
        _signal.set_wakeup_fd(-1)
        os.close(self.fd)
        os.close(self._write_fd)


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """Handle SIGCHLD by nothing: without a handler there is no wake-up either."""


class Poll:
    """Waits for a control socket and for deaths at once."""

    def __init__(self, control_fd: int, deaths: Deaths) -> None:
        self._control_fd = control_fd
        self._deaths = deaths
        self._poll = select.poll()
        self._poll.register(control_fd, select.POLLIN)
        self._poll.register(deaths.fd, select.POLLIN)

    def wait(self, timeout_s: float | None) -> tuple[bool, bool]:
        """Whether there is something to read, and whether there were deaths (look for all of them)."""
        ready = [fd for fd, _ in self._poll.poll(None if timeout_s is None else timeout_s * 1000)]
        died = self._deaths.fd in ready
        if died:
            self._deaths.drain()
        return self._control_fd in ready, died


def children_of_self() -> list[int]:
    """Process ids of the children of this (single-threaded) process."""
    pid = os.getpid()
    try:
        with open(f"/proc/self/task/{pid}/children", "rb") as file:  # noqa: PTH123 - pathlib costs every fork its pages
            return [int(word) for word in file.read().split()]
    except OSError:
        return [other for other in _all_processes() if _parent_of(other) == pid]


def _all_processes() -> list[int]:
    try:
        return sorted(int(name) for name in os.listdir("/proc") if name.isdigit())  # noqa: PTH208 - no pathlib in forks
    except OSError:
        return []


def _parent_of(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 - pathlib costs every fork its pages
            return int(file.read().rpartition(b")")[2].split()[1])
    except (OSError, IndexError, ValueError):
        return 0


def kill_process(pid: int, number: int = _signal.SIGKILL) -> None:
    """Send a signal to a process that may be gone."""
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return


def kill_group(leader_pid: int, number: int = _signal.SIGKILL) -> None:
    """Send a signal to the group of a leader that may not have made it yet."""
    try:
        os.killpg(leader_pid, number)
    except (ProcessLookupError, PermissionError):
        kill_process(leader_pid, number)


def kill_all_children() -> None:
    """End every child, and every child that these leave behind, until there are none."""
    while True:
        for pid in children_of_self():
            kill_process(pid)
        if not _reap_for(CLEARING_INTERVAL_S):
            return


def _reap_for(seconds: float) -> bool:
    """Reap what has died, waiting a little if nothing has; whether there are children left."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    select.select([], [], [], seconds)
    return True
