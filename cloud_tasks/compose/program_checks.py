"""What programs say in place of options is held to the bounds of those options."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from msgspec import Struct
from msgspec.structs import fields

from cloud_tasks.config.option import Kind, Option
from cloud_tasks.config.problems import quoted
from cloud_tasks.config.queue_table import OPTIONS
from cloud_tasks.config.values import BadValueError, read_flag
from cloud_tasks.errors import ConfigurationError, Problem
from cloud_tasks.task_app.config import Config
from cloud_tasks.task_app.options import TaskDefaults

_BY_NAME: Mapping[str, Option] = MappingProxyType({option.name: option for option in OPTIONS})
_TYPES: Mapping[Kind, tuple[type, ...]] = MappingProxyType(
    {
        Kind.INTEGER: (int,),
        Kind.NUMBER: (int, float),
        Kind.DURATION: (int, float),
        Kind.SWITCH: (bool,),
    }
)
"""What a program may write for each kind of option; the others take text."""
_SECRET_WORDS = ("password", "secret", "key")
_USUAL = Config()


def check_config(config: Config) -> None:
    """See that every setting of a program can be.

    Raises:
        ConfigurationError: One cannot; with every problem at once.
    """
    problems = list(_of_config(config))
    if problems:
        raise ConfigurationError(*problems)


def defaults_problems(defaults: TaskDefaults) -> Iterator[Problem]:
    """What is wrong with what holds for functions that say nothing themselves."""
    return _of_part("task_defaults", defaults)


def value_problem(name: str, value: object, label: str) -> Problem | None:
    """What is wrong with a value that stands for the option of that name, if anything is."""
    option = _BY_NAME[name]
    if option.default is None and (value is None or (value == "" and _is_secret(name))):
        return None
    types = _TYPES.get(option.kind, (str,))
    fits = isinstance(value, types) and (bool in types or not isinstance(value, bool))
    try:
        read = read_flag(option, _text(value) if fits else "")  # no option takes an empty text
    except BadValueError as error:
        return Problem(f"{label}: expected {_in_programs(error.expected)}, got {_shown(name, value)}")
    if option.choices and read != value:  # in other letters, which only a command line may use
        return Problem(f"{label}: expected {read!r}, got {_shown(name, value)}")
    return None


def _in_programs(expected: str) -> str:
    return (
        expected.replace("a duration", "a number of seconds")
        .replace("a name", "a text")
        .replace("a path", "a path as text")
    )


def queue_problems(queues: object) -> Iterator[Problem]:
    """What is wrong with the names of a worker's queues."""
    if isinstance(queues, str | bytes) or not isinstance(queues, Sequence):
        yield Problem(
            f"queues: expected a list of names, got {_shown('queues', queues)}",
            helps=(f"write queues=[{queues!r}]",) if isinstance(queues, str) else (),
        )
        return
    if not queues or not all(queues):
        yield Problem("a worker needs the name of at least one queue")
    no_names = [name for name in queues if name and not isinstance(name, str)]
    yield from (Problem(f"queues: expected names, got {_shown('queues', name)}") for name in no_names)
    if not no_names:
        twice = sorted({name for name in queues if queues.count(name) > 1})
        yield from (Problem(f"the queue {name!r} is named twice") for name in twice)


def _of_config(config: Config) -> Iterator[Problem]:
    for field in fields(config):
        value, usual = getattr(config, field.name), getattr(_USUAL, field.name)
        if not isinstance(value, type(usual)):
            yield Problem(f"{field.name}: expected {type(usual).__name__}, got {_shown(field.name, value)}")
        elif isinstance(value, Struct):
            yield from _of_part(field.name, value)


def _of_part(part: str, value: Struct) -> Iterator[Problem]:
    for field in fields(value):
        name = field.name if field.name.startswith("aws_") else f"{part}_{field.name}"
        problem = value_problem(name, getattr(value, field.name), f"{part}.{field.name}")
        if problem is not None:
            yield problem


def _is_secret(name: str) -> bool:
    return any(word in name for word in _SECRET_WORDS)


def _text(value: object) -> str:
    """As it stands on a command line; what is no number there is empty."""
    return "" if isinstance(value, float) and not math.isfinite(value) else str(value)


def _shown(name: str, value: object) -> str:
    if _is_secret(name):
        return f"a value of type {type(value).__name__}"
    return quoted(value) if isinstance(value, str) else quoted(repr(value))[1:-1]
