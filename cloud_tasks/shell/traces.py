"""Where an exception was raised, in words, at a cost that an outage can bear.

While a queue is away, every call about every task fails, and each failure is reported with its stack trace.
To read and underline the lines of one takes longer than all else that the worker does about it, and they are
always the same few.
"""

from __future__ import annotations

import traceback
from types import CodeType, TracebackType

_Places = tuple[tuple[CodeType, int], ...]
PLACES_MAX = 256
"""Stacks whose text is kept."""
_texts: dict[_Places, str] = {}


def trace_of(error: BaseException) -> str:
    """As `traceback.format_exc()` tells it; a stack that is known by now is not formatted once more."""
    if error.__cause__ is not None or error.__context__ is not None or isinstance(error, BaseExceptionGroup):
        return "".join(traceback.format_exception(error))
    return "".join((_stack_of(error.__traceback__), *traceback.format_exception_only(error)))


def _stack_of(raised: TracebackType | None) -> str:
    places = _places_of(raised)
    text = _texts.get(places)
    if text is None:
        if len(_texts) >= PLACES_MAX:
            _texts.clear()
        lines = traceback.format_tb(raised)
        text = _texts[places] = "".join(("Traceback (most recent call last):\n", *lines)) if lines else ""
    return text


def _places_of(raised: TracebackType | None) -> _Places:
    """The code of each frame, and the instruction that it was at."""
    places = []
    while raised is not None:
        places.append((raised.tb_frame.f_code, raised.tb_lasti))
        raised = raised.tb_next
    return tuple(places)
