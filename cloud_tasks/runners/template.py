"""The template: a lean process with a single thread that holds the user's program, and forks slots.

It needs no event loop, no logging and no SDK of ours, because every page that it holds costs every fork.
"""

from __future__ import annotations

import _socket
import gc
import os
import signal

from cloud_tasks.errors import ProgramError
from cloud_tasks.runners import children, endings, prctl, runtime
from cloud_tasks.runners.child import problems_as_json
from cloud_tasks.runners.frames import ControlReader, pack_json, parse, receive_frame
from cloud_tasks.runners.slot import become_slot
from cloud_tasks.runners.tracebacks import report_unexpected
from cloud_tasks.runners.worker_data import WorkerData

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import NoReturn

    from cloud_tasks.runners.runtime import ChildProgram

FDS_PER_SLOT = 3


class Template:
    """The state of the template process."""

    def __init__(self, control: _socket.socket, program: ChildProgram) -> None:
        self._control = control
        self._program = program
        self._reader = ControlReader(control)
        self._deaths = children.Deaths()
        self._poll = children.Poll(control.fileno(), self._deaths)
        # What the program started while it was imported serves all tasks.
        self._helpers = set(children.children_of_self())
        self._slots: set[int] = set()
        self._dead_slots: list[int] = []

    def serve(self) -> None:
        """Fork slots as asked until the worker is gone; then end everything below."""
        gc.collect()
        gc.freeze()
        self._tell({"ready": os.getpid()})
        alive = True
        while alive:
            asked, died = self._poll.wait(children.CLEARING_INTERVAL_S if self._dead_slots else None)
            if died or self._dead_slots:
                self._look_after_the_dead()
            if asked:
                alive = self._do_requests()
        children.kill_all_children()

    def _do_requests(self) -> bool:
        requests = self._reader.read()
        for request in requests or ():
            self._fork_slot(request["slot"])
        return requests is not None

    def _fork_slot(self, number: object) -> None:
        fds, self._reader.fds = self._reader.fds[:FDS_PER_SLOT], self._reader.fds[FDS_PER_SLOT:]
        try:
            pid = os.fork()
        except OSError as error:
            self._tell(
                {"slot_failed": number, "reason": f"cannot fork a process that watches over tasks: {error}"}
            )
        else:
            if pid == 0:
                self._become_slot(fds)
            self._slots.add(pid)
        for fd in fds:
            os.close(fd)

    def _become_slot(self, fds: list[int]) -> NoReturn:
        try:
            self._control.close()
            self._deaths.close()
            for fd in self._reader.fds:
                os.close(fd)
            become_slot(fds, self._program)
        finally:
            os._exit(1)

    def _look_after_the_dead(self) -> None:
        """Reap; whatever is a child here and no slot was left behind by a slot that its task killed."""
        try:
            while (pid := os.waitpid(-1, os.WNOHANG)[0]) != 0:
                self._helpers.discard(pid)
                if pid in self._slots:
                    self._slots.discard(pid)
                    self._dead_slots.append(pid)
        except ChildProcessError:
            self._bury_slots()
            return
        strays = [
            pid for pid in children.children_of_self() if pid not in self._slots and pid not in self._helpers
        ]
        for pid in strays:
            children.kill_process(pid)
        if not strays:
            self._bury_slots()

    def _bury_slots(self) -> None:
        for pid in self._dead_slots:
            self._tell({"slot_gone": pid})
        self._dead_slots.clear()

    def _tell(self, message: Mapping[str, object]) -> None:
        try:
            self._control.sendall(pack_json(message))
        except OSError:
            # The worker is gone; the control socket says so too, and ends the loop.
            return


def main(control_fd: int) -> None:
    """Be the template in an interpreter of its own; its entry point."""
    os.set_inheritable(control_fd, False)  # noqa: FBT003 - as the standard library has it
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # While the program is imported, nobody looks at the control socket.
    prctl.die_with_parent()
    control = _socket.socket(fileno=control_fd)
    frame = receive_frame(control_fd)
    if frame is None:
        return
    init = parse(frame)
    try:
        program = _program(init)
    except ProgramError as error:
        control.sendall(pack_json({"problems": problems_as_json(error)}))
        return
    endings.flush_streams()
    prctl.outlive_parent()
    _serve(control, program)


def _program(init: Mapping[str, object]) -> ChildProgram:
    command: list[str] = list(init["exec_command"])  # type: ignore[call-overload] # our own frame
    if not command:
        return runtime.program_from(init)
    runtime.prepare_interpreter(init)
    program = runtime.ChildProgram(None, WorkerData())
    program.exec_command = command
    program.exec_fds = [int(str(init["flags_fd"]))]
    return program


def main_forked(control_fd: int, program: ChildProgram) -> NoReturn:
    """Be the template in a fork of the worker's program; never returns to it."""
    try:
        os.setsid()
        endings.reset_signals()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        endings.forget_inherited_exit()
        _serve(_socket.socket(fileno=control_fd), program)
    except BaseException:  # noqa: BLE001 - boundary: nothing may unwind into the worker's own code
        report_unexpected()
    finally:
        os._exit(0)


def _serve(control: _socket.socket, program: ChildProgram) -> None:
    prctl.adopt_orphans()
    Template(control, program).serve()
