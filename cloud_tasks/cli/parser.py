"""From the tables to a parser, and from a command line to a `Call`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from typing import NoReturn

from msgspec import Struct

from cloud_tasks.cli.options import BY_COMMAND, COMMANDS, GLOBAL, Command
from cloud_tasks.config.gather import Flag
from cloud_tasks.config.option import Kind, Option, Section
from cloud_tasks.config.problems import nearest, quoted, unexpected_argument, unknown_flag
from cloud_tasks.errors import ConfigurationError, Problem

PROG = "cloud_tasks"


class Line(Struct, frozen=True):
    """A command line, taken apart.

    Attributes:
        command: The command; None where another thing was asked for.
        topic: What stands behind the command's name; "" if nothing.
        names: What else stands there.
        flags: What it says about each option, by name.
        verbosity: How often --verbose was given.
        problems: What is wrong with it, apart from values.
    """

    command: Command | None
    flags: dict[str, Flag]
    topic: str = ""
    verbosity: int = 0
    problems: tuple[Problem, ...] = ()
    names: tuple[str, ...] = ()


class Parser(argparse.ArgumentParser):
    """An argument parser that raises what is wrong."""

    def error(self, message: str) -> NoReturn:
        """Called by argparse with its own message.

        Raises:
            ConfigurationError: Always, with the message in our words.
        """
        name, colon, rest = message.removeprefix("argument ").partition(": ")
        if message.startswith("argument ") and colon:
            raise ConfigurationError(Problem(f"{name}: {rest}"))
        raise ConfigurationError(Problem(message, helps=(f"`{self.prog} --help` tells what there is",)))


class _Store(argparse.Action):
    """Keeps the text of an option; the table says what it means."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[str] | None,
        option_string: str | None = None,
    ) -> None:
        """Called by argparse where the flag is met."""
        texts = [values] if isinstance(values, str) else list(values or ())
        text = ",".join(texts) if self.nargs != 0 else None
        setattr(namespace, self.dest, Flag(option_string or self.dest, text, on=self.const is not False))


class _Gather(argparse.Action):
    """Keeps the texts of an option that may be given several times."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[str] | None,
        option_string: str | None = None,
    ) -> None:
        """Called by argparse each time that the flag is met."""
        before = getattr(namespace, self.dest)
        texts = (*(before.texts if before else ()), str(values))
        setattr(namespace, self.dest, Flag(option_string or self.dest, texts[-1], texts=texts))


def make_parser() -> Parser:
    """The parser of all commands."""
    parser = Parser(prog=PROG, allow_abbrev=False, description="Fill, watch and empty the queues of a job.")
    _add_section(parser, GLOBAL)
    commands = parser.add_subparsers(title="commands", dest="command", metavar="COMMAND")
    for command in COMMANDS:
        one = commands.add_parser(
            command.name,
            help=command.help,
            description=f"{command.help} {command.text}".strip(),
            allow_abbrev=False,
        )
        if command.topics:
            one.add_argument("topic", choices=command.topics, help="What to do.")
        if command.names:
            one.add_argument("names", nargs="*", metavar=command.names, help=command.names_help)
        for section in command.sections:
            _add_section(one, section)
    return parser


def parse(argv: Sequence[str], parser: Parser) -> Line:
    """Take a command line apart.

    Raises:
        ConfigurationError: It is no command line of ours.
        SystemExit: The help was asked for.
    """
    arguments = _with_underscores(argv)
    _check_command(arguments)
    namespace, extras = parser.parse_known_args(arguments)
    given = vars(namespace)
    command = BY_COMMAND.get(str(given.get("command")))
    options = (*GLOBAL.options, *(command.options if command else ()))
    flags = {
        option.name: given[option.name] for option in options if isinstance(given.get(option.name), Flag)
    }
    problems = [*_unknown(extras, options), *_exclusive(command, flags)]
    verbosity = given.get("verbose") or 0
    names = tuple(given.get("names") or ())
    return Line(command, flags, str(given.get("topic") or ""), verbosity, tuple(problems), names)


def _add_section(parser: argparse.ArgumentParser, section: Section) -> None:
    group = parser.add_argument_group(section.title, section.text or None)
    for option in section.options:
        _add(group, option)


def _add(group: argparse._ArgumentGroup, option: Option) -> None:
    flags = [flag for flag in (option.short_flag, option.flag, option.older_flag) if flag]
    text = _help(option)
    if option.name == "verbose":
        group.add_argument(*flags, action="count", default=0, help=text)
    elif option.many:
        group.add_argument(*flags, action=_Gather, dest=option.name, metavar=option.metavar, help=text)
    elif option.kind is Kind.SWITCH:
        group.add_argument(*flags, action=_Store, nargs=0, dest=option.name, help=text)
    else:
        nargs = "+" if option.name == "zone" else None
        group.add_argument(
            *flags, action=_Store, nargs=nargs, dest=option.name, metavar=option.metavar, help=text
        )
    if option.no_flag:
        opposite = f"The opposite of {option.flag}."
        group.add_argument(
            option.no_flag, action=_Store, nargs=0, const=False, dest=option.name, help=opposite
        )


def _help(option: Option) -> str:
    words = option.default_in_words
    variable = f" [{option.variable}]" if option.variable else ""
    default = "" if words in ("none", "off") else f" (default: {words})"
    return f"{option.help}{variable}{default}".replace("%", "%%")


def _with_underscores(argv: Sequence[str]) -> list[str]:
    """The arguments, with the command's name as the table spells it."""
    arguments = list(argv)
    for index, text in enumerate(arguments):
        if not text.startswith("-"):
            name = text.replace("-", "_")
            arguments[index] = name if name in BY_COMMAND else text
            break
    return arguments


def _check_command(arguments: Sequence[str]) -> None:
    """Tell an unknown command in better words than a list of all of them."""
    first = next(iter(arguments), "")
    if first and not first.startswith("-") and first not in BY_COMMAND:
        near = nearest(first.replace("-", "_"), BY_COMMAND)
        helps = (f"did you mean `{near}`?",) if near else (f"`{PROG} --help` lists the commands",)
        raise ConfigurationError(Problem(f"unknown command {quoted(first)}", helps=helps))


def _unknown(extras: Sequence[str], options: Sequence[Option]) -> Iterator[Problem]:
    known = ["--help", *(flag for option in options for flag in option.flags)]
    value_of_unknown = False
    for text in extras:
        is_flag = text.startswith("-") and text != "-"
        if is_flag:
            yield unknown_flag(text.partition("=")[0], known)
        elif not value_of_unknown:
            yield unexpected_argument(text)
        value_of_unknown = is_flag and "=" not in text


def _exclusive(command: Command | None, flags: dict[str, Flag]) -> Iterator[Problem]:
    given = [flags[name].flag for name in command.one_of if name in flags] if command else []
    if len(given) > 1:
        yield Problem(f"{' and '.join(given)} exclude one another", helps=("leave both out for both queues",))
