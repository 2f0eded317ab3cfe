"""Checks of what a caller passes to a queue: every backend refuses the same values."""

from __future__ import annotations


def check_receive(tasks_max: int, wait_s: float) -> None:
    """Check the arguments of `receive`.

    Raises:
        ValueError: `tasks_max` is below 1, or `wait_s` is negative or not a number.
    """
    if tasks_max < 1:
        raise ValueError(f"tasks_max is {tasks_max}, and must be at least 1")
    check_not_negative("wait_s", wait_s)


def check_not_negative(name: str, seconds: float) -> None:
    """Check a time that may be 0.

    Raises:
        ValueError: It is negative or not a number.
    """
    if not seconds >= 0:
        raise ValueError(f"{name} is {seconds}, and must be 0 or more")


def check_positive(name: str, seconds: float) -> None:
    """Check a time that may not be 0.

    Raises:
        ValueError: It is 0, negative or not a number.
    """
    if not seconds > 0:
        raise ValueError(f"{name} is {seconds}, and must be more than 0")
