"""`main`: from a command line to an exit status."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from cloud_tasks.diagnostics import near
from cloud_tasks.errors import Problem, ProblemsError
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
from simulation.commands.telling import UnheardError, complain, give_up_streams
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


_NAMES = frozenset(module.__name__.rpartition(".")[2] for module in COMMANDS)
_HELP = ("-h", "--help")


def main(argv: Sequence[str] | None = None) -> int:
    """Carry out one command line; see `Status` for what is returned."""
    if sys.stdout is None:  # as Python has it where there is none
        complain((Problem("cannot write to standard output: it is closed"),))
        return Status.USAGE
    try:
        return _carried_out(sys.argv[1:] if argv is None else argv)
    except KeyboardInterrupt:
        return Status.INTERRUPTED
    except UnheardError:
        give_up_streams()
        return Status.UNHEARD


def _carried_out(words: Sequence[str]) -> Status:
    try:
        arguments = parse(words)
        status: Status = arguments.command(arguments)
    except ProblemsError as error:
        complain(error.problems)
        give_up_streams()
        return Status.USAGE
    return status


def parse(words: Sequence[str]) -> argparse.Namespace:
    """What was typed: a command with its options; or options alone, which are those of `run`."""
    parser = make_parser()
    if words and (not words[0].startswith("-") or words[0] in _HELP):
        _check_command(parser, words[0])
        return parser.parse_args(words)
    arguments, rest = parser.parse_known_args(["run", *words])
    late = next((word for word in rest if word in _NAMES), "")
    if late:
        parser.error(f"options come after their command: python -m simulation {late} ...")
    if rest:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    return arguments


def _check_command(parser: argparse.ArgumentParser, word: str) -> None:
    """End with a message where there is no such command: argparse has no name for what is wrong."""
    names = [module.__name__.rpartition(".")[2] for module in COMMANDS]
    if word not in names and word not in _HELP:
        like = near(word, names)
        more = f"did you mean {like}?" if like else f"choose from {', '.join(names)}"
        parser.error(f"there is no command {word!r}: {more}")


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
        "in virtual time and from a seed. Without a command: `run`, for half a minute on all cores, with "
        "the options that `run --help` tells.",
    )
    commands = parser.add_subparsers(title="commands", metavar="")
    for module in COMMANDS:
        module.add_parser(commands)
    return parser
