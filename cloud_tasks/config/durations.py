"""Durations as people write them: `600`, `600s`, `10m`, `1.5h`, `2d`."""

from __future__ import annotations

import math
import re

from cloud_tasks.config.numbers import NUMBER_PATTERN, parse_number

SECONDS_PER_UNIT = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}

HOW_TO_WRITE = "a duration is a number of seconds, or a number with s, m, h or d: write 10m, 600s or 600"

_DURATION = re.compile(rf"\s*({NUMBER_PATTERN})([smhd]?)\s*", re.ASCII)


def parse_duration(text: str) -> float:
    """Read a duration.

    Args:
        text: A number of seconds, or a number with one of the units s, m, h and d right behind it.

    Returns:
        Seconds; an int where they are whole.

    Raises:
        ValueError: It is no such thing, or too large for a float.
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f"not a duration: {text!r}")
    seconds = parse_number(match[1]) * SECONDS_PER_UNIT[match[2]]
    if math.isinf(seconds):
        raise ValueError(f"too long: {text!r}")
    return int(seconds) if seconds.is_integer() else seconds
