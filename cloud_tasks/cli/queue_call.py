"""One call of a command that knows queues by their driver: its settings, and where it writes."""

from __future__ import annotations

import sys
from collections.abc import Mapping

import msgspec

from cloud_tasks.cli.options import Command
from cloud_tasks.cli.output import write
from cloud_tasks.cli.parser import Line
from cloud_tasks.compose.queue_config import CONNECTION_OPTIONS, config_of
from cloud_tasks.compose.telling import tell
from cloud_tasks.config.gather import Gathered, gather, unknown_variables
from cloud_tasks.config.option import Option, Value
from cloud_tasks.config.queue_table import OPTIONS, VARIABLE_PREFIX
from cloud_tasks.errors import ConfigurationError
from cloud_tasks.task_app.config import Config


class QueueCall:
    """A command line whose every value is settled: flag beats variable beats default.

    Attributes:
        command: The command.
        topic: What stands behind the command's name; "" if nothing.
        names: What else stands there.
        options: Its options, in the order of the table.
        gathered: Their values, and where each came from.
        config: Where the queues are, and what holds for tasks.
    """

    def __init__(self, command: Command, line: Line, environ: Mapping[str, str]) -> None:
        """Settle every value, and warn of variables that mean nothing.

        Raises:
            ConfigurationError: Something cannot be used; with every problem at once.
        """
        self.command = command
        self.topic = line.topic
        self.names = line.names
        self.options = command.options
        self.gathered = _gathered(command, line, environ)
        self.config: Config = config_of(self.gathered)
        tell(tuple(unknown_variables(environ, OPTIONS, VARIABLE_PREFIX)), "warning")

    def value(self, name: str) -> Value:
        """The value of an option."""
        return self.gathered.values[name]

    def text(self, name: str) -> str | None:
        """The text of an option; None where nobody set it."""
        value = self.value(name)
        return None if value is None else str(value)

    def number(self, name: str) -> float | None:
        """The number of an option; None where nobody set it."""
        value = self.value(name)
        return float(value) if isinstance(value, int | float) else None

    def count(self, name: str) -> int | None:
        """The whole number of an option; None where nobody set it."""
        value = self.value(name)
        return value if isinstance(value, int) else None

    def switch(self, name: str) -> bool:
        """Whether a switch is on."""
        return bool(self.value(name))

    @property
    def queues(self) -> tuple[str, ...]:
        """The names of the queues, in their order."""
        return tuple(name for part in str(self.value("queues")).split(",") if (name := part.strip()))

    def print(self, *lines: str) -> None:
        """Write lines to standard output."""
        write(sys.stdout, *lines)

    def print_json(self, value: object) -> None:
        """Write a value to standard output, as one line of JSON."""
        self.print(msgspec.json.encode(value).decode())

    def say(self, *lines: str) -> None:
        """Write lines to standard error: what is told, but is no result."""
        write(sys.stderr, *lines)


def _gathered(command: Command, line: Line, environ: Mapping[str, str]) -> Gathered:
    """The values of the command's options, and of what else a connection needs."""
    options: dict[str, Option] = {one.name: one for one in (*command.options, *CONNECTION_OPTIONS)}
    flags = {option.dest: line.flags.get(option.name) for option in options.values()}
    if line.verbosity and "verbose" in options:
        flags["verbose"] = True  # type: ignore[assignment] # as a program would set it
    gathered = gather(flags, environ, options.values())
    problems = [*line.problems, *gathered.problems]
    if problems:
        raise ConfigurationError(*problems)
    return gathered
