"""Whether the functions of a worker can run for as long as they may under the leases of its queues."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

from cloud_tasks.core.capabilities import QueueCapabilities
from cloud_tasks.core.policy import longest_run_s
from cloud_tasks.errors import ConfigurationError, Problem
from cloud_tasks.task_app.definition import TaskDefinition
from cloud_tasks.task_app.options import TaskDefaults
from cloud_tasks.task_app.registry import place_of


def check_timeouts(
    definitions: Iterable[TaskDefinition[Any, Any]], defaults: TaskDefaults, capabilities: QueueCapabilities
) -> None:
    """See that no function is promised more time than the queues can give.

    One that is promised nothing may run: it gets what time there is.

    Raises:
        ConfigurationError: Some are; names each of them.
    """
    problems = list(_too_long(definitions, defaults, capabilities))
    if problems:
        raise ConfigurationError(*problems)


def _too_long(
    definitions: Iterable[TaskDefinition[Any, Any]], defaults: TaskDefaults, capabilities: QueueCapabilities
) -> Iterator[Problem]:
    held_s = capabilities.held_s_max
    if held_s is None:
        return
    most_s = longest_run_s(held_s)
    helps = [f"use a timeout of {_shown(math.floor(most_s * 10) / 10)} s or less, and split longer tasks"]
    if not capabilities.renewable:
        helps.append(
            "or raise `consumer_timeout` of the broker, and say so with `--rabbitmq-consumer-timeout`, or "
            "RabbitMQConfig(consumer_timeout=...)"
        )
    for one in definitions:
        own_s = one.options.timeout
        timeout_s = defaults.timeout if own_s is None else own_s
        if timeout_s is not None and timeout_s > most_s:
            place = place_of(one.function)
            whose = "its timeout" if own_s is not None else "the default timeout, which holds for it,"
            yield Problem(
                f"the task function `{one.name}` ({place}): {whose} is {_shown(timeout_s)} s, but "
                f"its queue lets a task be held for {_shown(held_s)} s, of which it can run for "
                f"{_shown(most_s)} s",
                helps=tuple(helps),
                notes=("nothing started; 0 tasks taken",),
            )


def _shown(seconds: float) -> str:
    return f"{seconds:.12g}"
