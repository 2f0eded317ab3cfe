"""A timeout that is longer than a queue can hold a task is told at the start, and not cut in silence."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cloud_tasks.compose.task_leases import check_timeouts
from cloud_tasks.core.capabilities import QueueCapabilities
from cloud_tasks.errors import ConfigurationError
from cloud_tasks.task_app.definition import TaskDefinition
from cloud_tasks.task_app.options import TaskDefaults, TaskOptions
from tests.e2e.programs import ROOT
from tests.services.rabbitmq import RabbitmqServer

HELD = QueueCapabilities(renewable=False, lease_total_s_max=1800.0)


def function() -> None: ...


def of(timeout: float | None) -> TaskDefinition[Any, Any]:
    return TaskDefinition(function, f"app.takes_{timeout}", TaskOptions(timeout=timeout))


def problems(
    *timeouts: float | None, default: float | None = None, queue: QueueCapabilities = HELD
) -> list[str]:
    try:
        check_timeouts([of(timeout) for timeout in timeouts], TaskDefaults(timeout=default), queue)
    except ConfigurationError as error:
        return [problem.message for problem in error.problems]
    return []


def test_each_function_is_named_with_its_place_and_the_limit() -> None:
    first, second = problems(1741, 7200, 1740, None)
    assert f"`app.takes_1741` ({__file__}:" in first
    assert first.endswith(
        "its timeout is 1741 s, but its queue lets a task be held for 1800 s, of which it can run for 1740 s"
    )
    assert "`app.takes_7200`" in second


def test_the_default_counts_for_those_that_say_nothing() -> None:
    (only,) = problems(60, None, default=3600)
    assert "`app.takes_None`" in only
    assert "the default timeout, which holds for it, is 3600 s" in only


def test_where_nothing_is_promised_nothing_is_wrong() -> None:
    assert problems(None) == []
    assert problems(1e9, queue=QueueCapabilities()) == []
    assert problems(1e9, queue=QueueCapabilities(lease_s_max=60.0)) == []


def test_leases_that_can_be_renewed_have_an_end_as_well() -> None:
    queue = QueueCapabilities(lease_s_max=43_200.0, lease_total_s_max=43_200.0)
    assert problems(43_140, queue=queue) == []
    assert len(problems(43_141, queue=queue)) == 1


def test_without_renewal_the_one_lease_is_all_there_is() -> None:
    assert len(problems(90, queue=QueueCapabilities(renewable=False, lease_s_max=60.0))) == 1


def test_the_ways_out_are_told() -> None:
    with pytest.raises(ConfigurationError) as caught:
        check_timeouts([of(60)], TaskDefaults(), QueueCapabilities(renewable=False, lease_total_s_max=5.0))
    shorter, longer = caught.value.problems[0].helps
    assert shorter == "use a timeout of 4.5 s or less, and split longer tasks"
    assert "`--rabbitmq-consumer-timeout`" in longer
    assert "consumer_timeout" in longer


# --- Workers


APP = """
from cloud_tasks.tasks import task

@task(timeout=3600)
def long() -> None: ...

@task
def usual() -> None: ...
"""


def refused(directory: Path, *arguments: str) -> str:
    (directory / "tasks.py").write_text(APP)
    ended = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "cloud_tasks", "worker", "--exit-when-empty", "1", *arguments],
        cwd=directory,
        env={"PYTHONPATH": str(ROOT), "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 2, ended
    assert "Traceback" not in ended.stderr
    return ended.stderr


def test_a_worker_of_rabbitmq_refuses_them(rabbitmq_server: RabbitmqServer, tmp_path: Path) -> None:
    where = ("--driver", "rabbitmq", "--rabbitmq-url", rabbitmq_server.url)
    text = refused(tmp_path, *where)
    assert "the task function `tasks.long` (" in text
    assert "tasks.py:4): its timeout is 3600 s" in text
    assert "tasks.usual" not in text
    short = ("--rabbitmq-consumer-timeout", "1m", "--task-defaults-timeout", "1h")
    text = refused(tmp_path, *where, *short)
    assert "tasks.py:4): its timeout is 3600 s" in text
    assert "tasks.py:7): the default timeout" in text


def test_a_worker_of_sqs_refuses_what_is_longer_than_twelve_hours(tmp_path: Path) -> None:
    """Before it asks anybody, so that no server is needed."""
    where = ("--driver", "sqs", "--sqs-endpoint-url", "http://127.0.0.1:1", "--task-defaults-timeout", "13h")
    text = refused(tmp_path, *where)
    assert "tasks.py:7): the default timeout, which holds for it, is 46800 s" in text
    assert "tasks.long" not in text


ENDLESS = """
import asyncio
import sys
from cloud_tasks.tasks import Config, RabbitMQConfig, configure, task

@task(max_attempts=1, queue="cut-short")
async def endless() -> None:
    await asyncio.sleep(600)

if __name__ == "__main__":
    configure(Config(driver="rabbitmq", rabbitmq=RabbitMQConfig(url=sys.argv[1])))
    endless.dispatch_sync()
"""


def test_a_function_without_a_timeout_is_cut_at_the_limit_and_told_why(
    rabbitmq_server: RabbitmqServer, tmp_path: Path
) -> None:
    (tmp_path / "tasks.py").write_text(ENDLESS)
    env = {"PYTHONPATH": str(ROOT)}
    python, url = sys.executable, rabbitmq_server.url
    subprocess.run([python, "tasks.py", url], cwd=tmp_path, env=env, timeout=60, check=True)  # noqa: S603 - our own
    where = ("--driver", "rabbitmq", "--rabbitmq-url", url, "--rabbitmq-consumer-timeout", "2s")
    how = ("--queues", "cut-short", "--max-tasks", "1", "--event-log-file", "events.log")
    command = [python, "-m", "cloud_tasks", "worker", *where, *how]
    ended = subprocess.run(  # noqa: S603 - our own
        command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60, check=True
    )
    why = "its queue lets a task be held for 2 s at most"
    assert f": {why}" in ended.stderr
    assert f'"reason":"{why}"' in (tmp_path / "events.log").read_text()
