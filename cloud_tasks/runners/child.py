"""What runs inside a task's process: one attempt, or one after another in a warm process."""

from __future__ import annotations

import errno
import json
import os

from cloud_tasks.errors import ProgramError
from cloud_tasks.runners import endings, results, runtime
from cloud_tasks.runners.forks import exit_status
from cloud_tasks.runners.frames import parse, receive_frame, receive_preamble
from cloud_tasks.runners.reporting import EXIT_UNREPORTED, Reporter
from cloud_tasks.runners.tracebacks import report_unexpected, traceback_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn, TypeAlias, TypedDict

    from cloud_tasks.runners.runtime import ChildProgram

    class TaskRequest(TypedDict):
        """What the worker sends for each task."""

        task_id: str
        data: object
        attempt: int
        deadline: float | None
        memory: int | None

    Ending: TypeAlias = tuple[bytes, bytes, bytes] | int
    """How the function ended: a final frame in three parts, or an exit status and no frame."""


_NO_RETRY = b'{"end":"returned","retry":false,"result":'
_RETRY = b'{"end":"returned","retry":true,"result":'
_STATM_RESIDENT_FIELD = 1


def lead(
    channel_fd: int,
    inode: int,
    program: ChildProgram,
    task: TaskRequest | None = None,
    *,
    warm: bool = False,
    resident_bytes_max: int | None = None,
) -> NoReturn:
    """Be the leader process of an attempt (or of many, if `warm`); never returns to what forked it.

    Args:
        channel_fd: The descriptor of the channel.
        inode: Its number.
        program: What to run.
        task: What to run it on; None if that comes through the channel.
        warm: Whether to go on with the next task until the channel ends.
        resident_bytes_max: A warm process asks to be replaced when it has grown larger than this.
    """
    status = 1
    try:
        program.reporter.attach(channel_fd, inode)
        if warm:
            status = _run_many(channel_fd, program, resident_bytes_max)
        else:
            status = _run_one(channel_fd, program, task)
    except BaseException:  # noqa: BLE001 - boundary: nothing may unwind into the code of the process that forked
        report_unexpected()
        endings.flush_streams()
    finally:
        os._exit(status)


def lead_fresh(channel_fd: int, inode: int) -> None:
    """Be the leader process of an attempt in an interpreter of its own; its entry point."""
    os.set_inheritable(channel_fd, False)  # noqa: FBT003 - as the standard library has it
    endings.use_streams(1, 2)
    reporter = Reporter()
    reporter.attach(channel_fd, inode)
    frame = receive_preamble(channel_fd)
    if frame is None:
        return
    init = parse(frame)
    try:
        program = runtime.program_from(init)
    except ProgramError as error:
        final = {"end": "program_error", "problems": problems_as_json(error)}
        reporter.final(json.dumps(final).encode())
        return
    if init["probe"]:
        reporter.final(b'{"end":"ready"}')
        return
    lead(channel_fd, inode, program)


def problems_as_json(error: ProgramError) -> list[dict[str, object]]:
    """What a `ProgramError` says, for the other side of a wire."""
    return [
        {
            "message": _unicode(problem.message),
            "place": None
            if problem.place is None
            else [
                _unicode(getattr(problem.place, name))
                for name in ("source", "line", "column", "text", "width")
            ],
            "helps": [_unicode(text) for text in problem.helps],
            "notes": [_unicode(text) for text in problem.notes],
        }
        for problem in error.problems
    ]


def _unicode(value: object) -> object:
    """The value, and a text as all readers of JSON take it: paths may hold bytes that are no text."""
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value


def _run_one(channel_fd: int, program: ChildProgram, task: TaskRequest | None) -> int:
    if task is None:
        frame = receive_frame(channel_fd)
        if frame is None:
            return 1
        task = _task_in(frame)
        del frame
    ending = run_task(program, task, warm=False)
    endings.finish_interpreter()
    if isinstance(ending, int):
        return ending
    return 0 if program.reporter.final(*ending) else EXIT_UNREPORTED


def _run_many(channel_fd: int, program: ChildProgram, resident_bytes_max: int | None) -> int:
    reporter = program.reporter
    while (frame := receive_frame(channel_fd)) is not None:
        ending = run_task(program, _task_in(frame), warm=True)
        if isinstance(ending, int):
            endings.finish_interpreter()
            return ending
        endings.flush_streams()
        head, body, tail = ending
        if resident_bytes_max is not None and _resident_bytes() > resident_bytes_max:
            tail = tail[:-1] + b',"recycle":true}'
        if not reporter.final(head, body, tail):
            return EXIT_UNREPORTED
        reporter.release()
    endings.finish_interpreter()
    return 0


def _task_in(frame: bytes | bytearray) -> TaskRequest:
    return parse(frame)  # type: ignore[return-value] # our own frame


def _resident_bytes() -> int:
    try:
        with open("/proc/self/statm", "rb") as file:  # noqa: PTH123 - pathlib costs every fork its pages
            return int(file.read().split()[_STATM_RESIDENT_FIELD]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        from resource import RUSAGE_SELF, getrusage

        return getrusage(RUSAGE_SELF).ru_maxrss


def run_task(program: ChildProgram, request: TaskRequest, *, warm: bool) -> Ending:
    """Call the function for one task, and turn whatever comes of it into an ending."""
    worker_data = program.worker_data_for(request["attempt"], request["deadline"], fresh=warm)
    limit = request["memory"]
    try:
        if limit is not None:
            _limit_memory(limit)
        value = program.call(request["task_id"], request["data"], worker_data)
    except SystemExit as stop:
        return exit_status(stop)
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
    return _RETRY if retry else _NO_RETRY, body, b"}"


def _limit_memory(limit_bytes: int | None) -> None:
    """Set or lift the soft limit on the address space; the hard one stays, so that the end can be told."""
    from resource import RLIM_INFINITY, RLIMIT_AS, getrlimit, setrlimit

    hard = getrlimit(RLIMIT_AS)[1]
    soft = hard if limit_bytes is None else limit_bytes
    if hard != RLIM_INFINITY:
        soft = min(soft, hard)
    setrlimit(RLIMIT_AS, (soft, hard))


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
    return json.dumps({"end": kind, "exception": _unicode(text)})[:-1].encode(), b"", b"}"
