"""A server that is not there when a program starts: where it was looked for, and what says so."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cloud_tasks.clock import SystemClock
from cloud_tasks.errors import ServerAwayError
from cloud_tasks.queues import rabbitmq, redis_streams
from tests.e2e.programs import ROOT
from tests.services.server import free_port

ADDRESSES = {
    "redis": ("--redis-url", "redis://:secret@127.0.0.1:{}"),
    "postgres": ("--postgres-dsn", "postgresql://me:secret@127.0.0.1:{}/d"),
    "mysql": ("--mysql-dsn", "mysql://me:secret@127.0.0.1:{}/d"),
    "rabbitmq": ("--rabbitmq-url", "amqp://me:secret@127.0.0.1:{}/"),
    "sqs": ("--sqs-endpoint-url", "http://127.0.0.1:{}"),
}


def told(directory: Path, *words: str) -> tuple[int, str]:
    (directory / "tasks.py").write_text("from cloud_tasks.tasks import task\n\n@task\ndef add(): ...\n")
    keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "cloud_tasks", *words],
        cwd=directory,
        env={**os.environ, **keys, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize("command", [("worker",), ("dead", "list", "--queues", "q")], ids=["worker", "dead"])
@pytest.mark.parametrize("driver", ADDRESSES)
def test_it_is_told_where_it_was_looked_for_and_what_says_so(
    tmp_path: Path, driver: str, command: tuple[str, ...]
) -> None:
    option, address = ADDRESSES[driver]
    port = free_port()
    status, text = told(tmp_path, *command, "--driver", driver, option, address.format(port))
    assert status == 1
    assert f"127.0.0.1:{port}" in text.splitlines()[0]
    assert f"{option} (ASYNCTASQ_{option[2:].upper().replace('-', '_')})" in text
    assert "note: nothing started; 0 tasks taken" in text
    assert "secret" not in text
    assert "Traceback" not in text


async def test_who_has_no_flags_is_told_of_the_address() -> None:
    url = f"127.0.0.1:{free_port()}"
    drivers = [
        redis_streams.open_driver(
            redis_streams.RedisSettings(url=f"redis://{url}", has_flags=False), SystemClock()
        ),
        rabbitmq.open_driver(rabbitmq.RabbitSettings(url=f"amqp://{url}/", has_flags=False), SystemClock()),
    ]
    for driver in drivers:
        with pytest.raises(ServerAwayError, match=url) as caught:
            await driver.connect()
        assert caught.value.problem.helps == ("start the server, or give the address of another",)
        await driver.disconnect()


def test_a_region_that_is_none_is_told_as_one(tmp_path: Path) -> None:
    status, text = told(tmp_path, "worker", "--driver", "sqs", "--sqs-region", "no such")
    assert status == 2
    assert "no such" in text
    assert "--sqs-region" in text
    assert "AWS_ENDPOINT_URL" not in text
