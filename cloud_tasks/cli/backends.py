"""From the configuration of a call to its queues."""

from __future__ import annotations

from collections.abc import Iterator

from cloud_tasks.cli.call import Call, refused
from cloud_tasks.compose.backends import BackendSettings
from cloud_tasks.config_file.merge import Configuration
from cloud_tasks.errors import Problem

_LEASE_MARGIN_S = 10.0
"""As the worker has it: most tasks need no renewal."""


def backend_settings(call: Call) -> BackendSettings:
    """The queues that a call is about.

    Raises:
        ConfigurationError: They are not named; with all that is missing.
    """
    configuration = call.configuration
    problems = tuple(_missing(configuration))
    if problems:
        raise refused(*problems)
    queue = configuration.text("queue_name") or ""
    return BackendSettings(
        provider=configuration.text("provider") or "",
        task_queue=queue,
        event_queue=f"{queue}-events",
        region=configuration.text("region"),
        project_id=configuration.text("project_id"),
        exactly_once=bool(configuration.values["exactly_once_queue"]),
        lease_s=configuration.seconds("max_runtime") + _LEASE_MARGIN_S,
        access_key=configuration.text("access_key"),
        secret_key=configuration.text("secret_key"),
        credentials_file=configuration.text("credentials_file"),
        service_account=configuration.text("service_account"),
    )


def database_path(call: Call) -> str:
    """The database of a call's job.

    Raises:
        ConfigurationError: Neither a file nor a job is named.
    """
    path = call.configuration.text("db_file")
    if path is None:
        raise refused(Problem("no database is named", helps=(_way("db_file"), _way("job_id"))))
    return path


def _missing(configuration: Configuration) -> Iterator[Problem]:
    if configuration.values["provider"] is None:
        yield Problem(
            "no provider is named", helps=("--provider AWS, or `provider: AWS` in the --config file",)
        )
    if configuration.values["queue_name"] is None:
        yield Problem("no queue is named", helps=(_way("job_id"), _way("queue_name")))
    keys = [name for name in ("access_key", "secret_key") if configuration.values[name] is not None]
    if len(keys) == 1:
        yield Problem(f"{keys[0]} is set alone: access_key and secret_key belong together")


def _way(key: str) -> str:
    section = "the section of the provider in the --config file"
    return f"--{key.replace('_', '-')}, or `{key}` in {section}"
