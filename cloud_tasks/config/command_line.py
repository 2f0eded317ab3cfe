"""The command line: our arguments next to those of the user's program.

Imported only when a command line is read, because it brings argparse.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NoReturn

from msgspec import Struct

from cloud_tasks.config.completion import PrintCompletion
from cloud_tasks.config.gather import Flag
from cloud_tasks.config.option import Kind, Option
from cloud_tasks.config.parser_actions import actions_of
from cloud_tasks.config.problems import quoted, unexpected_argument, unknown_flag
from cloud_tasks.config.table import OPTIONS, SECTIONS
from cloud_tasks.errors import ConfigurationError, Problem


class CommandLine(Struct, frozen=True):
    """A command line, taken apart.

    Attributes:
        namespace: All arguments; ours hold a `Flag`, a default that the program set, or None.
        problems: What is wrong with it, apart from the values of our options.
    """

    namespace: argparse.Namespace
    problems: tuple[Problem, ...] = ()


class _Store(argparse.Action):
    """Keeps the text of an option; the table, not argparse, says what it means."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[str] | None,
        option_string: str | None = None,
    ) -> None:
        """Called by argparse where the flag is met."""
        text = values if isinstance(values, str) else None
        if self.nargs != 0 and isinstance(values, list):
            text = "--"  # Python 3.11 drops this one value and hands over what is left
        setattr(namespace, self.dest, Flag(option_string or self.dest, text, on=self.const is not False))


def parse(
    argv: Sequence[str] | None, parser: argparse.ArgumentParser | None = None, prog: str | None = None
) -> CommandLine:
    """Take a command line apart.

    Args:
        argv: The arguments; None for those of this process.
        parser: The program's own parser, to which ours are added; None for a new one.
        prog: Name of the program in the help of a new parser.

    Raises:
        ConfigurationError: The program's arguments clash with ours, or `argv` is no list of strings.
        SystemExit: The help was asked for.
    """
    arguments = _checked(sys.argv[1:] if argv is None else argv)
    parser = add_arguments(argparse.ArgumentParser(prog=prog) if parser is None else parser)
    try:
        with _errors_raised(parser):
            namespace, extras = parser.parse_known_args(arguments)
    except _ArgparseError as error:
        return CommandLine(argparse.Namespace(), (_problem_of(str(error)),))
    return CommandLine(namespace, tuple(_unknown(extras, parser)))


def add_arguments(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Add our arguments to a parser, in groups; one that has them already stays as it is.

    Raises:
        ConfigurationError: An argument of the parser has a flag or a name of ours.
    """
    if any(isinstance(action, _Store) for action in parser._actions):  # noqa: SLF001 - no public way to list them
        return parser
    clashes = tuple(_clashes(parser))
    if clashes:
        raise ConfigurationError(*clashes)
    for section in SECTIONS:
        group = parser.add_argument_group(section.title, section.text)
        for option in section.options:
            _add(group, option)
    return parser


def _add(group: argparse._ArgumentGroup, option: Option) -> None:
    flags = [flag for flag in (option.short_flag, option.flag) if flag]
    if option.name == "print_completion":
        group.add_argument(*flags, action=PrintCompletion, metavar=option.metavar, help=_help(option))
    elif option.kind is Kind.SWITCH:
        group.add_argument(*flags, action=_Store, nargs=0, help=_help(option))
    else:
        nargs = "?" if option.kind is Kind.SWITCH_OR_DURATION else None
        group.add_argument(*flags, action=_Store, nargs=nargs, metavar=option.metavar, help=_help(option))
    if option.no_flag:
        text = f"The opposite of {option.flag}."
        group.add_argument(option.no_flag, action=_Store, nargs=0, const=False, dest=option.dest, help=text)


def _help(option: Option) -> str:
    variable = f" [{option.variable}]" if option.variable else ""
    words = option.default_in_words
    default = "" if words == "none" else f" (default: {words})"
    return f"{option.help}{variable}{default}".replace("%", "%%")


def _checked(argv: Sequence[object]) -> list[str]:
    if isinstance(argv, str):
        raise ConfigurationError(Problem(f"args: expected a list of strings, got the string {quoted(argv)}"))
    strings = [argument for argument in argv if isinstance(argument, str)]
    if len(strings) == len(argv):
        return strings
    raise ConfigurationError(
        *(
            Problem(f"args[{index}]: expected a string, got {quoted(argument)} ({type(argument).__name__})")
            for index, argument in enumerate(argv)
            if not isinstance(argument, str)
        )
    )


def _clashes(parser: argparse.ArgumentParser) -> Iterator[Problem]:
    owners = {flag: option for option in OPTIONS for flag in option.flags}
    names = {option.dest: option for option in OPTIONS}
    for action in actions_of(parser):  # subcommands share the namespace
        flag = next((text for text in action.option_strings if text in owners), None)
        theirs = "/".join(action.option_strings) or action.dest
        if flag is not None:
            yield _clash(theirs, f"the flag {flag}", owners[flag])
        elif action.dest in names:
            yield _clash(theirs, f"the name {action.dest!r}", names[action.dest])


def _clash(theirs: str, what: str, ours: Option) -> Problem:
    return Problem(
        f"the program's argument {theirs} clashes with the worker's {'/'.join(ours.flags)}: both have {what}",
        helps=("give the program's argument another flag or another dest",),
    )


def _unknown(extras: Sequence[str], parser: argparse.ArgumentParser) -> Iterator[Problem]:
    known = [flag for action in parser._actions for flag in action.option_strings]  # noqa: SLF001 - no public way to list them
    end = extras.index("--") if "--" in extras else len(extras)
    value_of_unknown = False
    for text in extras[:end]:
        is_flag = text.startswith("-") and text != "-"
        if is_flag:
            yield unknown_flag(text.partition("=")[0], known)
        elif not value_of_unknown:
            yield unexpected_argument(text)
        value_of_unknown = is_flag and "=" not in text
    for text in extras[end + 1 :]:
        yield unexpected_argument(text)


class _ArgparseError(Exception):
    """What argparse would have printed before it exits."""


@contextmanager
def _errors_raised(parser: argparse.ArgumentParser) -> Iterator[None]:
    """Raise argparse's errors instead of exiting, unless the program's parser has its own way with them."""
    if type(parser).error is not argparse.ArgumentParser.error:
        yield
        return
    parser.error = _raise  # type: ignore[method-assign]
    try:
        yield
    finally:
        del parser.error


def _raise(message: str) -> NoReturn:
    raise _ArgparseError(message)


def _problem_of(message: str) -> Problem:
    """Argparse's message in our words: the flag first."""
    name, colon, rest = message.removeprefix("argument ").partition(": ")
    if not (message.startswith("argument ") and colon):
        return Problem(message, helps=("--help lists every argument",))
    return Problem(f"{name}: {rest}")
