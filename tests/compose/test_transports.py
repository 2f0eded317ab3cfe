"""Queues by an address: every scheme, what children are told, and what can be wrong with one."""

from __future__ import annotations

import asyncio
import re
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from cloud_tasks.clock import SystemClock
from cloud_tasks.compose.addresses import ALIASES, EXAMPLES
from cloud_tasks.compose.memory_place import memory_place
from cloud_tasks.compose.transports import open_transport, url_for_children
from cloud_tasks.core.task import Outcome, OutcomeKind, Task
from cloud_tasks.errors import ConfigurationError
from cloud_tasks.interfaces import OnceDriver, QueueDriver
from cloud_tasks.queues.rabbitmq.driver import RabbitDriver
from cloud_tasks.queues.redis_streams.driver import RedisDriver
from fakes.sqs import SqsService
from fakes.sqs.server import SqsServer
from tests.services.mariadb import MariadbServer
from tests.services.postgres import PostgresServer
from tests.services.rabbitmq import RabbitmqServer
from tests.services.redis import RedisServer

DONE = Outcome(OutcomeKind.COMPLETED)
SECRET = "geheim"  # noqa: S105 - what must not be shown


async def send(url: str, queue: str, task_id: str) -> None:
    driver = open_transport(url, SystemClock())
    await prepared(driver)
    await driver.sender(queue).send(Task(task_id, {"n": 1}))
    await driver.disconnect()


async def taken(url: str, queue: str, wait_s: float = 2.0) -> list[str]:
    """The ids of the tasks in a queue, which are settled."""
    driver = open_transport(url, SystemClock())
    await prepared(driver)
    tasks = driver.tasks(queue, 30.0)
    ids = []
    for lease in await tasks.receive(10, wait_s):
        assert isinstance(lease.task, Task)
        ids.append(lease.task.task_id)
        await tasks.ack(lease, DONE)
    await tasks.aclose()
    await driver.disconnect()
    return ids


async def prepared(driver: QueueDriver) -> None:
    """Tables of a server are made by hand."""
    migrate = getattr(driver, "migrate", None)
    if migrate is not None:
        await migrate()
    await driver.connect()


async def goes_through(url: str, queue: str = "foo") -> None:
    await send(url, queue, "a")
    assert await taken(url_for_children(url), queue) == ["a"]


def problem_of(url: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        open_transport(url, SystemClock())
    (problem,) = caught.value.problems
    return "\n".join((problem.message, problem.hint, *problem.helps, *problem.notes))


class TestEachScheme:
    async def test_a_file_by_its_names(self, tmp_path: Path) -> None:
        await send(f"sqlite:///{tmp_path}/a.db", "foo", "a")
        assert await taken(f"file:{tmp_path}/a.db", "foo") == ["a"]
        assert (tmp_path / "a.db").is_file()

    async def test_a_directory_gets_a_file(self, tmp_path: Path) -> None:
        await goes_through(f"filesys:{tmp_path}")
        assert (tmp_path / "queues.db").is_file()

    async def test_postgresql(self, postgres_server: PostgresServer) -> None:
        await goes_through(postgres_server.dsn(), "transport-a")
        await goes_through(postgres_server.dsn().replace("postgresql:", "pgsql:"), "transport-b")

    async def test_mysql(self, mariadb_server: MariadbServer) -> None:
        await goes_through(mariadb_server.dsn("test"), "transport")

    async def test_redis_with_a_prefix(self, redis_server: RedisServer) -> None:
        url = redis_server.url
        await send(f"{url}?key_prefix=one", "foo", "a")
        assert await taken(f"{url}?key_prefix=two", "foo", 0.0) == []
        assert await taken(f"{url}?key_prefix=one", "foo") == ["a"]

    async def test_redis_with_a_database(self, redis_server: RedisServer) -> None:
        where = f"redis://127.0.0.1:{redis_server.port}"
        await send(f"{where}?db=3&key_prefix=p", "foo", "a")
        assert await taken(f"{where}/0?key_prefix=p", "foo", 0.0) == []
        assert await taken(f"{where}/3?key_prefix=p", "foo") == ["a"]

    async def test_rabbitmq(self, rabbitmq_server: RabbitmqServer) -> None:
        await goes_through(f"{rabbitmq_server.url}?exchange=transports", "transport")

    async def test_sqs(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(variable, "none")
        server = SqsServer(SqsService(SystemClock()))
        await server.start()
        await send(f"sqs:?region=us-east-1&endpoint={server.url}", "foo", "a")
        assert await taken(f"sqs://?region=us-east-1&endpoint={server.url}", "foo") == ["a"]
        await server.aclose()


class TestMemory:
    async def test_it_is_shared_in_a_process_and_with_its_children(self) -> None:
        await send("memory:shared", "foo", "a")
        text = textwrap.dedent("""
            import sys
            from cloud_tasks.workers import get_transport
            get_transport(sys.argv[1]).submit_task("foo", {"n": 2})
        """)
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", text, url_for_children("memory:shared"))
        )
        assert await child.wait() == 0
        assert len(await taken("memory:shared", "foo")) == 2

    async def test_names_tell_places_apart(self) -> None:
        await send("memory:one", "foo", "a")
        assert await taken("memory:two", "foo", 0.0) == []
        assert await taken("localmem://one", "foo") == ["a"]
        assert url_for_children("memory://") == url_for_children("memory:") == url_for_children("localmem:")

    def test_it_goes_with_its_process_and_what_a_kill_leaves_with_the_next(self) -> None:
        text = textwrap.dedent("""
            import os, signal, sys
            from cloud_tasks.compose.memory_place import memory_place
            print(memory_place(""), flush=True)
            if sys.argv[1] == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            if os.fork() == 0:
                sys.exit()  # a child ends the way a program does, and takes nothing with it
            os.wait()
            assert memory_place("").is_dir()
        """)

        def ended(how: str) -> tuple[Path, int]:
            run = subprocess.run(  # noqa: S603 - this interpreter, and a program of this test
                [sys.executable, "-c", text, how], stdout=subprocess.PIPE, text=True, check=False
            )
            return Path(run.stdout.strip()), run.returncode

        left, status = ended("kill")
        assert status == -signal.SIGKILL
        assert left.is_dir()
        gone, status = ended("end")
        assert status == 0
        assert not gone.exists()
        assert not left.exists()
        assert memory_place("").is_dir()


class TestChildrenAreTold:
    def test_paths_from_the_root(self, tmp_path: Path) -> None:
        assert url_for_children("file:a.db") == f"sqlite:///{Path.cwd()}/a.db"
        assert url_for_children("sqlite:///a.db") == f"sqlite:///{Path.cwd()}/a.db"
        assert url_for_children(f"sqlite:///{tmp_path}/a.db") == f"sqlite:///{tmp_path}/a.db"

    @pytest.mark.parametrize(
        "url", [one for one in EXAMPLES.values() if not one.startswith(("memory", "file"))]
    )
    def test_every_example_is_an_address(self, url: str) -> None:
        told = url_for_children(url)
        assert url_for_children(told) == told
        assert type(open_transport(told, SystemClock())) is type(open_transport(url, SystemClock()))

    def test_a_socket_of_redis(self) -> None:
        driver = open_transport("unix:///run/redis.sock?db=2&key_prefix=p", SystemClock())
        assert isinstance(driver, RedisDriver)
        assert (driver._connection.where, driver._settings.prefix) == ("/run/redis.sock", "p")

    def test_parameters_of_the_library_stay(self) -> None:
        driver = open_transport("amqp://host/?heartbeat=7&exchange=e", SystemClock())
        assert isinstance(driver, RabbitDriver)
        assert driver._settings.url == "amqp://host/?heartbeat=7"

    def test_everything_that_opens_it(self) -> None:
        url = f"redis://me:{SECRET}@host:6379/1?key_prefix=p"
        assert url_for_children(url) == url
        assert url_for_children("pgsql:jobs") == "postgresql:///jobs"


class TestMistakes:
    @pytest.mark.parametrize("url", ["", "redis", "rediz://host", "http://host/x", "localhost:6379"])
    def test_an_unknown_scheme(self, url: str) -> None:
        text = problem_of(url)
        assert "is the address of no transport that is known" in text
        assert "redis://" in text
        assert "memory://" in text

    def test_a_slip_is_guessed(self) -> None:
        assert "did you mean `redis`?" in problem_of("rediz://host")

    @pytest.mark.parametrize("url", ["file:", "sqlite://", "sqlite:///", "redis:", "amqp:///"])
    def test_nothing_after_the_scheme(self, url: str) -> None:
        assert "it names no" in problem_of(url)

    @pytest.mark.parametrize(
        ("url", "wrong", "right"),
        [
            ("sqs:?regoin=eu-west-1", "regoin", "region"),
            ("redis://host?key_prefx=jobs", "key_prefx", "key_prefix"),
        ],
    )
    def test_a_parameter_that_there_is_not(self, url: str, wrong: str, right: str) -> None:
        text = problem_of(url)
        assert f'"{wrong}"' in text
        assert f"did you mean `{right}`?" in text

    @pytest.mark.parametrize(
        "url",
        [
            f"redis://me:{SECRET}#x@host:6379",
            f"redis://me:{SECRET}@host:port",
            f"redis://me:{SECRET}@host/zero",
            f"redis://:{SECRET}/x@host",
            f"amqp://me:{SECRET}#x@host/",
            f"amqp://me:{SECRET}@host:99999/",
            f"postgresql://me:{SECRET}#x@host/db",
            f"mysql://me:{SECRET}@[host/db",
            f"kafka://me:{SECRET}@host",
            f"kafka:me:{SECRET}/x@host",
            f"sqs:?password={SECRET}",
        ],
    )
    def test_no_password_is_shown(self, url: str) -> None:
        with pytest.raises(ConfigurationError) as caught:
            open_transport(url, SystemClock())
        shown = [f"{one.message} {one.hint} {one.helps} {one.notes}" for one in caught.value.problems]
        assert SECRET not in f"{caught.value} {shown}"

    async def test_flags_of_other_commands_are_not_named(
        self, postgres_server: PostgresServer, redis_server: RedisServer
    ) -> None:
        """What cannot be used is told in the words of addresses."""
        for url, help_ in (
            (
                postgres_server.dsn("template1"),
                "make them with: cloud_tasks migrate --driver postgres --postgres-dsn ADDRESS",
            ),
            (
                f"{redis_server.url}/99",
                "give another in the address; servers have 16 by default, clusters one",
            ),
            ("redis://no-such-host.invalid", "look at the host in the address"),
            ("amqp://no-such-host.invalid/", "look at the host in the address"),
        ):
            driver = open_transport(url, SystemClock())
            with pytest.raises(ConfigurationError) as caught:
                await driver.connect()
            assert help_ in caught.value.problems[0].helps
            await driver.disconnect()

    @pytest.mark.parametrize("scheme", ["postgresql", "mysql"])
    async def test_no_password_is_shown_when_nobody_is_there(self, scheme: str) -> None:
        driver = open_transport(f"{scheme}://me:{SECRET}@127.0.0.1:1/db?password={SECRET}", SystemClock())
        with pytest.raises(Exception) as caught:  # noqa: PT011 - whatever it is, it shows none
            await driver.connect()
        shown = " ".join(str(one) for one in getattr(caught.value, "problems", ()))
        assert SECRET not in f"{caught.value} {shown} {caught.value.__cause__}"
        await driver.disconnect()


class TestThePageIsTrue:
    PAGE = (Path(__file__).parents[2] / "docs" / "transports.md").read_text(encoding="utf-8")
    ADDRESSES = ("memory:", "redis://h", "amqp://h/", "sqs:?region=us-east-1", "pubsub:?project=p")

    def rows(self, heading: str) -> list[list[str]]:
        """The cells of the first table behind some words, without its heading."""
        table = self.PAGE.split(heading)[1].partition("\n| ")[2].partition("\n\n")[0]
        return [[cell.strip() for cell in line.strip("| ").split("|")] for line in table.splitlines()[2:]]

    def test_every_scheme_is_there_and_no_other(self) -> None:
        cells = " ".join(row[0] for row in self.rows("# Transports"))
        assert set(re.findall(r"`([a-z]+):", cells)) == {*EXAMPLES, *ALIASES}

    def test_what_each_can_do(self) -> None:
        said = {row[0]: row[1:] for row in self.rows("## What each can do")}
        for number, url in enumerate(self.ADDRESSES):
            driver = open_transport(url, SystemClock())
            capabilities = driver.tasks("q", 30.0).capabilities
            column = max(0, number - 1)
            words = {word: cells[column] for word, cells in said.items()}
            assert (words["attempts are counted"] == "yes") is capabilities.delivery_count
            assert (words["interruptions are counted apart"] == "yes") is capabilities.counts_interruptions
            assert (words["history of a dead letter"] == "yes") is capabilities.history
            assert (words["dead letters, with a reason"] == "yes") is capabilities.dead_letters
            once = next(cell for word, cell in words.items() if "fire once" in word)
            assert (once == "yes") is isinstance(driver, OnceDriver)
