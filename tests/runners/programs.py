"""Task functions for the tests of the runners: what tasks do to themselves and to whoever watches them."""

# These functions do what careless users do.
# ruff: noqa: T201, PTH109, PTH123, PTH208, S311, S603, S607, SIM115, PLW0603, TID251

from __future__ import annotations

import ctypes
import enum
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import PurePosixPath

from cloud_tasks.runners.worker_data import WorkerData

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    Data: TypeAlias = dict[str, object]
    Pair: TypeAlias = tuple[bool, object]


class Colour(enum.Enum):
    RED = 1


counter = 0


def echo(task_id: str, task_data: Data, worker_data: WorkerData) -> Pair:
    return False, task_data


def who(task_id: str, task_data: Data, worker_data: WorkerData) -> Pair:
    return True, {
        "pid": os.getpid(),
        "parent": os.getppid(),
        "session": os.getsid(0),
        "id": task_id,
        "attempt": worker_data.attempt,
        "deadline": worker_data.deadline,
    }


def behave(task_id: str, task_data: Data, worker_data: WorkerData) -> object:
    """Do what `task_data["do"]` names."""
    return globals()["do_" + str(task_data["do"])](task_data, worker_data)


def do_return(data: Data, worker_data: WorkerData) -> object:
    return VALUES[str(data["value"])]()


def do_leave_thread(data: Data, worker_data: WorkerData) -> object:
    """Return, while a thread goes on that is no daemon."""
    threading.Thread(target=time.sleep, args=(60.0,)).start()
    worker_data.progress(1)
    return False, "returned"


class _Strange:
    def __repr__(self) -> str:
        raise RuntimeError("no repr")


def _circle() -> list[object]:
    circle: list[object] = []
    circle.append(circle)
    return circle


def _deep(levels: int) -> object:
    value: object = 1
    for _ in range(levels):
        value = [value]
    return value


class _Remote:
    def as_posix(self) -> str:
        return str(self)

    def __str__(self) -> str:
        return "gs://bucket/key"


VALUES: dict[str, Callable[[], object]] = {
    "none": lambda: None,
    "text": lambda: "ab",
    "triple": lambda: (True, 1, 2),
    "retry_none": lambda: (None, "x"),
    "retry_one": lambda: (1, "x"),
    "tagged": lambda: ("exception", "x"),
    "strange": lambda: (_Strange(), "x"),
    "list": lambda: [False, "x"],
    "set": lambda: (False, {"a": [0, 1, 2, {3}]}),
    "nan": lambda: (False, {"a": {"b": float("nan")}}),
    "bytes_key": lambda: (False, {"a": {b"b": 1}}),
    "surrogate": lambda: (False, ["x", "a\ud800"]),
    "digits": lambda: (False, {"n": 10**5000}),
    "circle": lambda: (False, _circle()),
    "deep": lambda: (False, _deep(700)),
    "very_deep": lambda: (False, _deep(100_000)),
    "not_too_deep": lambda: (False, _deep(400)),
    "path": lambda: (False, [PurePosixPath("/a/b"), {"p": _Remote()}]),
    "big_number": lambda: (False, 2**200),
    "object": lambda: (False, _Strange()),
    "number_and_text": lambda: (False, {"a": [0, {1: "a", "1": "b"}]}),
    "none_and_text": lambda: (False, {"null": 0, None: 1}),
    "keys": lambda: (False, [{1: 1, "2": 2, -1.5: 3}, {"1": "true"}, {True: 1, "None": 2}]),
}


def do_size(data: Data, worker_data: WorkerData) -> object:
    return False, "x" * int(str(data["size"]))


def do_killed_while_writing(data: Data, worker_data: WorkerData) -> object:
    """A large result, and a thread that kills the process once part of it is out."""

    def kill_soon() -> None:
        time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=kill_soon, daemon=True).start()
    while True:
        # Progress goes the same way as the result; the kill comes in the midst of it, or of the wait.
        worker_data.progress(1, 1)


def do_raise(data: Data, worker_data: WorkerData) -> object:
    raise ValueError("the message")


def do_raise_strange(data: Data, worker_data: WorkerData) -> object:
    class StrangeError(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no str")

    raise StrangeError


def do_raise_long(data: Data, worker_data: WorkerData) -> object:
    raise ValueError("BEGIN" + "x" * 10_000_000 + "END")


def do_memory_error(data: Data, worker_data: WorkerData) -> object:
    raise MemoryError


def do_allocate(data: Data, worker_data: WorkerData) -> object:
    return False, len(bytearray(int(str(data["size"]))))


def do_exit(data: Data, worker_data: WorkerData) -> object:
    print("last words", file=sys.stderr)
    sys.exit(data["status"])  # type: ignore[arg-type]


def do_hard_exit(data: Data, worker_data: WorkerData) -> object:
    os._exit(int(str(data["status"])))


def do_segfault(data: Data, worker_data: WorkerData) -> object:
    ctypes.string_at(0)
    return False, None


def do_suicide(data: Data, worker_data: WorkerData) -> object:
    sys.stderr.write("".join(f"line {number}\n" for number in range(100)))
    os.kill(os.getpid(), getattr(signal, str(data["signal"])))
    time.sleep(60)
    return False, None


def do_hang(data: Data, worker_data: WorkerData) -> object:
    time.sleep(600)
    return False, None


def do_ignore_sigterm(data: Data, worker_data: WorkerData) -> object:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    worker_data.progress(1, 1)
    time.sleep(600)
    return False, None


def do_finish_on_sigterm(data: Data, worker_data: WorkerData) -> object:
    got: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: got.append(number))
    worker_data.progress(1, 1)
    while not got:
        time.sleep(0.01)
    return False, "finished in time"


def do_kill_parent(data: Data, worker_data: WorkerData) -> object:
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(60)
    return False, None


def do_stop_parent(data: Data, worker_data: WorkerData) -> object:
    _note_pid(str(data["path"]), os.getpid())
    os.kill(os.getppid(), signal.SIGSTOP)
    time.sleep(600)
    return False, None


def do_stop_parent_and_return(data: Data, worker_data: WorkerData) -> object:
    os.kill(os.getppid(), signal.SIGSTOP)
    return False, "done"


def do_kill_grandparent(data: Data, worker_data: WorkerData) -> object:
    with open(f"/proc/{os.getppid()}/stat") as file:
        os.kill(int(file.read().rpartition(")")[2].split()[1]), signal.SIGKILL)
    return False, "done"


def do_outlive_all(data: Data, worker_data: WorkerData) -> object:
    """Outlive the parent on purpose, leave one in another session, and kill all above but the worker."""
    ctypes.CDLL(None).prctl(1, 0, 0, 0, 0)
    slot = os.getppid()
    with open(f"/proc/{slot}/stat") as file:
        template = int(file.read().rpartition(")")[2].split()[1])
    if os.fork() == 0:
        os.setsid()
        time.sleep(600)
    with open(str(data["path"]), "w") as file:
        file.write("\n".join(str(pid) for pid in [os.getpid(), *_children(os.getpid())]))
    for pid in (template, slot):
        os.kill(pid, signal.SIGKILL)
    time.sleep(600)
    return False, None


def _children(pid: int) -> list[int]:
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(word) for word in file.read().split()]


def do_kill_group_of_parent(data: Data, worker_data: WorkerData) -> object:
    os.killpg(os.getpgid(os.getppid()), signal.SIGKILL)
    time.sleep(60)
    return False, None


def do_kill_group(data: Data, worker_data: WorkerData) -> object:
    os.killpg(0, signal.SIGKILL)
    return False, None


def do_close_all(data: Data, worker_data: WorkerData) -> object:
    os.closerange(0, 1000)
    for _ in range(20):
        # What is opened now gets the numbers of what was closed.
        os.open("/dev/null", os.O_RDWR)
    return False, "done"


def _note_pid(path: str, pid: int) -> None:
    with open(path, "a") as file:
        file.write(f"{pid}\n")


def do_leave_behind(data: Data, worker_data: WorkerData) -> object:
    """Leave a child, a daemon, and a grandchild in a session of its own; all hold our descriptors."""
    path = str(data["path"])
    code = "import time; time.sleep(600)"
    plain = subprocess.Popen(["sleep", "600"], close_fds=False)
    daemon = subprocess.Popen([sys.executable, "-c", code], start_new_session=True, close_fds=False)
    first = os.fork()
    if first == 0:
        os.setsid()
        second = os.fork()
        if second == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            _note_pid(path, os.getpid())
            time.sleep(600)
        os._exit(0)
    os.waitpid(first, 0)
    for process in (plain, daemon):
        _note_pid(path, process.pid)
        process.returncode = 0
    while len(open(path).read().split()) < 3:
        time.sleep(0.005)
    if data.get("hang"):
        time.sleep(600)
    return False, "done"


def do_flags(data: Data, worker_data: WorkerData) -> object:
    worker_data.progress(0, 1)
    while not worker_data.received_termination_notice:
        time.sleep(0.001)
    first = time.monotonic()
    while not worker_data.received_shutdown_request:
        time.sleep(0.001)
    return False, [first, time.monotonic()]


def do_progress(data: Data, worker_data: WorkerData) -> object:
    for number in range(100_000):
        worker_data.progress(number, 99_999)
    return False, None


def do_write(data: Data, worker_data: WorkerData) -> object:
    print("to stdout ä")
    print("to stderr ö", file=sys.stderr)
    os.write(1, b"straight to 1\n")
    sys.stdout.write("without an end")
    return False, None


def do_write_much(data: Data, worker_data: WorkerData) -> object:
    left = int(str(data["size_bytes"]))
    while left:
        left -= os.write(1, b"x" * min(left, 65536))
    return False, None


def do_flood(data: Data, worker_data: WorkerData) -> object:
    block = b"x" * 65536
    while True:
        os.write(1, block)


def do_read_stdin(data: Data, worker_data: WorkerData) -> object:
    return False, sys.stdin.read()


def do_switch_streams(data: Data, worker_data: WorkerData) -> object:
    os.set_blocking(1, False)
    os.set_blocking(2, False)
    os.chdir("/")
    os.umask(0o777)
    return False, None


def do_state(data: Data, worker_data: WorkerData) -> object:
    global counter
    counter += 1
    mask = os.umask(0)
    return False, {
        "blocking": [os.get_blocking(1), os.get_blocking(2)],
        "cwd": os.getcwd(),
        "umask": mask,
        "counter": counter,
        "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
        "sigint": signal.getsignal(signal.SIGINT) is signal.default_int_handler,
        "sigterm": signal.getsignal(signal.SIGTERM) is signal.SIG_DFL,
        "sigchld": signal.getsignal(signal.SIGCHLD) is signal.SIG_DFL,
        "fds": sorted(int(name) for name in os.listdir("/proc/self/fd")),
        "threads": threading.active_count(),
    }


def _square(number: int) -> int:
    return number * number


def do_multiprocessing(data: Data, worker_data: WorkerData) -> object:
    import multiprocessing

    with multiprocessing.get_context(str(data["method"])).Pool(2) as pool:
        squares = pool.map(_square, range(5))
    return False, [squares, multiprocessing.current_process().name]


def do_threads(data: Data, worker_data: WorkerData) -> object:
    """A thread that is not waited for by the function, only by the end of the interpreter."""

    def work() -> None:
        time.sleep(0.1)
        print("thread is done")

    threading.Thread(target=work).start()
    return False, "done"


def do_atexit(data: Data, worker_data: WorkerData) -> object:
    import atexit

    atexit.register(print, "exit function ran")
    return False, "done"


def do_asyncio(data: Data, worker_data: WorkerData) -> object:
    import asyncio

    async def child() -> str:
        process = await asyncio.create_subprocess_exec("echo", "hello", stdout=asyncio.subprocess.PIPE)
        return (await process.communicate())[0].decode()

    return False, asyncio.run(child())


def do_random(data: Data, worker_data: WorkerData) -> object:
    import random

    return False, random.random()


async def coroutine(task_id: str, task_data: Data, worker_data: WorkerData) -> Pair:
    import asyncio

    await asyncio.sleep(0.001)
    return False, "awaited"


def older(task_id: str, task_data: Data) -> Pair:
    return bool(task_data["success"]), "result"


def arguments(task_id: str, task_data: Data, worker_data: WorkerData) -> Pair:
    return False, {name: repr(value) for name, value in vars(worker_data.args).items()}


def do_fork_and_return(data: Data, worker_data: WorkerData) -> object:
    """Fork, and let both sides return; or raise, or exit."""
    pid = os.fork()
    if pid == 0:
        print("the fork was here")
        if data["fork"] == "raises":
            raise ValueError("in the fork")
        if data["fork"] == "exits":
            sys.exit(3)
        return False, "answer of the fork"
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return False, status


async def fork_in_coroutine(task_id: str, task_data: Data, worker_data: WorkerData) -> object:
    import asyncio

    await asyncio.sleep(0)
    answer = do_fork_and_return(task_data, worker_data)
    if answer == (False, "answer of the fork"):
        return answer
    asyncio.get_running_loop().call_soon_threadsafe(print, "the loop still hears")
    await asyncio.sleep(0.01)
    return answer
