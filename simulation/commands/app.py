"""`main`: from a command line to an exit status."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from cloud_tasks.compose.telling import tell
from cloud_tasks.errors import ProblemsError
from simulation.commands import (
    coverage,
    diff,
    explain,
    mutants,
    real,
    replay,
    run,
    scenarios,
    selfcheck,
    shrink,
    soak,
    supervised,
)
from simulation.statuses import Status

COMMANDS = (
    run,
    replay,
    shrink,
    explain,
    diff,
    scenarios,
    coverage,
    mutants,
    soak,
    selfcheck,
    supervised,
    real,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Carry out one command line; see `Status` for what is returned."""
    try:
        arguments = make_parser().parse_args(argv)
        status: Status = arguments.command(arguments)
    except ProblemsError as error:
        tell(error.problems)
        return Status.USAGE
    except KeyboardInterrupt:
        return Status.INTERRUPTED
    except BrokenPipeError:
        return Status.UNSAFE
    return status


def parsers() -> list[argparse.ArgumentParser]:
    """The parser of the whole, and one for each command."""
    parser = make_parser()
    commands = argparse.ArgumentParser().add_subparsers()
    return [parser, *(module.add_parser(commands) for module in COMMANDS)]


def make_parser() -> argparse.ArgumentParser:
    """Every command and option there is."""
    parser = argparse.ArgumentParser(
        prog="python -m simulation",
        description="The unmodified worker in a world of its own: crashes, time-outs, retries, preemption, "
        "in virtual time and from a seed. Without a command: `run`, for half a minute on all cores.",
    )
    run.add_options(parser)
    commands = parser.add_subparsers(title="commands", metavar="")
    for module in COMMANDS:
        module.add_parser(commands)
    return parser
