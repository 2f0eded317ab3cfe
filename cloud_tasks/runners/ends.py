"""From what is known of a run to the `RunEnd` that is reported."""

from __future__ import annotations

import os
import signal

from cloud_tasks.core.task import EndKind, RunEnd
from cloud_tasks.runners.reporting import EXIT_UNREPORTED
from cloud_tasks.runners.wire import ChildFrame

_KINDS = {
    "raised": EndKind.RAISED,
    "wrong_return": EndKind.WRONG_RETURN,
    "not_serializable": EndKind.NOT_SERIALIZABLE,
    "memory_limit": EndKind.MEMORY_LIMIT,
}
UNREPORTED = (
    f"cloud_tasks: {EXIT_UNREPORTED} is also the exit status of a task "
    "that closed the descriptor through which its end is reported"
)


def end_from_frame(frame: ChildFrame, peak_bytes: int | None, stderr_tail: str) -> RunEnd:
    """The end that the leader itself reported."""
    if frame.end == "returned":
        return RunEnd(EndKind.RETURNED, retry=frame.retry, result=frame.result, peak_memory_bytes=peak_bytes)
    exception = frame.exception
    if frame.problems:
        exception = "\n".join(problem.message for problem in frame.problems)
    return RunEnd(
        _KINDS.get(frame.end, EndKind.RAISED),
        exception=exception,
        peak_memory_bytes=peak_bytes,
        stderr_tail=stderr_tail,
    )


def end_from_status(
    status: int, peak_bytes: int | None, stderr_tail: str, *, oom_killed: bool = False, note: str = ""
) -> RunEnd:
    """The end of a process that reported none.

    Args:
        status: Its wait status.
        peak_bytes: Its largest resident size.
        stderr_tail: Its last words.
        oom_killed: Whether the kernel ended it for want of memory.
        note: What else there is to say.
    """
    code = os.waitstatus_to_exitcode(status)
    if code == EXIT_UNREPORTED:
        note = UNREPORTED
    return RunEnd(
        EndKind.EXITED,
        exit_code=code,
        signal=signal_name(-code) if code < 0 else "",
        oom_killed=oom_killed,
        peak_memory_bytes=peak_bytes,
        stderr_tail="\n".join(part for part in (stderr_tail, note) if part),
    )


def signal_name(number: int) -> str:
    """The name of a signal, "SIGKILL" for instance."""
    try:
        return signal.Signals(number).name
    except ValueError:
        first = int(signal.SIGRTMIN)
        return f"SIGRTMIN+{number - first}" if number > first else f"signal {number}"
