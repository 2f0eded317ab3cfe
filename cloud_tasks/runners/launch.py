"""Starting a template process, one way or the other."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterable
from typing import Protocol

from cloud_tasks.errors import Problem, ProgramError
from cloud_tasks.runners import strays
from cloud_tasks.runners.descriptors import ROOM
from cloud_tasks.runners.flags import FlagsPage
from cloud_tasks.runners.frames import pack_json
from cloud_tasks.runners.program import Program

START_METHODS = ("forkserver", "fork", "spawn")


class Child(Protocol):
    """A process that we started and must wait for."""

    pid: int

    def poll(self) -> int | None:
        """Its exit status if it has ended."""
        ...


class Launcher(Protocol):
    """A way of starting templates."""

    def check(self) -> None:
        """Look at the program as far as that is possible from here.

        Raises:
            ProgramError: It cannot be used in this way.
        """
        ...

    def launch(self, close_fds: Iterable[int]) -> tuple[Child, socket.socket]:
        """Start a template; returns it and our end of its control socket.

        Args:
            close_fds: Descriptors of ours that it must not keep open.

        Raises:
            ProgramError: The program cannot be used in this way now.
            OSError: The system refused.
        """
        ...

    def channel_preamble(self, *, probe: bool = False) -> bytes:
        """What a leader must be sent before its task."""
        ...

    def end_strays(self, keepers: Iterable[int]) -> int:
        """Kill what comes from a template of ours and has no living keeper; how many there were."""
        ...


class ServerLauncher:
    """A freshly executed interpreter imports the program, and every task is a fork of it."""

    def __init__(self, program: Program, flags: FlagsPage) -> None:
        self._program = program
        self._flags = flags
        self._mark = strays.new_mark()

    def check(self) -> None:
        """Look whether function and arguments can be named to another process."""
        _init(self._program, self._flags)

    def launch(self, close_fds: Iterable[int]) -> tuple[Child, socket.socket]:
        """Start the interpreter."""
        del close_fds  # none is inherited across exec
        init = _init(self._program, self._flags)
        return _execute_template({**init, "exec_command": []}, self._flags.fd, self._mark)

    def end_strays(self, keepers: Iterable[int]) -> int:
        """Find them by the mark in their environment."""
        return strays.end_strays(self._mark, keepers)

    def channel_preamble(self, *, probe: bool = False) -> bytes:
        """Nothing: the template knows the program."""
        del probe
        return b""


class SpawnLauncher:
    """Every task gets a new interpreter that imports the program; the template holds nothing."""

    def __init__(self, program: Program, flags: FlagsPage) -> None:
        self._program = program
        self._flags = flags
        self._mark = strays.new_mark()
        self._preambles: dict[bool, bytes] = {}

    def check(self) -> None:
        """Look whether function and arguments can be named to another process."""
        self.channel_preamble()

    def launch(self, close_fds: Iterable[int]) -> tuple[Child, socket.socket]:
        """Start the interpreter."""
        del close_fds  # none is inherited across exec
        init = _init(self._program, self._flags)
        command = interpreter_command("child", "lead_fresh", "{channel}")
        return _execute_template({**init, "exec_command": command}, self._flags.fd, self._mark)

    def end_strays(self, keepers: Iterable[int]) -> int:
        """Find them by the mark in their environment."""
        return strays.end_strays(self._mark, keepers)

    def channel_preamble(self, *, probe: bool = False) -> bytes:
        """The program, which the task's interpreter has to import."""
        if probe not in self._preambles:
            self._preambles[probe] = pack_json({**_init(self._program, self._flags), "probe": probe})
        return self._preambles[probe]


class ForkLauncher:
    """The template is a fork of this very process: closures work, and nothing is imported twice."""

    def __init__(self, program: Program, flags: FlagsPage) -> None:
        self._program = program
        self._flags = flags

    def check(self) -> None:
        """Look for threads: a fork takes over their locks but not them."""
        others = [thread.name for thread in threading.enumerate() if thread is not threading.current_thread()]
        if others:
            raise ProgramError(
                Problem(
                    f"`--start-method fork` needs a program without threads, and it has {len(others)}: "
                    + ", ".join(others[:5]),
                    helps=(
                        "start threads after the worker has started, or inside the tasks",
                        "`--start-method forkserver` (the default) does not mind",
                    ),
                )
            )

    def launch(self, close_fds: Iterable[int]) -> tuple[Child, socket.socket]:
        """Fork."""
        from cloud_tasks.runners import runtime, template

        self.check()
        inherited = [*close_fds, *_loop_fds()]
        held = runtime.ChildProgram(
            self._program.function, self._program.worker_data, success_first=self._program.success_first
        )
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        ours, theirs = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            _leave_loop([*inherited, ours.fileno()])
            template.main_forked(theirs.detach(), held)
        theirs.close()
        return ForkedChild(pid), ours

    def channel_preamble(self, *, probe: bool = False) -> bytes:
        """Nothing: the template is the program."""
        del probe
        return b""

    def end_strays(self, keepers: Iterable[int]) -> int:
        """None can be found: a fork's environment, as others see it, is that of the program."""
        del keepers
        return 0


class ForkedChild:
    """A forked process, with as much of the interface of `Popen` as is needed."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._status: int | None = None

    def poll(self) -> int | None:
        """Its exit status if it has ended."""
        if self._status is None:
            try:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:
                # Somebody else in the program waited for it.
                self._status = 0
                return 0
            if pid:
                self._status = os.waitstatus_to_exitcode(status)
        return self._status


def _loop_fds() -> list[int]:
    """The descriptors of the running loop's own machinery, which a fork shares with this process."""
    loop = asyncio.get_running_loop()
    parts = (getattr(loop, name, None) for name in ("_selector", "_ssock", "_csock"))
    return [part.fileno() for part in parts if part is not None and hasattr(part, "fileno")]


def _leave_loop(fds: list[int]) -> None:
    """In the fork: forget the loop without telling it, for its epoll is shared.

    The descriptors are pointed at nothing instead of being closed, because objects that still know their
    numbers would later close whatever has got these numbers by then.
    """
    null = os.open(os.devnull, os.O_RDWR)
    for fd in fds:
        os.dup2(null, fd, inheritable=False)
    os.close(null)
    asyncio._set_running_loop(None)  # noqa: SLF001 - what asyncio does after forks, from 3.12 on
    asyncio.set_event_loop(None)


def interpreter_command(module: str, function: str, argument: str) -> list[str]:
    """How to start an interpreter like this one that calls a function of the runners."""
    flags: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined] # noqa: SLF001 - as multiprocessing does
    code = (
        f"import sys; sys.path[:] = {sys.path!a}; "
        f"from cloud_tasks.runners.{module} import {function}; {function}({argument})"
    )
    return [sys.executable, *flags, "-c", code]


def _init(program: Program, flags: FlagsPage) -> dict[str, object]:
    """What describes the program. Its paths may hold bytes that are no text, which `msgspec` cannot write."""
    try:
        return program.init(flags.fd)
    except FileNotFoundError:
        raise ProgramError(
            Problem(
                "the working directory is not there any more, and task processes begin in it",
                helps=("change to one that is there, and start the program again",),
            )
        ) from None


def _execute_template(init: dict[str, object], flags_fd: int, mark: str) -> tuple[Child, socket.socket]:
    if not sys.executable:
        raise ProgramError(
            Problem(
                "this interpreter does not know its own path (`sys.executable` is empty)",
                helps=("`--start-method fork` needs no new interpreter",),
            )
        )
    ours, theirs = socket.socketpair()
    try:
        with theirs:
            child = subprocess.Popen(  # noqa: S603 - the interpreter itself
                interpreter_command("template", "main", str(theirs.fileno())),
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(), flags_fd),
                start_new_session=True,
                env={**os.environ, strays.MARK_VARIABLE: mark},
            )
            ROOM.restore_in(child.pid)
        ours.sendall(pack_json(init))
    except BaseException:  # boundary: closed, and raised again
        ours.close()
        raise
    return child, ours


def kill_child(child: Child) -> None:
    """End it now, unless it is gone."""
    if child.poll() is None:
        try:
            os.kill(child.pid, signal.SIGKILL)
        except ProcessLookupError:
            return


LAUNCHERS: dict[str, type[ServerLauncher | ForkLauncher | SpawnLauncher]] = {
    "forkserver": ServerLauncher,
    "fork": ForkLauncher,
    "spawn": SpawnLauncher,
}
