"""Printing what was asked for, and ending: `--show-config` and the like."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

_FAILED_STATUS = 1


def print_and_exit(text: str) -> NoReturn:
    """Print to standard output, which may be full or gone, and end the program: 0; 1 if it was not read.

    Raises:
        SystemExit: Always.
    """
    try:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except BrokenPipeError:
        write_no_more()
        raise SystemExit(_FAILED_STATUS) from None
    except OSError as error:
        write_no_more()
        sys.stderr.write(f"error: cannot write to {sys.stdout.name}: {error.strerror}\n")
        raise SystemExit(_FAILED_STATUS) from None
    raise SystemExit(0)


def write_no_more() -> None:
    """Nobody takes what is left of our output: the interpreter would complain of that at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
