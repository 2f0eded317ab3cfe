"""What a worker's own limiter says: an object of whatever type, with numbers in it or without."""

from __future__ import annotations

import operator

from cloud_tasks.config.table import COUNT_MAX, DURATION_S_MAX
from cloud_tasks.runners.results import describe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cloud_tasks.queues.rate_limit import RateLimit

_CALLS = f"a whole number from 1 to {COUNT_MAX}"
_PERIOD = f"a number of seconds above 0, and at most {DURATION_S_MAX}"


def plain_limit(limit: RateLimit) -> tuple[int, float]:
    """Calls and period in seconds, as a rate limit can be made of them.

    Raises:
        ValueError: One of them is no such number.
    """
    return _calls(limit.max_calls), _period_s(limit.period_s)


def _calls(value: object) -> int:
    try:
        calls = operator.index(value)  # type: ignore[arg-type] # refused there, if it is no whole number
    except TypeError:
        calls = 0
    if not 1 <= calls <= COUNT_MAX:
        raise _wrong("max_calls", value, _CALLS)
    return calls


def _period_s(value: object) -> float:
    try:
        period_s = 0.0 if isinstance(value, (str, bytes)) else float(value)  # type: ignore[arg-type] # is asked
    except (TypeError, ValueError, OverflowError):
        period_s = 0.0
    if not 0 < period_s <= DURATION_S_MAX:
        raise _wrong("period_s", value, _PERIOD)
    return period_s


def _wrong(name: str, value: object, needed: str) -> ValueError:
    return ValueError(f"get_limiter() gives {name} = {describe(value)}, and it must be {needed}")
