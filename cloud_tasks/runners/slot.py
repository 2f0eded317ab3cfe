"""A slot: the process between the template and a task, which watches over one attempt after another.

It forks the leader process of each attempt, adopts whatever that leaves behind, and tells the worker what
became of them. A task that ends its parent ends its own slot, and nothing else. Large inputs and all results
travel between the worker and the leader; a small input comes with the request, because a leader that finds
it ready is spared some sixty pages, a tenth of what it costs in all.
"""

from __future__ import annotations

import _socket
import os
import signal
import sys

from cloud_tasks.runners import child, children, endings, prctl
from cloud_tasks.runners.frames import ControlReader, pack
from cloud_tasks.runners.tracebacks import report_unexpected

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn, NotRequired, TypedDict

    from cloud_tasks.runners.runtime import ChildProgram

    class RunRequest(TypedDict):
        """What the worker asks for when it wants a leader process."""

        run: int
        inode: int
        task: NotRequired[child.TaskRequest]
        warm: NotRequired[int]
        resident: NotRequired[int]


_RSS_UNIT_BYTES = 1 if sys.platform == "darwin" else 1024
"""Unit of `ru_maxrss`, which each system has its own of."""


TOGETHER_S = 0.01
"""How long the word that a leader has started may wait, to travel with that of the end of a short one."""


class Slot:
    """The state of a slot process."""

    def __init__(self, control: _socket.socket, program: ChildProgram) -> None:
        self._control = control
        self._program = program
        self._reader = ControlReader(control)
        self._deaths = children.Deaths()
        self._poll = children.Poll(control.fileno(), self._deaths)
        self._run = 0
        self._leader_pid = 0
        self._clearing = False
        self._started = b""
        self._exited = b""

    def serve(self) -> None:
        """Do what the worker asks for until it is gone; then end everything that was started here."""
        self._tell(b'{"slot":%d}' % os.getpid())
        alive = True
        while alive:
            asked, died = self._poll.wait(self._patience())
            if died or self._clearing:
                self._look_after_the_dead()
            elif self._started:
                self._tell_all()
            if asked:
                alive = self._do_requests()
        if self._leader_pid:
            children.kill_group(self._leader_pid)
        children.kill_all_children()

    def _patience(self) -> float | None:
        if self._started:
            return TOGETHER_S
        return children.CLEARING_INTERVAL_S if self._clearing else None

    def _do_requests(self) -> bool:
        requests = self._reader.read()
        for request in requests or ():
            if "run" in request:
                self._start(request)  # type: ignore[arg-type] # our own frame
            elif request["signal"] == self._run and self._leader_pid:
                children.kill_group(self._leader_pid, request["number"])  # type: ignore[arg-type] # our own frame
        return requests is not None

    def _start(self, request: RunRequest) -> None:
        channel_fd = self._reader.fds.pop(0)
        self._run = request["run"]
        for fd in (1, 2):
            # A task may have switched them for itself, and so for all who share them.
            os.set_blocking(fd, True)
        watcher_pid = os.getpid()
        try:
            pid = os.fork()
        except OSError as error:
            reason = _quoted(f"cannot fork a process for the task: {error}")
            self._tell(b'{"failed":[%d,%s]}' % (self._run, reason))
        else:
            if pid == 0:
                self._become_leader(channel_fd, watcher_pid, request)
            self._leader_pid = pid
            self._started = b'"started":[%d,%d]' % (self._run, pid)
        os.close(channel_fd)

    def _become_leader(self, channel_fd: int, watcher_pid: int, request: RunRequest) -> NoReturn:
        try:
            endings.become_task(watcher_pid, self._run)
            self._control.close()
            self._deaths.close()
            if self._program.exec_command:
                self._execute(channel_fd, request["inode"])
            child.lead(
                channel_fd,
                request["inode"],
                self._program,
                request.get("task"),
                warm="warm" in request,
                resident_bytes_max=request.get("resident"),
            )
        except BaseException:  # noqa: BLE001 - boundary: nothing may unwind into the slot's own loop
            report_unexpected()
        finally:
            os._exit(1)

    def _execute(self, channel_fd: int, inode: int) -> NoReturn:
        for fd in (channel_fd, *self._program.exec_fds):
            os.set_inheritable(fd, True)  # noqa: FBT003 - as the standard library has it
        *command, code = self._program.exec_command
        call = code.replace("{channel}", f"{channel_fd}, {inode}")
        os.execv(command[0], [*command, call])  # noqa: S606 - the interpreter itself

    def _look_after_the_dead(self) -> None:
        """Reap whoever died. The group of the leader is killed while its zombie still holds the number."""
        try:
            while (dead := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) is not None:
                if dead.si_pid == self._leader_pid:
                    self._bury_leader()
                else:
                    os.waitpid(dead.si_pid, 0)
        except ChildProcessError:
            self._all_gone()
            return
        if self._clearing:
            self._tell_all()
            for pid in children.children_of_self():
                children.kill_process(pid)

    def _bury_leader(self) -> None:
        children.kill_group(self._leader_pid)
        _, status, usage = os.wait4(self._leader_pid, 0)
        self._leader_pid = 0
        self._clearing = True
        self._exited = b'"exited":[%d,%d,%d]' % (self._run, status, usage.ru_maxrss * _RSS_UNIT_BYTES)

    def _all_gone(self) -> None:
        if self._clearing:
            self._clearing = False
            self._tell_all(b'"gone":%d' % self._run)

    def _tell_all(self, last: bytes = b"") -> None:
        """Tell what has happened and was not told yet, in one frame."""
        told = b",".join(filter(None, (self._started, self._exited, last)))
        self._started = self._exited = b""
        if told:
            self._tell(b"{%s}" % told)

    def _tell(self, body: bytes) -> None:
        try:
            self._control.sendall(pack(body))
        except OSError:
            # The worker is gone; the control socket says so too, and ends the loop.
            return


def _quoted(text: str) -> bytes:
    return b'"%s"' % text.replace("\\", "").replace('"', "'").encode("ascii", "replace")


def become_slot(fds: list[int], program: ChildProgram) -> NoReturn:
    """Be a slot, in a fork of the template; never returns to what forked it."""
    control_fd, stdout_fd, stderr_fd = fds
    try:
        # A group of its own: a task that signals the group of its parent must not reach its sisters.
        os.setsid()
        prctl.adopt_orphans()
        endings.reset_signals()
        endings.forget_inherited_exit()
        endings.use_streams(stdout_fd, stderr_fd)
        # For the leaders, which have it from here; nothing sends SIGINT to a slot.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        Slot(_socket.socket(fileno=control_fd), program).serve()
    except BaseException:  # noqa: BLE001 - boundary: nothing may unwind into the template's own loop
        report_unexpected()
    finally:
        os._exit(0)
