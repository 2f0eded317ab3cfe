"""Defaults that follow from other settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from cloud_tasks.config.gather import Gathered, Origin
from cloud_tasks.config.option import Value

LEASE_MARGIN_S = 10
"""By how much a lease is longer than the longest task, so that most tasks need no renewal."""

PROGRAM = "the program's tasks"
QUEUE = "the queue"

_Derived: TypeAlias = tuple[Value, str] | None
"""A value and what it was derived from; None where nothing can be derived."""


def derive(gathered: Gathered, *, local_source: bool) -> None:
    """Settle what nobody set, in place.

    Args:
        gathered: What was set; its values and origins are completed.
        local_source: Whether the program brings its own tasks.
    """
    if local_source and gathered.values["task_file"] is not None:
        _settle(gathered, "task_file", (None, PROGRAM))
    source = _source(gathered, local_source=local_source)
    for name, rule in _RULES:
        if gathered.origins.setdefault(name, Origin("default")).kind == "default":
            _settle(gathered, name, rule(gathered.values, source))


def _source(gathered: Gathered, *, local_source: bool) -> str:
    """What tasks come from, in words."""
    if local_source:
        return PROGRAM
    return QUEUE if gathered.values["task_file"] is None else "task_file"


def _settle(gathered: Gathered, name: str, derived: _Derived) -> None:
    if derived is None:
        gathered.values.setdefault(name, None)
        return
    value, source = derived
    gathered.values[name] = value
    gathered.origins[name] = Origin("derived", source, gathered.origins[name].note)


def _queue_name(values: dict[str, Value], _: str) -> _Derived:
    return None if values["job_id"] is None else (values["job_id"], "job_id")


def _event_log_to_file(_: dict[str, Value], source: str) -> _Derived:
    return source != QUEUE, source


def _event_log_to_queue(_: dict[str, Value], source: str) -> _Derived:
    return source == QUEUE, source


def _event_log_queue_name(values: dict[str, Value], _: str) -> _Derived:
    if values["queue_name"] is None or not values["event_log_to_queue"]:
        return None
    return f"{values['queue_name']}-events", "queue_name"


def _exit_when_empty(_: dict[str, Value], source: str) -> _Derived:
    return (False if source == QUEUE else 0), source


def _num_simultaneous_tasks(values: dict[str, Value], _: str) -> _Derived:
    return None if values["num_cpus"] is None else (values["num_cpus"], "num_cpus")


def _visibility_timeout(values: dict[str, Value], _: str) -> _Derived:
    max_runtime = values["max_runtime"]
    return (max_runtime + LEASE_MARGIN_S, "max_runtime") if isinstance(max_runtime, int | float) else None


_RULES: tuple[tuple[str, Callable[[dict[str, Value], str], _Derived]], ...] = (
    ("queue_name", _queue_name),
    ("event_log_to_file", _event_log_to_file),
    ("event_log_to_queue", _event_log_to_queue),
    ("event_log_queue_name", _event_log_queue_name),
    ("exit_when_empty", _exit_when_empty),
    ("num_simultaneous_tasks", _num_simultaneous_tasks),
    ("visibility_timeout", _visibility_timeout),
)
"""In an order in which no rule reads what a later one settles."""
