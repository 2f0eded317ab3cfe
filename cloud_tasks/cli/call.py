"""One call of a command: its options, its configuration, where it writes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping

import msgspec

from cloud_tasks.cli.options import Command
from cloud_tasks.cli.output import write
from cloud_tasks.cli.parser import Line
from cloud_tasks.compose.backends import BackendSettings
from cloud_tasks.config.gather import Flag
from cloud_tasks.config.option import Option, Value
from cloud_tasks.config.problems import bad_value
from cloud_tasks.config.values import BadValueError, read_flag
from cloud_tasks.config_file.keys import BY_KEY
from cloud_tasks.config_file.merge import Configuration, merge
from cloud_tasks.config_file.read import NOTE, ConfigFile, read_config_file
from cloud_tasks.errors import ConfigurationError, Problem, ProblemsError
from cloud_tasks.interfaces import QueueBackend


class Call:
    """A command line whose every value is settled.

    Attributes:
        command: The command.
        topic: What stands behind the command's name; "" if nothing.
        configuration: Command line, configuration file and defaults, merged.
        json: Whether standard output is for machines.
        verbosity: How often --verbose was given.
        environ: The environment.
        open_backend: Opens the queues of a job.
    """

    def __init__(
        self,
        command: Command,
        line: Line,
        environ: Mapping[str, str],
        open_backend: Callable[[BackendSettings], QueueBackend],
    ) -> None:
        """Settle every value.

        Raises:
            ConfigurationError: Something cannot be used; with every problem at once.
        """
        self.command = command
        self.topic = line.topic
        self.environ = environ
        self.open_backend = open_backend
        self.verbosity = line.verbosity
        problems = list(line.problems)
        self._values = _values_of(command, line.flags, problems)
        file = _file_of(self._values.get("config"), problems)
        flags = {name: flag for name, flag in line.flags.items() if name in BY_KEY}
        try:
            self.configuration: Configuration = merge(file, flags)
        except ProblemsError as error:
            problems += error.problems
        if problems:
            raise refused(*problems)
        self.json = self.switch("json")

    def switch(self, name: str) -> bool:
        """Whether a switch of the command line is on."""
        return bool(self._values.get(name))

    def text(self, name: str) -> str | None:
        """The text of an option of the command line."""
        value = self._values.get(name)
        return None if value is None else str(value)

    def count(self, name: str) -> int | None:
        """The number of an option of the command line."""
        value = self._values.get(name)
        return int(value) if isinstance(value, int) else None

    def print(self, *lines: str) -> None:
        """Write lines to standard output."""
        write(sys.stdout, *lines)

    def print_json(self, value: object) -> None:
        """Write a value to standard output, as one line of JSON."""
        self.print(msgspec.json.encode(value).decode())

    def say(self, *lines: str) -> None:
        """Write lines to standard error: what is told, but is no result."""
        write(sys.stderr, *lines)

    def say_if_verbose(self, *lines: str) -> None:
        """As `say`, with --verbose only."""
        if self.verbosity:
            self.say(*lines)


def refused(*problems: Problem) -> ConfigurationError:
    """The error for these problems; the last of them says that nothing was done."""
    *others, last = (
        _with_notes(problem, *(note for note in problem.notes if note != NOTE)) for problem in problems
    )
    return ConfigurationError(*others, _with_notes(last, *last.notes, NOTE))


def _with_notes(problem: Problem, *notes: str) -> Problem:
    return Problem(problem.message, place=problem.place, hint=problem.hint, helps=problem.helps, notes=notes)


def _values_of(command: Command, flags: Mapping[str, Flag], problems: list[Problem]) -> dict[str, Value]:
    """The values of the options that are no keys of the configuration file."""
    values: dict[str, Value] = {}
    for option in command.options:
        if option.name in BY_KEY:
            continue
        try:
            values[option.name] = _value(option, flags.get(option.name))
        except BadValueError as error:
            given = flags[option.name]
            problems.append(bad_value(given.flag, given.text or "", error))
    return values


def _value(option: Option, given: Flag | None) -> Value:
    if given is None:
        return option.default
    return given.on if given.text is None else read_flag(option, given.text)


def _file_of(path: Value, problems: list[Problem]) -> ConfigFile | None:
    if path is None:
        return None
    try:
        return read_config_file(str(path))
    except ProblemsError as error:
        problems += error.problems
        return None
