"""What runs inside a task's process: one attempt, or one after another in a warm process."""

from __future__ import annotations

import _socket
import errno
import json
import os
import sys

from cloud_tasks.errors import ProgramError
from cloud_tasks.runners import endings, results, runtime
from cloud_tasks.runners.frames import parse, receive_frame, receive_preamble
from cloud_tasks.runners.reporting import EXIT_UNREPORTED, Reporter
from cloud_tasks.runners.tracebacks import report_unexpected, traceback_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn, TypedDict

    from cloud_tasks.runners.runtime import ChildProgram

    class TaskRequest(TypedDict):
        """What the worker sends for each task."""

        task_id: str
        data: object
        attempt: int
        deadline: float | None
        memory: int | None


_STATM_RESIDENT_FIELD = 1


class Ending:
    """How the function ended: a final frame in three parts, or an exit status and no frame."""

    def __init__(
        self, head: bytes = b"", body: bytes = b"", tail: bytes = b"", exit_status: int | None = None
    ) -> None:
        self.head = head
        self.body = body
        self.tail = tail
        self.exit_status = exit_status


def lead(
    channel_fd: int, program: ChildProgram, resident_bytes_max: int | None = None, *, warm: bool
) -> NoReturn:
    """Be the leader process of an attempt (or of many, if `warm`); never returns to what forked it.

    Args:
        channel_fd: The descriptor of the channel.
        program: What to run.
        resident_bytes_max: A warm process asks to be replaced when it has grown larger than this.
        warm: Whether to go on with the next task until the channel ends.
    """
    status = 1
    try:
        channel = _socket.socket(fileno=channel_fd)
        status = _run_many(channel, program, resident_bytes_max) if warm else _run_one(channel, program)
    except BaseException:  # noqa: BLE001 - boundary: nothing may unwind into the code of the process that forked
        report_unexpected()
        endings.flush_streams()
    finally:
        os._exit(status)


def lead_fresh(channel_fd: int) -> None:
    """Be the leader process of an attempt in an interpreter of its own; its entry point."""
    os.set_inheritable(channel_fd, False)  # noqa: FBT003 - as the standard library has it
    endings.use_streams(1, 2)
    channel = _socket.socket(fileno=channel_fd)
    frame = receive_preamble(channel)
    if frame is None:
        return
    init = parse(frame)
    try:
        program = runtime.program_from(init)
    except ProgramError as error:
        final = {"end": "program_error", "problems": problems_as_json(error)}
        Reporter(channel).final(json.dumps(final).encode())
        return
    if init["probe"]:
        Reporter(channel).final(b'{"end":"ready"}')
        return
    lead(channel.detach(), program, warm=False)


def problems_as_json(error: ProgramError) -> list[dict[str, object]]:
    """What a `ProgramError` says, for the other side of a wire."""
    return [
        {
            "message": problem.message,
            "place": None
            if problem.place is None
            else [getattr(problem.place, name) for name in ("source", "line", "column", "text", "width")],
            "helps": list(problem.helps),
            "notes": list(problem.notes),
        }
        for problem in error.problems
    ]


def _run_one(channel: _socket.socket, program: ChildProgram) -> int:
    frame = receive_frame(channel)
    if frame is None:
        return 1
    reporter = Reporter(channel)
    ending = run_task(program, frame, reporter)
    del frame
    endings.finish_interpreter()
    if ending.exit_status is not None:
        return ending.exit_status
    return 0 if reporter.final(ending.head, ending.body, ending.tail) else EXIT_UNREPORTED


def _run_many(channel: _socket.socket, program: ChildProgram, resident_bytes_max: int | None) -> int:
    reporter = Reporter(channel)
    while (frame := receive_frame(channel)) is not None:
        ending = run_task(program, frame, reporter)
        if ending.exit_status is not None:
            endings.finish_interpreter()
            return ending.exit_status
        endings.flush_streams()
        tail = ending.tail
        if resident_bytes_max is not None and _resident_bytes() > resident_bytes_max:
            tail = tail[:-1] + b',"recycle":true}'
        if not reporter.final(ending.head, ending.body, tail):
            return EXIT_UNREPORTED
        reporter.release()
    endings.finish_interpreter()
    return 0


def _resident_bytes() -> int:
    try:
        with open("/proc/self/statm", "rb") as file:  # noqa: PTH123 - pathlib costs every fork its pages
            return int(file.read().split()[_STATM_RESIDENT_FIELD]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        from resource import RUSAGE_SELF, getrusage

        return getrusage(RUSAGE_SELF).ru_maxrss


def run_task(program: ChildProgram, frame: bytes | bytearray, reporter: Reporter) -> Ending:
    """Call the function for one task frame, and turn whatever comes of it into an ending."""
    request: TaskRequest = parse(frame)  # type: ignore[assignment] # our own frame
    worker_data = program.worker_data_for(request["attempt"], request["deadline"], reporter.progress)
    limit = request["memory"]
    try:
        if limit is not None:
            _limit_memory(limit)
        value = program.call(request["task_id"], request["data"], worker_data)
    except SystemExit as stop:
        return Ending(exit_status=exit_status(stop))
    except BaseException as error:  # noqa: BLE001 - boundary: the user's function
        if limit is not None:
            _limit_memory(None)
        return _failure(error, limit)
    if limit is not None:
        _limit_memory(None)
    try:
        retry, result = results.check_pair(value, success_first=program.success_first)
        body = results.encode_result(result)
    except results.BadResultError as error:
        return _told(error.kind, str(error))
    return Ending(b'{"end":"returned","retry":%s,"result":' % (b"true" if retry else b"false"), body, b"}")


def _limit_memory(limit_bytes: int | None) -> None:
    """Set or lift the soft limit on the address space; the hard one stays, so that the end can be told."""
    from resource import RLIM_INFINITY, RLIMIT_AS, getrlimit, setrlimit

    hard = getrlimit(RLIMIT_AS)[1]
    soft = hard if limit_bytes is None else limit_bytes
    if hard != RLIM_INFINITY:
        soft = min(soft, hard)
    setrlimit(RLIMIT_AS, (soft, hard))


def exit_status(stop: SystemExit) -> int:
    """What the interpreter would have made of it."""
    if stop.code is None:
        return 0
    if isinstance(stop.code, int):
        return stop.code & 0xFF
    print(stop.code, file=sys.stderr)  # noqa: T201 - as the interpreter does
    return 1


def _failure(error: BaseException, limit_bytes: int | None) -> Ending:
    text = traceback_text(error)
    if limit_bytes is None or not _is_memory(error):
        return _told("raised", text)
    return _told(
        "memory_limit", f"the task needed more than its memory limit of {limit_bytes:,} bytes\n{text}"
    )


def _is_memory(error: BaseException) -> bool:
    return isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM)


def _told(kind: str, text: str) -> Ending:
    clean = text.encode("utf-8", "backslashreplace").decode()
    return Ending(json.dumps({"end": kind, "exception": clean})[:-1].encode(), b"", b"}")
