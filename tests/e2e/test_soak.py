"""Nothing is lost when workers are killed and servers restarted, on each driver.

The short form runs with the other tests; `make soak` is the long one: 2,000 tasks, a minute of kills.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from cloud_tasks.clock import SystemClock
from cloud_tasks.tasks import (
    Config,
    MySQLConfig,
    PostgresConfig,
    RabbitMQConfig,
    RedisConfig,
    SQLiteConfig,
    SQSConfig,
)
from tests.e2e import guide_app as app
from tests.e2e.soaking import Soak
from tests.e2e.workers import Site, new_names
from tests.services.mariadb import MariadbServer
from tests.services.postgres import PostgresServer
from tests.services.rabbitmq import RabbitmqServer
from tests.services.redis import RedisServer
from tests.sqs_servers import serving

LONG = bool(os.environ.get("CLOUD_TASKS_LONG_SOAK"))
TASKS, KILL_S = (2000, 60.0) if LONG else (160, 3.0)
AWAY_S = 10.0 if LONG else 1.0

pytestmark = pytest.mark.timeout(400 if LONG else 240)


def soak(site: Site, restart: Callable[[], None] | None, capsys: pytest.CaptureFixture[str]) -> None:
    with site.open():
        (queue,) = new_names("soak")
        came = Soak(site, queue, restart).run(TASKS, KILL_S)
    if LONG:
        with capsys.disabled():
            told = f"{came.tasks} tasks, {came.kills} kills, {came.duplicates} runs more than tasks"
            sys.stderr.write(f"\n{site.config.driver}: {told}\n")
    assert came.lost == []
    assert came.unexplained == []
    assert came.orphans == []
    assert not any(came.left.get(name) for name in ("visible", "in_flight", "delayed", "dead")), came.left


def test_sqlite(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(tmp_path / "queues.db")
    soak(Site(tmp_path, Config(sqlite=SQLiteConfig(path=path)), "--sqlite-path", path), None, capsys)


def test_redis(own_redis_server: RedisServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    server = own_redis_server
    config = Config(driver="redis", redis=RedisConfig(url=server.url))
    soak(Site(tmp_path, config, "--driver", "redis", "--redis-url", server.url), server.restart, capsys)


def test_postgres(
    own_postgres_server: PostgresServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server = own_postgres_server
    dsn = server.dsn("postgres")
    site = Site(
        tmp_path,
        Config(driver="postgres", postgres=PostgresConfig(dsn=dsn)),
        *("--driver", "postgres", "--postgres-dsn", dsn),
    )
    assert site.command("migrate", *site.options).returncode == 0
    soak(site, server.restart, capsys)


def test_mysql(own_mariadb_server: MariadbServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    server = own_mariadb_server
    dsn = server.dsn("test")
    site = Site(
        tmp_path,
        Config(driver="mysql", mysql=MySQLConfig(dsn=dsn)),
        *("--driver", "mysql", "--mysql-dsn", dsn),
    )
    assert site.command("migrate", *site.options).returncode == 0
    soak(site, server.restart, capsys)


def test_rabbitmq(
    own_rabbitmq_server: RabbitmqServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server = own_rabbitmq_server
    config = Config(driver="rabbitmq", rabbitmq=RabbitMQConfig(url=server.url))
    soak(Site(tmp_path, config, "--driver", "rabbitmq", "--rabbitmq-url", server.url), server.restart, capsys)


def test_sqs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A cloud is not started again: nobody can reach it for a while, and what is in it stays."""
    with serving(SystemClock()) as cloud:
        keys = {"aws_access_key_id": "none", "aws_secret_access_key": "none"}
        config = Config(driver="sqs", sqs=SQSConfig(endpoint_url=cloud.url, **keys))
        site = Site(tmp_path, config, "--driver", "sqs", "--sqs-endpoint-url", cloud.url)
        site.environ = {**site.environ, **{name.upper(): value for name, value in keys.items()}}
        soak(site, partial(cloud.restart, AWAY_S), capsys)


OUTAGE_S = 20.0 if LONG else 4.0


def ride_out(site: Site, server: RedisServer | PostgresServer) -> None:
    """A worker whose server is silent for a while: its tasks go on, and each has been run once in the end."""
    (queue,) = new_names("outage")

    async def work() -> None:
        for name in ("a", "b"):
            await app.slow.dispatch(str(site.file), name, OUTAGE_S / 2, queue=queue)
            await app.slow.dispatch(str(site.file), f"{name} later", 0.1, queue=queue)

    with site.open():
        site.dispatch(work)
        worker = site.worker("--queues", queue, "--concurrency", "2")
        site.wait_for(2)
        server.pause()
        try:
            time.sleep(OUTAGE_S)
        finally:
            server.resume()
        site.wait_for(8)
        site.wait_for_depth(queue, visible=0, in_flight=0, delayed=0, dead=0)
        assert site.end(worker) == 0, site.log()
    assert sorted(site.lines()) == sorted(
        f"{name} {what}" for name in ("a", "a later", "b", "b later") for what in ("began", "ended")
    )


def test_a_silent_redis_is_ridden_out(own_redis_server: RedisServer, tmp_path: Path) -> None:
    config = Config(driver="redis", redis=RedisConfig(url=own_redis_server.url))
    ride_out(
        Site(tmp_path, config, "--driver", "redis", "--redis-url", own_redis_server.url), own_redis_server
    )


def test_a_silent_postgres_is_ridden_out(own_postgres_server: PostgresServer, tmp_path: Path) -> None:
    dsn = own_postgres_server.dsn("postgres")
    config = Config(driver="postgres", postgres=PostgresConfig(dsn=dsn))
    site = Site(tmp_path, config, "--driver", "postgres", "--postgres-dsn", dsn)
    assert site.command("migrate", *site.options).returncode == 0
    ride_out(site, own_postgres_server)
