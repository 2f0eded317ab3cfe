"""The summary that workers write with `--json` says the exit status that the process has."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud_tasks.tasks import Config, RedisConfig, SQLiteConfig
from tests.e2e import guide_app as app
from tests.e2e.programs import Programs
from tests.e2e.workers import Site
from tests.services.redis import RedisServer


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Queues in a file."""
    path = str(tmp_path / "queues.db")
    config = Config(sqlite=SQLiteConfig(path=path))
    with Site(tmp_path, config, "--sqlite-path", path, "--json").open() as site:
        yield site


def summary_of(site: Site) -> dict[str, object]:
    """What the worker wrote at its end."""
    (line,) = (line for line in site.log().splitlines() if line.startswith("{"))
    summary = json.loads(line)
    assert isinstance(summary, dict)
    return summary


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_that_a_signal_ends_in_good_order(site: Site, number: signal.Signals) -> None:
    async def work() -> None:
        await app.remember.dispatch(str(site.file), "hello")

    site.dispatch(work)
    worker = site.worker()
    site.wait_for(1)
    site.wait_for_depth("default", visible=0, in_flight=0)
    status = site.end(worker, number)
    summary = summary_of(site)
    assert (status, summary["exit_status"], summary["signal"]) == (0, 0, number.name)


def test_tasks_that_failed_are_kept_elsewhere(site: Site) -> None:
    async def work() -> None:
        await app.fail.dispatch(str(site.file))

    site.dispatch(work)
    worker = site.worker("--max-tasks", "3")  # its attempts
    status = worker.wait(60)
    summary = summary_of(site)
    assert (status, summary["exit_status"], summary["failed"]) == (0, 0, 1)


def test_tasks_that_had_to_be_left_behind(own_redis_server: RedisServer, tmp_path: Path) -> None:
    url = own_redis_server.url
    config = Config(driver="redis", redis=RedisConfig(url=url))
    options = ("--driver", "redis", "--redis-url", url, "--json", "--shutdown-grace-period", "0.5")
    with Site(tmp_path, config, *options).open() as site:

        async def work() -> None:
            await app.slow.dispatch(str(site.file), "a", 60.0)

        site.dispatch(work)
        worker = site.worker()
        site.wait_for(1)
        own_redis_server.kill()
        worker.send_signal(signal.SIGTERM)
        assert (worker.wait(60), summary_of(site)["exit_status"]) == (143, 143)


def test_the_worker_of_one_function(programs: Programs) -> None:
    programs.tasks(1)
    ended = programs.run(
        """
        import sys
        from cloud_tasks.worker import Worker

        def process_task(task_id, task_data, worker_data):
            raise ValueError("it cannot be done")

        if __name__ == "__main__":
            sys.exit(Worker(process_task, args=sys.argv[1:]).run())
        """,
        *("--task-file", "tasks.json", "--json"),
    )
    assert (ended.status, json.loads(ended.stdout)["exit_status"]) == (1, 1), ended
