"""What must be true of several settings together."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from cloud_tasks.config.gather import Gathered
from cloud_tasks.config.option import Option
from cloud_tasks.config.problems import quoted
from cloud_tasks.config.table import BY_NAME
from cloud_tasks.errors import Problem

CLOUD_NAME = re.compile(r"[a-z][-a-z0-9]{0,23}", re.ASCII)
"""Names that every provider takes, with room for what is put behind them."""


def check(gathered: Gathered, *, local_source: bool) -> Iterator[Problem]:
    """Everything that is wrong with the settings as a whole.

    Args:
        gathered: The settings, with derived ones settled. What hangs on a bad value is not looked at.
        local_source: Whether the program brings its own tasks.
    """
    local = local_source or gathered.values["task_file"] is not None
    checks: list[tuple[tuple[str, ...], Callable[[Gathered], Iterator[Problem]]]] = [
        (("simulate_spot_termination_after", "simulate_spot_termination_delay"), _simulation)
    ]
    if not local and not gathered.values["show_config"]:
        checks.append((("task_file", "provider", "job_id", "queue_name"), _queue_is_named))
    if local and gathered.values["event_log_to_queue"]:
        checks.append((("task_file", "provider", "job_id", "queue_name"), _event_queue_is_named))
    if not local or gathered.values["event_log_to_queue"]:
        checks.append((("task_file", "provider", "project_id"), _project))
        checks.append((("task_file", "job_id", "queue_name"), _names))
    for names, problems_of in checks:
        if gathered.bad.isdisjoint(names):
            yield from problems_of(gathered)


def warnings(gathered: Gathered) -> Iterator[Problem]:
    """Options that do not do what whoever gave them may expect, because of another one."""
    runner = gathered.values["runner"]
    for name in ("max_tasks_per_child", "max_memory_per_child"):
        if gathered.values[name] is not None and runner != "pool":
            yield Problem(
                f"{_source(gathered, name)} has no effect: the {runner} runner keeps no processes",
                helps=("--runner pool does",),
            )
    if gathered.values["is_spot"] and _nobody_gives_notice(gathered):
        yield Problem(
            f"{_source(gathered, 'is_spot')} alone watches for nothing: no provider is asked for its notices",
            helps=(f"give {_ways(BY_NAME['provider'])} as well",),
        )


def _nobody_gives_notice(gathered: Gathered) -> bool:
    """Whether no notice can come. A provider that cannot be used is told as a mistake."""
    values = gathered.values
    nobody = values["provider"] is None and values["simulate_spot_termination_after"] is None
    return nobody and gathered.bad.isdisjoint(("provider", "simulate_spot_termination_after"))


def _queue_is_named(gathered: Gathered) -> Iterator[Problem]:
    missing = _missing(gathered)
    if not missing:
        return
    given = [name for name in ("provider", "queue_name") if gathered.values[name] is not None]
    what = "no task file and no queue is named" if not given else f"no queue can be opened without {missing}"
    yield Problem(
        f"no tasks to run: {what}",
        helps=(
            f"for tasks of a file: {_ways(BY_NAME['task_file'])}",
            f"for tasks of a queue: {_ways(BY_NAME['provider'])}, and {_ways_to_name_queue()}",
        ),
    )


def _event_queue_is_named(gathered: Gathered) -> Iterator[Problem]:
    missing = _missing(gathered)
    if missing:
        yield Problem(
            f"{_source(gathered, 'event_log_to_queue')}: events cannot go to a queue without {missing}",
            helps=("--no-event-log-to-queue leaves it out",),
        )


def _missing(gathered: Gathered) -> str:
    """What is missing to name a queue; "" if nothing is."""
    missing = [
        words
        for name, words in (
            ("provider", _ways(BY_NAME["provider"])),
            ("queue_name", _ways_to_name_queue()),
        )
        if gathered.values[name] is None
    ]
    return " and ".join(missing)


def _ways(option: Option) -> str:
    return f"{option.flag} (or {option.variable})"


def _ways_to_name_queue() -> str:
    return f"{_ways(BY_NAME['job_id'])} or {_ways(BY_NAME['queue_name'])}"


def _project(gathered: Gathered) -> Iterator[Problem]:
    if gathered.values["provider"] == "GCP" and gathered.values["project_id"] is None:
        yield Problem(f"GCP needs a project: give {_ways(BY_NAME['project_id'])}")


def _names(gathered: Gathered) -> Iterator[Problem]:
    """Only the name that is passed on: a job id that names no queue may look as it likes."""
    name = gathered.values["queue_name"]
    if name is not None and CLOUD_NAME.fullmatch(str(name)) is None:
        origin = gathered.origins["queue_name"]
        source = _source(gathered, "job_id" if origin.kind == "derived" else "queue_name")
        yield Problem(
            f"{source}: expected a name that every cloud takes, got {quoted(name)}",
            helps=("up to 24 of a-z, 0-9 and -, the first a letter",),
        )


def _simulation(gathered: Gathered) -> Iterator[Problem]:
    values = gathered.values
    if (
        values["simulate_spot_termination_delay"] is not None
        and values["simulate_spot_termination_after"] is None
    ):
        after = BY_NAME["simulate_spot_termination_after"]
        yield Problem(
            f"{_source(gathered, 'simulate_spot_termination_delay')}: no notice is simulated",
            helps=(f"give {_ways(after)} as well",),
        )


def _source(gathered: Gathered, name: str) -> str:
    """What the user wrote: the flag or the variable."""
    return gathered.origins[name].name or BY_NAME[name].flag
