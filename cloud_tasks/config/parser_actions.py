"""What a parser of argparse has."""

from __future__ import annotations

import argparse
from collections.abc import Iterator


def actions_of(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Its arguments, and those of its subcommands."""
    for action in parser._actions:  # noqa: SLF001 - no public way to list them
        yield action
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - has no public name
            for subparser in action.choices.values():
                yield from actions_of(subparser)
