"""The commands of the guide that this worker follows, one after the other, against real servers."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud_tasks.tasks import (
    Config,
    EventsConfig,
    MySQLConfig,
    PostgresConfig,
    RabbitMQConfig,
    RedisConfig,
    SQLiteConfig,
    SQSConfig,
    TaskDefinition,
)
from tests.e2e import crash_app, stubborn_app
from tests.e2e import guide_app as app
from tests.e2e.programs import ROOT, wait_until
from tests.e2e.workers import APP, Site, new_names
from tests.services.mariadb import MariadbServer
from tests.services.postgres import PostgresServer
from tests.services.rabbitmq import RabbitmqServer
from tests.services.redis import RedisServer

PASSWORD = "secret"  # noqa: S105 - that of the guide


@pytest.fixture(scope="module")
def locked_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis that wants a password."""
    server = RedisServer(tmp_path_factory.mktemp("redis"), os.getpid(), options=("--requirepass", PASSWORD))
    server.start()
    yield server
    server.remove()


@pytest.fixture(scope="module")
def sqs_url() -> Iterator[str]:
    """Our stand-in for SQS, as a process of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-m", "fakes.sqs", "--port", str(port)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    server.stdout.readline()
    yield f"http://127.0.0.1:{port}"
    server.kill()
    server.wait()
    server.stdout.close()


@pytest.fixture
def redis_site(redis_server: RedisServer, tmp_path: Path) -> Iterator[Site]:
    """Queues in the Redis of the run."""
    config = Config(driver="redis", redis=RedisConfig(url=redis_server.url))
    with Site(tmp_path, config, "--driver", "redis", "--redis-url", redis_server.url).open() as site:
        yield site


def works(site: Site, *arguments: str, queues: tuple[str, ...], **environ: str) -> None:
    """A worker so started runs what is in its queues, and ends in good order when it is asked to."""

    async def work() -> None:
        for queue in queues:
            await app.remember.dispatch(str(site.file), f"from {queue}", queue=queue)

    site.dispatch(work)
    worker = site.worker(*arguments, **environ)
    assert sorted(site.wait_for(len(queues))) == sorted(f"from {queue}" for queue in queues)
    for queue in queues:
        site.wait_for_depth(queue, visible=0, in_flight=0)
    assert site.end(worker) == 0, site.log()


# --- Basic usage, and each driver's configuration


def test_the_default_worker_needs_no_server(tmp_path: Path) -> None:
    """`python -m cloud_tasks worker`, in a directory with a tasks.py: a file holds the queues."""
    (tmp_path / "tasks.py").write_text("from tests.e2e.guide_app import remember\n")
    config = Config(sqlite=SQLiteConfig(path=str(tmp_path / "cloud_tasks.db")))
    with Site(tmp_path, config).open() as site:

        async def work() -> None:
            await app.remember.dispatch(str(site.file), "hello")

        site.dispatch(work)
        with (tmp_path / "worker-0.log").open("w") as log:
            worker = subprocess.Popen(
                [sys.executable, "-m", "cloud_tasks", "worker"],
                cwd=tmp_path,
                env=site.environ,
                stdout=log,
                stderr=log,
                text=True,
            )
        site.workers.append(worker)
        assert site.wait_for(1) == ["hello"]
        assert site.end(worker) == 0, site.log()


def test_redis(locked_redis: RedisServer, tmp_path: Path) -> None:
    url = f"redis://{locked_redis.host}:{locked_redis.port}"
    config = Config(driver="redis", redis=RedisConfig(url=url, password=PASSWORD, db=1))
    options = ("--driver", "redis", "--redis-url", url, "--redis-password", PASSWORD, "--redis-db", "1")
    with Site(tmp_path, config, *options).open() as site:
        works(site, queues=("default",))


def test_postgres(postgres_server: PostgresServer, tmp_path: Path) -> None:
    dsn = postgres_server.dsn("postgres")
    table, dead = "guide_queue", "guide_dead"
    config = Config(
        driver="postgres", postgres=PostgresConfig(dsn=dsn, queue_table=table, dead_letter_table=dead)
    )
    tables = ("--postgres-queue-table", table, "--postgres-dead-letter-table", dead)
    options = ("--driver", "postgres", "--postgres-dsn", dsn, *tables)
    default, emails = new_names("default", "emails")
    with Site(tmp_path, config, *options).open() as site:
        missing = site.command("worker", "--app", APP, *options)
        assert missing.returncode == 2
        assert "cloud_tasks migrate" in missing.stderr
        planned = site.command("migrate", "--dry-run", *options)
        assert planned.returncode == 0, planned.stderr
        assert f"CREATE TABLE {table}" in planned.stdout
        assert site.command("migrate", *options).returncode == 0
        works(site, "--queues", f"{default},{emails}", "--concurrency", "10", queues=(default, emails))


def test_mysql(mariadb_server: MariadbServer, tmp_path: Path) -> None:
    dsn = mariadb_server.dsn("test")
    config = Config(driver="mysql", mysql=MySQLConfig(dsn=dsn))
    options = ("--driver", "mysql", "--mysql-dsn", dsn)
    default, emails = new_names("default", "emails")
    with Site(tmp_path, config, *options).open() as site:
        assert site.command("migrate", *options).returncode == 0
        works(site, "--queues", f"{default},{emails}", "--concurrency", "10", queues=(default, emails))


def test_rabbitmq(rabbitmq_server: RabbitmqServer, tmp_path: Path) -> None:
    config = Config(driver="rabbitmq", rabbitmq=RabbitMQConfig(url=rabbitmq_server.url))
    options = ("--driver", "rabbitmq", "--rabbitmq-url", rabbitmq_server.url)
    default, emails = new_names("default", "emails")
    with Site(tmp_path, config, *options).open() as site:
        works(site, "--queues", f"{default},{emails}", "--concurrency", "10", queues=(default, emails))


def test_sqs(sqs_url: str, tmp_path: Path) -> None:
    prefix = f"{sqs_url}/000000000000/"
    keys = {"aws_access_key_id": "none", "aws_secret_access_key": "none"}
    config = Config(
        driver="sqs",
        sqs=SQSConfig(region="us-west-2", endpoint_url=sqs_url, **keys),
    )
    options = ("--driver", "sqs", "--sqs-region", "us-west-2", "--sqs-queue-url-prefix", prefix)
    default, emails = new_names("default", "emails")
    with Site(tmp_path, config, *options, "--sqs-endpoint-url", sqs_url).open() as site:
        works(
            site,
            "--queues",
            f"{default},{emails}",
            queues=(default, emails),
            AWS_ACCESS_KEY_ID="none",
            AWS_SECRET_ACCESS_KEY="none",  # noqa: S106 - the stand-in wants one, and looks at none
        )


# --- Several queues


def test_queues_are_worked_off_in_their_order(redis_site: Site) -> None:
    high, default, low = new_names("high", "default", "low")

    async def work() -> None:
        for queue in (low, default, high):
            for number in range(5):
                await app.remember.dispatch(str(redis_site.file), f"{queue} {number}", queue=queue)

    redis_site.dispatch(work)
    worker = redis_site.worker("--queues", f"{high},{default},{low}", "--concurrency", "1")
    lines = redis_site.wait_for(15)
    assert lines == [f"{queue} {number}" for queue in (high, default, low) for number in range(5)]
    assert redis_site.end(worker) == 0


def test_workers_of_different_queues_stand_side_by_side(redis_site: Site) -> None:
    high, default, low, batch = new_names("high-priority", "default", "low-priority", "batch")
    workers = [
        redis_site.worker("--queues", high, "--concurrency", "20"),
        redis_site.worker("--queues", default, "--concurrency", "10"),
        redis_site.worker("--queues", f"{low},{batch}", "--concurrency", "5"),
    ]

    async def work() -> None:
        for queue in (high, default, low, batch):
            await app.in_thread.dispatch(str(redis_site.file), queue, queue=queue)

    redis_site.dispatch(work)
    who = dict(line.split(" in process ") for line in redis_site.wait_for(4))
    pids = [str(worker.pid) for worker in workers]
    assert who == {high: pids[0], default: pids[1], low: pids[2], batch: pids[2]}
    for worker in workers:
        worker.send_signal(signal.SIGINT)
    assert [worker.wait(20) for worker in workers] == [0, 0, 0]


# --- Advanced options


def test_functions_that_compute_run_in_processes(redis_site: Site) -> None:
    (queue,) = new_names("default")

    async def work() -> None:
        for number in range(4):
            await app.in_pool.dispatch(str(redis_site.file), f"pool {number}", queue=queue)
            await app.in_process.dispatch(str(redis_site.file), f"process {number}", queue=queue)
        await app.in_thread.dispatch(str(redis_site.file), "thread", queue=queue)

    redis_site.dispatch(work)
    worker = redis_site.worker(
        *("--queues", queue, "--concurrency", "10"),
        *("--process-pool-size", "2", "--process-pool-max-tasks-per-child", "2"),
    )
    who = dict(line.split(" in process ") for line in redis_site.wait_for(9))
    pool = [pid for name, pid in who.items() if name.startswith("pool")]
    alone = [pid for name, pid in who.items() if name.startswith("process")]
    assert who["thread"] == str(worker.pid)
    assert str(worker.pid) not in {*pool, *alone}
    assert len(set(alone)) == 4
    assert all(pool.count(pid) <= 2 for pid in pool)
    assert redis_site.end(worker) == 0


@pytest.mark.parametrize("function", [app.in_pool_on_a_loop, app.in_pool_and_on, app.in_thread_and_on])
def test_a_task_dispatches_another(redis_site: Site, function: TaskDefinition[..., object]) -> None:
    (queue,) = new_names("default")

    async def work() -> None:
        await function.dispatch(str(redis_site.file), "one", queue=queue)

    redis_site.dispatch(work)
    worker = redis_site.worker("--queues", queue, "--task-defaults-queue", queue, "--process-pool-size", "1")
    assert sorted(redis_site.wait_for(2)) == ["one", "one, and what it dispatched"]
    assert redis_site.end(worker) == 0


def test_completed_tasks_are_kept(tmp_path: Path) -> None:
    import sqlite3

    path = tmp_path / "queues.db"
    config = Config(sqlite=SQLiteConfig(path=str(path)))
    with Site(tmp_path, config, "--sqlite-path", str(path)).open() as site:
        works(site, "--repository-keep-completed-tasks", queues=("default",))
        with sqlite3.connect(path) as database:
            names = [
                row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            ]
            (completed,) = (name for name in names if "completed" in name)
            rows = database.execute(f"SELECT * FROM {completed}").fetchall()  # noqa: S608 - the name is the database's own
        database.close()
    assert len(rows) == 1
    assert app.remember.name in str(rows)


# --- Graceful shutdown


def test_a_task_that_is_interrupted_too_often_is_put_aside(redis_site: Site) -> None:
    """It takes longer than its machines live; its attempts are not used up by that."""
    (queue,) = new_names("default")
    options = ("--queues", queue, "--shutdown-grace-period", "0", "--task-defaults-max-interruptions", "2")
    redis_site.dispatch(lambda: app.slow.dispatch(str(redis_site.file), "long", 60.0, queue=queue))
    for count in (1, 2):
        worker = redis_site.worker(*options)
        redis_site.wait_for(count)
        redis_site.end(worker)
    redis_site.wait_for_depth(queue, visible=0, in_flight=0, delayed=0, dead=1)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_running_tasks_finish_and_others_stay(redis_site: Site, number: signal.Signals) -> None:
    (queue,) = new_names("default")

    async def work() -> None:
        for name in ("a", "b", "c"):
            await app.slow.dispatch(str(redis_site.file), name, 1.0, queue=queue)

    redis_site.dispatch(work)
    worker = redis_site.worker("--queues", queue, "--concurrency", "2")
    redis_site.wait_for(2)
    assert redis_site.end(worker, number) == 0
    assert sorted(redis_site.lines()) == ["a began", "a ended", "b began", "b ended"]
    assert redis_site.depth(queue)["visible"] == 1


def test_what_is_not_done_in_the_grace_period_is_handed_back(redis_site: Site) -> None:
    (queue,) = new_names("default")

    async def work() -> None:
        await app.slow.dispatch(str(redis_site.file), "a", 60.0, queue=queue)

    redis_site.dispatch(work)
    worker = redis_site.worker("--queues", queue, "--shutdown-grace-period", "2")
    redis_site.wait_for(1)
    assert redis_site.end(worker) == 0
    assert redis_site.depth(queue)["visible"] == 1


# --- Errors and reliability


def test_failures_are_tried_again_and_then_put_aside_with_their_history(redis_site: Site) -> None:
    (queue,) = new_names("default")

    async def work() -> None:
        await app.fail.dispatch(str(redis_site.file), queue=queue)
        await app.hang.dispatch(str(redis_site.file), queue=queue)

    redis_site.dispatch(work)
    worker = redis_site.worker("--queues", queue)
    redis_site.wait_for(5)
    redis_site.wait_for_depth(queue, dead=2, visible=0, in_flight=0, delayed=0)
    assert redis_site.end(worker) == 0
    shown = redis_site.command("dead", "list", "--queues", queue, *redis_site.options)
    assert f"{app.fail.name}(" in shown.stdout
    key = next(line.split()[0] for line in shown.stdout.splitlines() if app.fail.name in line)
    told = redis_site.command("dead", "show", key, "--queues", queue, *redis_site.options).stdout
    assert told.count("ValueError: it cannot be done") == 3
    again = redis_site.command("dead", "retry", key, "--queues", queue, *redis_site.options)
    assert (again.returncode, again.stdout) == (0, "1 dead letter put back\n"), again.stderr
    assert redis_site.depth(queue)["visible"] == 1


def test_a_task_whose_worker_was_killed_comes_again(redis_site: Site) -> None:
    (queue,) = new_names("default")

    async def work() -> None:
        await crash_app.kill_the_worker_once.dispatch(str(redis_site.file), queue=queue)

    redis_site.dispatch(work)
    redis_site.worker("--app", crash_app.__name__, "--queues", queue).wait(30)
    began = time.monotonic()
    worker = redis_site.worker("--app", crash_app.__name__, "--queues", queue)
    assert redis_site.wait_for(2) == ["attempt 1", "attempt 2"]
    assert time.monotonic() - began < 20, "it asked for two seconds, and the worker's own setting is 300"
    redis_site.wait_for_depth(queue, visible=0, in_flight=0)
    assert redis_site.end(worker) == 0


def test_a_function_that_heeds_no_cancellation_does_not_keep_the_worker(tmp_path: Path) -> None:
    path = str(tmp_path / "queues.db")
    site = Site(tmp_path, Config(sqlite=SQLiteConfig(path=path)), "--sqlite-path", path)
    (queue,) = new_names("default")

    async def work() -> None:
        await stubborn_app.go_on.dispatch(str(site.file), queue=queue)

    with site.open():
        site.dispatch(work)
        arguments = ("--app", stubborn_app.__name__, "--queues", queue, "--concurrency", "1")
        worker = site.worker(*arguments, "--shutdown-grace-period", "1")
        assert worker.wait(30) == 1
        assert "held by what was to end" in site.log()


def test_events_are_published(redis_site: Site, redis_server: RedisServer) -> None:
    (queue,) = new_names("default")
    channel = f"{queue}:events"
    enabled = (
        *("--events-enable-event-emitter-redis", "--events-redis-url", redis_server.url),
        *("--events-channel", channel),
    )
    log = redis_site.directory / "monitor.log"
    with log.open("w") as out:
        monitor = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", "cloud_tasks", "monitor", *enabled[1:]],
            env=redis_site.environ,
            stdout=out,
            stderr=out,
        )
    try:
        wait_until(lambda: "listening" in log.read_text())
        time.sleep(0.5)
        redis_site.config = Config(
            driver="redis",
            redis=redis_site.config.redis,
            events=EventsConfig(enable_event_emitter_redis=True, redis_url=redis_server.url, channel=channel),
        )
        works(redis_site, *enabled, "--queues", queue, "--heartbeat-interval", "1", queues=(queue,))
        wait_until(lambda: "worker_offline" in log.read_text())
    finally:
        monitor.send_signal(signal.SIGINT)
        status = monitor.wait(20)
    text = log.read_text()
    kinds = (
        "task_enqueued",
        "worker_online",
        "worker_heartbeat",
        "task_started",
        "task_completed",
        "worker_offline",
    )
    assert all(kind in text for kind in kinds), text
    assert app.remember.name in text
    assert status in (0, 130)


# --- Programs of one's own


PROGRAM = """
import asyncio
from cloud_tasks.tasks import Config, DriverFactory, RedisConfig, Worker, run
from tests.e2e import guide_app

async def main():
    config = Config(driver='redis', redis=RedisConfig(url='{url}'))
    driver = DriverFactory.create('redis', config)
    await driver.connect()
    try:
        worker = Worker(queue_driver=driver, queues=['{high}', '{default}'], concurrency=5, max_tasks={tasks})
        summary = await worker.start()
        print(summary.counts.completed)
    finally:
        await driver.disconnect()

if __name__ == "__main__":
    run(main())
"""


def test_a_program_with_a_worker_of_its_own(redis_site: Site, redis_server: RedisServer) -> None:
    high, default = new_names("high-priority", "default")

    async def work() -> None:
        for number in range(15):
            queue = (high, default)[number % 2]
            await app.remember.dispatch(str(redis_site.file), f"{number}", queue=queue)

    redis_site.dispatch(work)
    program = redis_site.directory / "program.py"
    program.write_text(PROGRAM.format(url=redis_server.url, high=high, default=default, tasks=10))
    ended = subprocess.run(  # noqa: S603 - the program of the test
        [sys.executable, str(program)],
        env=redis_site.environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (0, "10\n"), ended.stderr
    assert len(redis_site.lines()) == 10
    assert redis_site.depth(high)["visible"] + redis_site.depth(default)["visible"] == 5


TWO_WORKERS = """
import asyncio
from cloud_tasks.tasks import Config, DriverFactory, RedisConfig, Worker, run
from tests.e2e import guide_app

async def main():
    config = Config(driver='redis', redis=RedisConfig(url='{url}'))
    driver = DriverFactory.create('redis', config)
    await driver.connect()
    try:
        workers = [Worker(driver, [queue], concurrency=2) for queue in ('{high}', '{default}')]
        summaries = await asyncio.gather(*(worker.start() for worker in workers))
        print([summary.counts.completed for summary in summaries])
    finally:
        await driver.disconnect()

if __name__ == "__main__":
    run(main())
"""


def test_a_signal_ends_all_workers_of_a_program(redis_site: Site, redis_server: RedisServer) -> None:
    high, default = new_names("high-priority", "default")

    async def work() -> None:
        for queue in (high, default):
            await app.remember.dispatch(str(redis_site.file), queue, queue=queue)

    redis_site.dispatch(work)
    program = redis_site.directory / "program.py"
    program.write_text(TWO_WORKERS.format(url=redis_server.url, high=high, default=default))
    process = subprocess.Popen(  # noqa: S603 - the program of the test
        [sys.executable, str(program)], env=redis_site.environ, stdout=subprocess.PIPE, text=True
    )
    redis_site.workers.append(process)
    redis_site.wait_for(2)
    redis_site.wait_for_depth(high, visible=0, in_flight=0)
    redis_site.wait_for_depth(default, visible=0, in_flight=0)
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=30)
    assert (process.returncode, out) == (0, "[1, 1]\n")
