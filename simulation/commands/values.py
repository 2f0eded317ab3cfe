"""What commands take as values."""

from __future__ import annotations

import argparse

from cloud_tasks.config.durations import parse_duration


def duration(text: str) -> float:
    """A duration, in seconds."""
    try:
        seconds = parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if seconds < 0:
        raise argparse.ArgumentTypeError(f"expected 0 or more, got {text!r}")
    return seconds


def lasting(text: str) -> float:
    """A duration above 0, in seconds."""
    seconds = duration(text)
    if not seconds:
        raise argparse.ArgumentTypeError(f"expected more than 0, got {text!r}")
    return seconds


def count(text: str) -> int:
    """A number of things, at least one."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected at least 1, got {text!r}")
    return int(text)
