"""`--print-completion`: a completion script for a shell."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import NoReturn

from cloud_tasks.config.printing import print_and_exit
from cloud_tasks.config.problems import bad_value
from cloud_tasks.config.table import BY_NAME
from cloud_tasks.config.values import BadValueError, read_flag
from cloud_tasks.errors import ConfigurationError, Problem


class PrintCompletion(argparse.Action):
    """Prints the script for the whole parser, the program's arguments included, and exits."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[object] | None,
        option_string: str | None = None,
    ) -> NoReturn:
        """Called by argparse where the flag is met."""
        print_and_exit(completion_script(parser, str(values)))


def completion_script(parser: argparse.ArgumentParser, shell: str) -> str:
    """The script that completes the arguments of a parser.

    Raises:
        ConfigurationError: The shell is none that we know, or shtab is not installed.
    """
    option = BY_NAME["print_completion"]
    try:
        read_flag(option, shell)
    except BadValueError as error:
        raise ConfigurationError(bad_value(option.flag, shell, error)) from None
    try:
        import shtab
    except ImportError:
        missing = Problem(f"{option.flag} needs the package shtab", helps=("install shtab",))
        raise ConfigurationError(missing) from None
    return shtab.complete(parser, shell=shell.strip().lower())
