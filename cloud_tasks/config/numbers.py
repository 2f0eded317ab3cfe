"""Numbers as people write them, in ASCII digits; no NaN, no infinity, no underscores."""

from __future__ import annotations

import math
import re

NUMBER_PATTERN = r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?"

_NUMBER = re.compile(NUMBER_PATTERN, re.ASCII)
_INTEGER = re.compile(r"[-+]?\d+", re.ASCII)


def parse_integer(text: str) -> int:
    """Read an integer.

    Raises:
        ValueError: It is none, or has thousands of digits.
    """
    return int(_matching(_INTEGER, text))


def parse_number(text: str) -> float:
    """Read a number.

    Raises:
        ValueError: It is none, or too large for a float.
    """
    number = float(_matching(_NUMBER, text))
    if math.isinf(number):
        raise ValueError(f"too large: {text!r}")
    return number


def _matching(pattern: re.Pattern[str], text: str) -> str:
    trimmed = text.strip()
    if pattern.fullmatch(trimmed) is None:
        raise ValueError(f"not a number: {text!r}")
    return trimmed
