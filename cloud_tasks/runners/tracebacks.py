"""Tracebacks of the user's code as text. Runs in the task's process."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

EXCEPTION_CHARS_MAX = 65536
"""Longest traceback that is reported; of a longer one the middle is left out."""
_EXCEPTION_HEAD_CHARS = 16384
_HERE = os.path.dirname(__file__)  # noqa: PTH120 - pathlib costs every fork its pages
_RUNTIME = (_HERE + os.sep, os.path.join(os.path.dirname(_HERE), "task_app") + os.sep)  # noqa: PTH118, PTH120 - no pathlib
"""What stands between the worker and the user's function."""


def traceback_text(error: BaseException) -> str:
    """The traceback from the user's first frame on, bounded, whatever the exception's methods do."""
    try:
        from traceback import format_exception

        text = "".join(format_exception(type(error), error, _users_part(error.__traceback__)))
    except Exception as second:  # noqa: BLE001 - boundary: the user's own __str__, or no memory left
        text = f"{type(error).__qualname__} (formatting it raised {type(second).__name__})\n"
    if len(text) <= EXCEPTION_CHARS_MAX:
        return text
    left_out = len(text) - EXCEPTION_CHARS_MAX
    tail = text[_EXCEPTION_HEAD_CHARS - EXCEPTION_CHARS_MAX :]
    return f"{text[:_EXCEPTION_HEAD_CHARS]}\n... {left_out:,} characters left out ...\n{tail}"


def _users_part(trace: TracebackType | None) -> TracebackType | None:
    users = trace
    while trace is not None:
        if trace.tb_frame.f_code.co_filename.startswith(_RUNTIME):
            users = trace.tb_next
        trace = trace.tb_next
    return users


def report_unexpected() -> None:
    """Write the exception that is being handled to standard error: ours, not the user's."""
    kind, error, trace = sys.exc_info()
    if kind is not None and error is not None:
        sys.excepthook(kind, error, trace)
