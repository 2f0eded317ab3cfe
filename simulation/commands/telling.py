"""What all commands need: where they are put, and writing to standard output."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn, TypeAlias

from rich.console import Console, RenderableType

from cloud_tasks.compose.telling import tell
from cloud_tasks.errors import ConfigurationError, Problem

if TYPE_CHECKING:
    # argparse has no public name for it, and it is generic for type checkers alone.
    Commands: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001
else:
    Commands = object


class UnheardError(Exception):
    """Nobody reads any more what is told. Pipes of other kinds break, too, and mean something else."""


class PlainConsole(Console):
    """A console that leaves it to `main` to say what it means that nobody reads any more."""

    def on_broken_pipe(self) -> NoReturn:
        """Raise what was raised: rich would end the program with a status that means something else here.

        Raises:
            UnheardError: Always.
        """
        raise UnheardError


def say(*lines: str) -> None:
    """Write lines.

    Raises:
        UnheardError: Nobody reads them.
        ConfigurationError: They cannot be written.
    """
    with _written():
        sys.stdout.write("".join(f"{line}\n" for line in lines))
        sys.stdout.flush()


def show(*parts: RenderableType, width: int | None = None) -> None:
    """Write tables and their like, one below the other.

    Args:
        parts: They.
        width: Of the whole; None: that of the terminal.

    Raises:
        UnheardError: Nobody reads them.
        ConfigurationError: They cannot be written.
    """
    with _written():
        PlainConsole(soft_wrap=True, width=width).print(*parts, sep="\n", highlight=False)


def complain(problems: Sequence[Problem]) -> None:
    """Tell problems on standard error.

    Args:
        problems: They.

    Raises:
        UnheardError: Nobody reads them.
    """
    try:
        tell(problems)
    except BrokenPipeError:
        raise UnheardError from None


@contextmanager
def _written() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise UnheardError from None
    except OSError as error:
        raise ConfigurationError(Problem(f"cannot write to standard output: {error.strerror}")) from None


def give_up_streams() -> None:
    """Let go of what cannot be written: the interpreter would complain of it at its end."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
