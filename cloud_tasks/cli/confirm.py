"""The typed confirmation of what cannot be undone."""

from __future__ import annotations

import sys
from typing import Protocol

from cloud_tasks.cli.call import refused
from cloud_tasks.errors import CloudTasksError, Problem


class DeclinedError(CloudTasksError):
    """The user did not type what was asked for."""


class Forcible(Protocol):
    """A call of a command that has --force."""

    def switch(self, name: str) -> bool:
        """Whether a switch is on."""
        ...


def confirm(call: Forcible, phrase: str, what: str) -> None:
    """Ask to type a phrase, unless --force was given.

    Args:
        call: The call.
        phrase: What is to be typed: "EMPTY my-job".
        what: What will happen then, in a sentence.

    Raises:
        ConfigurationError: There is no terminal, so nobody can be asked.
        DeclinedError: Something else was typed.
    """
    if call.switch("force"):
        return
    if not (sys.stdin is not None and sys.stdin.isatty()):
        raise refused(
            Problem(
                f"{what} That needs a confirmation, and there is no terminal to ask on",
                helps=("--force does it without asking",),
            )
        )
    sys.stderr.write(f"{what}\nType `{phrase}` to confirm: ")
    sys.stderr.flush()
    if sys.stdin.readline().strip() != phrase:
        raise DeclinedError("not confirmed: nothing was changed")
