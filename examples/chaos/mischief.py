"""Tasks that do something to their processes and to what surrounds them."""

from __future__ import annotations

import atexit
import builtins
import contextlib
import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
from typing import NoReturn

from cloud_tasks.worker import WorkerData
from kinds import COMPLETED, EXCEPTION, EXITED, TIMED_OUT, Answer, Expectation, kind

_FOR_EVER_S = 600
_FIRST_OWN_FILE = 3
_FILES = 256
_ANY = (COMPLETED, EXCEPTION, EXITED, TIMED_OUT)


def _linger() -> NoReturn:
    """Be a process that must be killed: deaf to every signal that can be ignored."""
    for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
        with contextlib.suppress(OSError):
            signal.signal(number, signal.SIG_IGN)
    while True:
        time.sleep(_FOR_EVER_S)


@kind("processes")
def leaves_grandchild(_: WorkerData) -> Answer:
    """Leave a child behind, with every file still open, the way to the worker included."""
    if os.fork() == 0:
        _linger()
    return False, "a child is left"


@kind("processes")
def leaves_daemon(_: WorkerData) -> Answer:
    """Leave a daemon behind: forked twice, in a session of its own, deaf, its files closed."""
    child = os.fork()
    if child == 0:
        os.setsid()
        if os.fork() == 0:
            os.closerange(0, 4096)
            _linger()
        os._exit(0)
    os.waitpid(child, 0)
    return False, "a daemon is left"


@kind("processes", weight=0.7)
def leaves_family(_: WorkerData) -> Answer:
    """Leave children and grandchildren, each in a process group of its own."""
    for _child in range(3):
        if os.fork() == 0:
            os.setpgid(0, 0)
            if os.fork() == 0:
                os.setpgid(0, 0)
            _linger()
    return False, "a family is left"


@kind("processes", Expectation(events=(EXITED,), signals=("SIGKILL",)), weight=0.7)
def dies_with_daemon(_: WorkerData) -> Answer:
    """Leave a daemon behind and die."""
    if os.fork() == 0:
        os.setsid()
        _linger()
    os.kill(os.getpid(), signal.SIGKILL)
    _linger()


@kind("processes", Expectation(events=(COMPLETED, EXCEPTION, EXITED)))
def returns_twice(_: WorkerData) -> Answer:
    """Fork, and return from both processes."""
    os.fork()
    return False, {"pid": os.getpid()}


@kind("processes", Expectation(events=_ANY), weight=0.5)
def kills_its_parent(_: WorkerData) -> Answer:
    """Kill the process that started this one."""
    parent = os.getppid()
    if parent > 1:
        os.kill(parent, signal.SIGKILL)
    time.sleep(0.05)
    return False, f"{parent} is no more"


@kind("processes", weight=0.5)
def ignores_children(_: WorkerData) -> Answer:
    """Ask the kernel to reap children by itself, and set an alarm that nobody waits for."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.alarm(60)
    return False, "no news, please"


@kind("surroundings", Expectation(events=(EXITED, EXCEPTION)))
def closes_all_files(_: WorkerData) -> Answer:
    """Close every file descriptor, then return as if nothing had happened."""
    os.closerange(0, 4096)
    return False, "it is very quiet here"


@kind("surroundings", Expectation(events=_ANY))
def writes_into_all_files(_: WorkerData) -> Answer:
    """Write rubbish into every file descriptor above the standard three."""
    for number in range(_FIRST_OWN_FILE, _FILES):
        with contextlib.suppress(OSError):
            os.set_blocking(number, False)
            os.write(number, b"\xff\x00rubbish{]")
    return False, "wrote to whom it may concern"


@kind("surroundings", Expectation(events=(COMPLETED, EXITED, EXCEPTION)))
def uses_up_files(_: WorkerData) -> Answer:
    """Open files until there are no more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, _FILES), hard))
    with contextlib.suppress(OSError):
        while True:
            os.open("/dev/null", os.O_RDONLY)
    return False, "every file is open"


@kind("surroundings")
def leaves_no_ground(_: WorkerData) -> Answer:
    """Go to a directory and remove it; empty the environment."""
    directory = tempfile.mkdtemp(prefix="chaos-")
    os.chdir(directory)
    shutil.rmtree(directory)
    os.environ.clear()
    os.umask(0o777)
    return False, "where am I?"


@kind("surroundings", Expectation(events=_ANY), weight=0.7)
def breaks_interpreter(_: WorkerData) -> Answer:
    """Take away what the interpreter and the worker's own code rely on."""
    json.dumps = None  # type: ignore[assignment]
    os.write = None  # type: ignore[assignment]
    vars(builtins)["print"] = None
    sys.stdout = sys.stderr = None
    sys.modules.clear()
    return False, "what could go wrong?"


@kind("surroundings", Expectation(events=(COMPLETED, TIMED_OUT)))
def hangs_at_exit(_: WorkerData) -> Answer:
    """Return, but never let the interpreter end."""
    atexit.register(_linger)
    return False, "almost done"
