"""What a backend can have no queue of is refused by name, wherever a queue of its driver is opened."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cloud_tasks.clock import SystemClock
from cloud_tasks.core.task import Task
from cloud_tasks.errors import ConfigurationError
from cloud_tasks.interfaces import OnceDriver, QueueDriver
from cloud_tasks.queues import rabbitmq, redis_streams, sql, sqs
from tests.e2e.programs import ROOT
from tests.services.rabbitmq import RabbitmqServer

HALF = "\udc80"
DRIVERS: dict[str, Callable[[], QueueDriver]] = {
    "RabbitMQ": lambda: rabbitmq.open_driver(rabbitmq.RabbitSettings(), SystemClock()),
    "Redis": lambda: redis_streams.open_driver(redis_streams.RedisSettings(), SystemClock()),
    "SQLite": lambda: sql.open_driver(sql.SqlSettings(dsn="x.db"), SystemClock()),
    "PostgreSQL": lambda: sql.open_driver(sql.SqlSettings(dsn="postgresql://u:p@h/d"), SystemClock()),
    "MySQL": lambda: sql.open_driver(sql.SqlSettings(dsn="mysql://u:p@h/d"), SystemClock()),
    "SQS": lambda: sqs.open_driver(sqs.SqsDriverSettings(), SystemClock()),
}
WRONG = {
    "RabbitMQ": ("", "очередь", "a{b}", "amq.x", "x" * 239, "a\0b", HALF),
    "Redis": ("", HALF),
    "SQLite": ("", "x" * 256, "a\0b", HALF),
    "PostgreSQL": ("", "x" * 256, "a\0b", HALF),
    "MySQL": ("", "x" * 256, "a\0b", HALF),
    "SQS": ("", "a.b", "очередь", "x" * 76, "a b"),
}
RIGHT = {
    "RabbitMQ": ("a b.c:d@e#f,g/h+i_j-K", "x" * 238),
    "Redis": ("очередь {a}:b c", "x" * 5000),
    "SQLite": ("очередь {a}:b c", "x" * 255),
    "PostgreSQL": ("очередь {a}:b c", "x" * 255),
    "MySQL": ("очередь {a}:b c", "x" * 255),
    "SQS": ("a_B-9", "x" * 75),
}


def openings(driver: QueueDriver) -> list[Callable[[str], object]]:
    found: list[Callable[[str], object]] = [lambda queue: driver.tasks(queue, 60.0)]
    found += [driver.sender, driver.inspector, driver.dead_letters]
    if isinstance(driver, OnceDriver):
        found += [driver.once_sender, driver.once_book]
    return found


@pytest.mark.parametrize(("backend", "name"), [(one, name) for one, names in WRONG.items() for name in names])
def test_a_name_that_a_backend_cannot_have_is_refused(backend: str, name: str) -> None:
    for opening in openings(DRIVERS[backend]()):
        with pytest.raises(ConfigurationError) as caught:
            opening(name)
        (problem,) = caught.value.problems
        assert problem.message.startswith(repr(name[:60]))
        assert problem.message.endswith(f"is no name of a queue of {backend}")
        assert problem.helps[0].startswith("a name has ")


@pytest.mark.parametrize(("backend", "name"), [(one, name) for one, names in RIGHT.items() for name in names])
async def test_a_name_that_a_backend_can_have_is_taken(backend: str, name: str) -> None:
    for opening in openings(DRIVERS[backend]()):
        opening(name)


async def test_the_broker_takes_the_names_that_are_taken(rabbitmq_server: RabbitmqServer) -> None:
    driver = rabbitmq.open_driver(rabbitmq.RabbitSettings(url=rabbitmq_server.url), SystemClock())
    for name in RIGHT["RabbitMQ"]:
        await driver.sender(name).send(Task("a", {}), delay_s=2_000_000.0)
        await driver.sender(name).send(Task("b", {}))
        queue = driver.tasks(name, 60.0)
        assert [lease.task.task_id for lease in await queue.receive(1, 5.0)] == ["b"]
        await queue.aclose()
        await driver.inspector(name).delete()
    await driver.disconnect()


@pytest.mark.parametrize("command", [("worker",), ("dead", "list")])
@pytest.mark.parametrize("driver", ["sqlite", "rabbitmq", "sqs"])
def test_a_command_says_it_in_words(
    tmp_path: Path, rabbitmq_server: RabbitmqServer, command: tuple[str, ...], driver: str
) -> None:
    (tmp_path / "tasks.py").write_text("from cloud_tasks.tasks import task\n\n@task\ndef add(): ...\n")
    words = [*command, "--driver", driver, "--queues", "x" * 300, "--rabbitmq-url", rabbitmq_server.url]
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "cloud_tasks", *words],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 2
    assert "(300 characters) is no name of a queue of" in done.stderr
    assert "help: a name has" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["обмен", "x" * 128, "a{b}"])
def test_an_exchange_that_cannot_be_named_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="no name of an exchange"):
        rabbitmq.RabbitSettings(exchange_name=name)
