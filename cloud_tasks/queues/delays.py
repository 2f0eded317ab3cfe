"""How long a task that is sent can be delayed: one that is to come later than that would come too early."""

from __future__ import annotations

from cloud_tasks.core.arguments import check_not_negative

_DAY_S = 86_400.0


def check_delay(delay_s: float, delay_s_max: float, backend: str) -> None:
    """Check the delay of a task that is to be sent.

    Args:
        delay_s: It, in seconds.
        delay_s_max: The longest that can be kept, in seconds; whole days.
        backend: Who keeps it.

    Raises:
        ValueError: It is negative, not a number, or longer than that.
    """
    check_not_negative("delay_s", delay_s)
    if delay_s > delay_s_max:
        limit = f"{delay_s_max:.0f} ({delay_s_max / _DAY_S:.0f} days)"
        raise ValueError(f"delay_s is {delay_s}, and the limit of {backend} is {limit}")
