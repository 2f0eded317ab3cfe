"""What can happen to the processes that run seeds, in words."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager

from cloud_tasks.errors import ConfigurationError, Problem


class LostError(ConfigurationError):
    """Processes that run seeds cannot be had, or are lost."""


@contextmanager
def at_work() -> Generator[None, None, None]:
    """Around whatever lets processes run seeds.

    Raises:
        LostError: They could not be started, or one was killed.
    """
    try:
        yield
    except BrokenProcessPool:
        helps = ("if memory ran out: fewer `--jobs`",)
        raise LostError(Problem("a process that runs seeds was killed", helps=helps)) from None
    except (OSError, EOFError) as error:
        if error.__cause__ is not None:  # it comes out of a run, with the traceback of that as its cause
            raise
        why = getattr(error, "strerror", None) or "it ended at once"
        raise LostError(Problem(f"cannot start processes for runs: {why}")) from None
