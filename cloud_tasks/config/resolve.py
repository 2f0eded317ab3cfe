"""From a command line and an environment to `Settings`: flag beats variable beats default."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from cloud_tasks.config.checks import check, warnings
from cloud_tasks.config.derive import derive
from cloud_tasks.config.gather import Flag, Gathered, Origin, gather, unknown_variables
from cloud_tasks.config.settings import Settings
from cloud_tasks.config.table import OPTIONS
from cloud_tasks.errors import ConfigurationError, Problem

if TYPE_CHECKING:
    import argparse


class Resolved(Struct, frozen=True):
    """The settings, and what else the command line gave.

    Attributes:
        settings: Every setting, settled.
        namespace: Every argument, those of the user's program included. Ours hold a typed value where the
            command line gave one, else None (the plain switches: False).
        origins: Where the value of each setting came from, by the setting's name.
        warnings: What is odd but no error.
    """

    settings: Settings
    namespace: argparse.Namespace
    origins: Mapping[str, Origin]
    warnings: tuple[Problem, ...]


def resolve(
    argv: Sequence[str] | None,
    environ: Mapping[str, str],
    *,
    parser: argparse.ArgumentParser | None = None,
    local_source: bool = False,
    prog: str | None = None,
) -> Resolved:
    """Find every setting.

    Args:
        argv: The arguments; None for those of this process.
        environ: The environment variables.
        parser: The program's own parser; our arguments are added to it.
        local_source: Whether the program brings its own tasks, so that a task file is ignored.
        prog: Name of the program in the help, where it has no parser of its own.

    Raises:
        ConfigurationError: Something cannot be used; carries every problem at once.
        SystemExit: The help or a completion script was asked for, and printed.
    """
    from cloud_tasks.config.command_line import parse

    line = parse(argv, parser, prog)
    gathered = gather(vars(line.namespace), environ)
    namespace = _typed(line.namespace, gathered)
    derive(gathered, local_source=local_source)
    problems = [*line.problems, *gathered.problems]
    if not line.problems:
        problems += check(gathered, local_source=local_source)
    odd = (*unknown_variables(environ), *warnings(gathered))
    if problems:
        raise ConfigurationError(*_with_notes(problems, odd))
    origins = {name: gathered.origins[name] for name in Settings.__struct_fields__}
    return Resolved(_settings(gathered), namespace, origins, odd)


def _settings(gathered: Gathered) -> Settings:
    values = dict(gathered.values)
    if values["exit_when_empty"] is False:
        values["exit_when_empty"] = None
    return msgspec.convert(values, Settings)


def _typed(namespace: argparse.Namespace, gathered: Gathered) -> argparse.Namespace:
    """The namespace with the values of our arguments in place of their texts."""
    for option in OPTIONS:
        given = getattr(namespace, option.dest, None)
        if given is not None:
            value = gathered.values[option.name]
            setattr(namespace, option.dest, value if isinstance(given, Flag) else given)
        elif option.is_plain_switch:
            setattr(namespace, option.dest, False)
    return namespace


def _with_notes(problems: list[Problem], odd: tuple[Problem, ...]) -> list[Problem]:
    """The problems, the last with what may have led to them."""
    last = problems[-1]
    notes = tuple("; ".join((warning.message, *warning.helps)) for warning in odd)
    problems[-1] = Problem(
        last.message, place=last.place, hint=last.hint, helps=last.helps, notes=last.notes + notes
    )
    return problems
