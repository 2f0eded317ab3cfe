"""Saying what is wrong, in the one way in which it is said, before there is a console."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from cloud_tasks.diagnostics import render
from cloud_tasks.errors import Problem, ProblemsError

FAILED_STATUS = 1
"""Exit status where something did not work that is not the caller's mistake."""
USAGE_STATUS = 2
"""Exit status of a mistake in options, configuration, task file or program."""


def tell(problems: Sequence[Problem], kind: str = "error") -> None:
    """Print problems to stderr."""
    if problems:
        colour = sys.stderr.isatty() and "NO_COLOR" not in os.environ
        sys.stderr.write(render(problems, kind, color=colour) + "\n")


class UsageExit(SystemExit):
    """The end of a program whose input cannot be used, after saying so; ends it with status 2.

    Attributes:
        problems: What is wrong, for a program that catches it.
    """

    def __init__(self, error: ProblemsError) -> None:
        """Say what is wrong."""
        self.problems = error.problems
        super().__init__(USAGE_STATUS)
        tell(error.problems)
