"""From the settings of the queue commands, or the environment alone, to a `Config`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec
from msgspec.structs import replace

from cloud_tasks.config.gather import Gathered, gather
from cloud_tasks.config.option import Option, Value
from cloud_tasks.config.queue_table import (
    DRIVER,
    DRIVERS_OWN,
    EVENTS,
    KEEP_COMPLETED,
    TASK_DEFAULTS,
)
from cloud_tasks.errors import ConfigurationError
from cloud_tasks.task_app.config import Config
from cloud_tasks.task_app.options import TaskDefaults

CONNECTION_OPTIONS: tuple[Option, ...] = (
    *(option for section in (DRIVER, *DRIVERS_OWN, TASK_DEFAULTS, EVENTS) for option in section.options),
    KEEP_COMPLETED,
)
"""What a program needs to know that dispatches tasks, or looks at queues."""

_PARTS = ("sqlite", "redis", "postgres", "mysql", "rabbitmq", "sqs", "task_defaults", "events", "repository")
_AWS = ("aws_access_key_id", "aws_secret_access_key")


def config_of(gathered: Gathered) -> Config:
    """The settings as one value; all of `CONNECTION_OPTIONS` must have been gathered."""
    values = gathered.values
    tree: dict[str, dict[str, Value]] = {part: {} for part in _PARTS}
    for option in CONNECTION_OPTIONS:
        part = next((part for part in _PARTS if option.name.startswith(f"{part}_")), "sqs")
        if option.name != "driver":
            tree[part][option.name.removeprefix(f"{part}_")] = values[option.name]
    attempts = _driver_attempts(gathered)
    if attempts is not None:
        tree["task_defaults"]["max_attempts"] = attempts
    for database in ("postgres", "mysql"):
        tree[database]["max_attempts"] = None  # settled
    return msgspec.convert({"driver": values["driver"], **tree}, Config)


def _driver_attempts(gathered: Gathered) -> Value:
    """The driver's own number of attempts, where it was given and the general one was not."""
    name = f"{gathered.values['driver']}_max_attempts"
    if gathered.origins["task_defaults_max_attempts"].kind != "default":
        return None
    return gathered.values.get(name)


def config_from_environment(environ: Mapping[str, str]) -> Config:
    """What the variables alone say.

    Raises:
        ConfigurationError: One holds what cannot be used; with every problem at once.
    """
    gathered = gather_checked({}, environ, CONNECTION_OPTIONS)
    return config_of(gathered)


def gather_checked(
    flags: Mapping[str, object], environ: Mapping[str, str], options: Iterable[Option]
) -> Gathered:
    """Find the value of each option.

    Args:
        flags: What the command line says, by name.
        environ: The environment.
        options: The options.

    Raises:
        ConfigurationError: A value cannot be used; with every problem at once.
    """
    wanted = tuple(options)
    gathered = gather({option.dest: flags.get(option.name) for option in wanted}, environ, wanted)
    if gathered.problems:
        raise ConfigurationError(*gathered.problems)
    return gathered


def usual_defaults(config: Config) -> TaskDefaults:
    """What holds for functions that say nothing themselves; the driver's own attempts beat the general."""
    database = {"postgres": config.postgres, "mysql": config.mysql}.get(config.driver)
    if database is None or database.max_attempts is None:
        return config.task_defaults
    return replace(config.task_defaults, max_attempts=database.max_attempts)
