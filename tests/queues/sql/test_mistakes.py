"""What a user got wrong is said with a way out; what goes wrong by itself may work later."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import pytest
import sqlalchemy as sa
from msgspec import structs

from cloud_tasks.clock import SystemClock
from cloud_tasks.core.task import Task
from cloud_tasks.errors import ConfigurationError, QueueUnavailableError
from cloud_tasks.queues.sql import SqlSettings, open_driver


async def refusal(dsn: str) -> str:
    driver = open_driver(SqlSettings(dsn=dsn, connect_s=3.0), SystemClock())
    try:
        with pytest.raises(ConfigurationError) as caught:
            await driver.connect()
    finally:
        await driver.disconnect()
    (problem,) = caught.value.problems
    said = "\n".join((problem.message, *problem.helps))
    assert "secret" not in said
    return said


@pytest.mark.parametrize("kind", ["postgres", "mariadb"])
@pytest.mark.parametrize(
    ("part", "value", "words"),
    [
        ("password", "secret-but-wrong", "password"),
        ("username", "nobody_known", "user"),
        ("database", "nothing_there", "create the database"),
        ("host", "no-such-host.invalid", "name of the host"),
    ],
)
async def test_a_wrong_address_is_told_with_the_way_out(
    settings: SqlSettings, kind: str, part: str, value: str, words: str
) -> None:
    url = sa.make_url(settings.dsn)
    given = {"password": url.password, "username": url.username, "database": url.database, "host": url.host}
    now = given | {part: value}
    said = await refusal(
        url.set(
            password=now["password"], username=now["username"], database=now["database"], host=now["host"]
        ).render_as_string(hide_password=False)
    )
    assert words in said
    assert {"postgres": "--postgres-dsn", "mariadb": "--mysql-dsn"}[kind] in said


@pytest.mark.parametrize(("scheme", "option"), [("postgresql", "--postgres-dsn"), ("mysql", "--mysql-dsn")])
async def test_a_parameter_that_the_library_does_not_know_is_told(scheme: str, option: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        await open_driver(
            SqlSettings(dsn=f"{scheme}://u:p@127.0.0.1:1/d?colour=secret"), SystemClock()
        ).connect()
    (problem,) = caught.value.problems
    said = "\n".join((problem.message, *problem.helps))
    assert option in said
    assert "colour" in said
    assert "secret" not in said


@pytest.mark.parametrize(
    "query", ["connect_timeout=5", "ssl_ca=/etc/ca.pem&ssl_check_hostname=false", "charset=utf8mb4"]
)
def test_a_parameter_that_the_library_knows_is_none(query: str) -> None:
    open_driver(SqlSettings(dsn=f"mysql://u:p@h/d?{query}"), SystemClock())


@pytest.mark.parametrize("scheme", ["postgresql", "mysql"])
async def test_a_server_that_does_not_answer_may_do_so_later(scheme: str) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        driver = open_driver(SqlSettings(dsn=f"{scheme}://u:secret@127.0.0.1:{port}/d"), SystemClock())
        with pytest.raises(QueueUnavailableError) as caught:
            await driver.connect()
        await driver.disconnect()
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("dsn", ["oracle://u:p@h/d", "postgresql://u:p@h:port/d", "mysql://[::1/d"])
def test_an_address_that_is_none_is_refused(dsn: str) -> None:
    with pytest.raises(ConfigurationError):
        open_driver(SqlSettings(dsn=dsn), SystemClock())


@pytest.mark.parametrize(
    ("wanted", "dsn", "begins"),
    [
        ("PostgreSQL", "mysql://u:s3cret@h/d", "postgresql://"),
        ("PostgreSQL", "queues.db", "postgresql://"),
        ("MySQL", "postgresql://u:s3cret@h/d", "mysql://"),
    ],
)
def test_an_address_of_another_database_than_the_driver_is_for_is_refused(
    wanted: str, dsn: str, begins: str
) -> None:
    said = refusal_at_once(dsn, kind=wanted)
    assert f"not the address of a database of {wanted}" in said
    assert begins in said


def refusal_at_once(dsn: str, **values: object) -> str:
    """What is said of an address before anybody is asked; never a part of what may be a password."""
    settings = structs.replace(SqlSettings(dsn=dsn), **values)
    assert "s3" not in repr(settings)
    assert "cret" not in repr(settings)
    with pytest.raises(ConfigurationError) as caught:
        open_driver(settings, SystemClock())
    (problem,) = caught.value.problems
    said = "\n".join((problem.message, *problem.helps, *problem.notes))
    assert "s3" not in said
    assert "cret" not in said
    return said


@pytest.mark.parametrize(
    ("dsn", "option", "right", "extra"),
    [
        ("postgresql+asyncpg://user:s3cret@host/db", "--postgres-dsn", "postgresql://", "+asyncpg"),
        ("postgresql+psycopg://user:s3@cret@host/db", "--postgres-dsn", "postgresql://", "+psycopg"),
        ("mysql+aiomysql://user:s3/cret@host/db", "--mysql-dsn", "mysql://", "+aiomysql"),
        ("mariadb+pymysql://user:s3cret@host/db", "--mysql-dsn", "mariadb://", "+pymysql"),
    ],
)
def test_an_address_that_names_a_library_is_told_how_to_write_it_and_shows_no_password(
    dsn: str, option: str, right: str, extra: str
) -> None:
    said = refusal_at_once(dsn)
    assert said.startswith(f"{option}: ")
    assert f"write {right}, without {extra}" in said
    assert refusal_at_once(dsn, has_flags=False).startswith("the address of the transport: ")


@pytest.mark.parametrize("scheme", ["postgresql", "mysql", "mariadb"])
@pytest.mark.parametrize(
    "rest",
    [
        "user:s3@cret@nohost.invalid/db",
        "user:@s3cret@nohost.invalid/db",
        "user:s3@s3:cret@nohost.invalid/db",
        "user:s3@3306/cret@nohost.invalid/db",
        "user:s3@nohost.invalid?cret@nohost.invalid/db",
        "user/s3:cret@nohost.invalid/db",
        "user:s3@nohost.invalid:cret/db",
    ],
)
def test_a_password_with_signs_that_are_not_escaped_is_refused_and_not_shown(scheme: str, rest: str) -> None:
    said = refusal_at_once(f"{scheme}://{rest}")
    assert said.startswith("--postgres-dsn: " if scheme == "postgresql" else "--mysql-dsn: ")
    assert "%40" in said


@pytest.mark.parametrize(
    "dsn",
    [
        "host=nohost.invalid user=me password=s3cret dbname=d",
        "user:s3cret@nohost.invalid/db",
        "postgresql:user:s3cret@nohost.invalid/db",
        "oracle://user:s3cret@host/db",
        "user:s3cret@host/db?x=://",
    ],
)
def test_what_is_no_address_is_not_taken_for_a_file_and_not_shown(
    dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = refusal_at_once(dsn)
    assert "--postgres-dsn" in said
    assert "postgresql://user:password@host/database" in said
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://user@server:p@host/db",
        "postgresql://user:p%40ss@host/db",
        "postgresql://user@host/db?application_name=a@b",
        "postgresql:///db?host=/run/postgresql&user=me@home",
        "mysql://user:p%40ss@host:3306/d%40b",
    ],
)
def test_an_at_sign_that_can_be_told_apart_is_no_mistake(dsn: str) -> None:
    open_driver(SqlSettings(dsn=dsn), SystemClock())


@pytest.mark.parametrize("name", ["a@b.db", "a:b.db", "data=1.db"])
async def test_a_file_may_be_called_anything(name: str, tmp_path: Path) -> None:
    driver = open_driver(SqlSettings(dsn=str(tmp_path / name)), SystemClock())
    await driver.connect()
    await driver.disconnect()
    assert (tmp_path / name).exists()


def databases_under(directory: Path) -> list[Path]:
    return list(directory.glob("**/*.db"))


async def test_a_path_means_the_same_file_wherever_the_process_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    driver = open_driver(SqlSettings(dsn="queues.db"), SystemClock())
    monkeypatch.chdir(tmp_path / "elsewhere")
    await driver.connect()
    await driver.disconnect()
    assert databases_under(tmp_path) == [tmp_path / "queues.db"]


async def test_nobody_s_home_is_a_directory_like_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match="~nobody-of-that-name"):
        await open_driver(SqlSettings(dsn="~nobody-of-that-name/x.db"), SystemClock()).connect()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"queue_table": "jobs; DROP TABLE x"}, "name of a table"),
        ({"queue_table": "x" * 49}, "name of a table"),
        ({"dead_letter_table": "task_queue"}, "are called"),
        ({"pool_size_min": 0}, "pool"),
        ({"pool_size_max": 0}, "pool"),
    ],
)
def test_settings_that_no_database_could_use_are_refused(values: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        structs.replace(SqlSettings(dsn="x.db"), **values)


def test_a_smaller_pool_needs_no_second_number() -> None:
    assert SqlSettings(dsn="x.db", pool_size_max=3).pool_sizes == (3, 0)
    assert SqlSettings(dsn="x.db", pool_size_min=2, pool_size_max=30).pool_sizes == (2, 28)


def test_settings_show_no_password() -> None:
    assert "secret" not in repr(SqlSettings(dsn="postgresql://u:secret@h/d"))


@pytest.mark.parametrize("queue", ["", "x" * 256])
def test_a_name_that_no_queue_can_have_is_refused(queue: str) -> None:
    with pytest.raises(ConfigurationError, match="name of a queue"):
        open_driver(SqlSettings(dsn="x.db"), SystemClock()).sender(queue)


# --- SQLite


async def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("this is not a database\n" * 100)
    assert "no database of SQLite" in await refusal(str(path))
    assert path.read_text().startswith("this is not")


async def test_a_directory_that_is_not_there_is_told(tmp_path: Path) -> None:
    said = await refusal(str(tmp_path / "nowhere" / "q.db"))
    assert "directory" in said
    assert "--sqlite-path" in said


PROGRAM = """
    import asyncio, os, resource, sys
    from cloud_tasks.clock import SystemClock
    from cloud_tasks.core.task import Task
    from cloud_tasks.errors import CloudTasksError
    from cloud_tasks.queues.sql import SqlSettings, open_driver

    async def fill(path, limit_bytes):
        driver = open_driver(SqlSettings(dsn=path), SystemClock())
        try:
            await driver.connect()
            if limit_bytes:
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))
            await driver.sender("q").send_many(Task(f"t{n}", {"x": "y" * 1000}) for n in range(3_000))
        except CloudTasksError as error:
            print(type(error).__name__, error, flush=True)
        await driver.disconnect()

    async def main(path, limit_bytes):
        if not limit_bytes:
            await fill(path + ".other", 0)  # whatever is imported later has been
            if os.geteuid() == 0:
                os.setegid(65534)
                os.seteuid(65534)
        await fill(path, limit_bytes)

    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


def run_program(path: Path, limit_bytes: int) -> str:
    command = [sys.executable, "-c", textwrap.dedent(PROGRAM), str(path), str(limit_bytes)]
    ended = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - our own
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


async def prepared(path: Path) -> int:
    """Make the file; how many tasks are in it?"""
    driver = open_driver(SqlSettings(dsn=str(path)), SystemClock())
    await driver.connect()
    depth = await driver.inspector("q").depth()
    await driver.disconnect()
    return depth["visible"]


def test_a_disk_that_is_full_is_told_and_nothing_is_there_by_half(tmp_path: Path) -> None:
    path = tmp_path / "q.db"
    said = run_program(path, 2_500_000)
    assert "SendFailedError" in said
    assert str(path) in said
    assert asyncio.run(prepared(path)) in (1000, 2000)


def test_a_file_that_may_not_be_written_is_told() -> None:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        directory.chmod(0o755)
        path = directory / "q.db"
        asyncio.run(prepared(path))
        path.chmod(0o444)
        said = run_program(path, 0)
    assert "ConfigurationError" in said
    assert str(path) in said


async def test_a_file_that_somebody_else_keeps_to_himself_may_work_later(tmp_path: Path) -> None:
    path = tmp_path / "q.db"
    driver = open_driver(SqlSettings(dsn=str(path), call_s=0.6), SystemClock())
    await driver.connect()
    other = sa.create_engine(f"sqlite:///{path}").connect()
    other.exec_driver_sql("BEGIN IMMEDIATE")
    with pytest.raises(QueueUnavailableError, match=r"locked|no answer"):
        await driver.sender("q").send(Task("a", {}))
    other.rollback()
    other.close()
    other.engine.dispose()
    await driver.sender("q").send(Task("a", {}))
    assert (await driver.inspector("q").depth())["visible"] == 1
    await driver.disconnect()


# --- Packages


@pytest.mark.parametrize(
    ("dsn", "package", "extra"),
    [
        ("queue.db", "aiosqlite", "sqlite"),
        ("postgresql://u:p@h/d", "psycopg", "postgres"),
        ("mysql://u:p@h/d", "asyncmy", "mysql"),
        ("queue.db", "sqlalchemy", "sqlite"),
    ],
)
def test_a_package_that_is_missing_is_named_with_the_extra_that_brings_it(
    dsn: str, package: str, extra: str
) -> None:
    program = f"""
        import sys
        sys.modules[{package!r}] = None
        from cloud_tasks.clock import SystemClock
        from cloud_tasks.errors import ConfigurationError
        from cloud_tasks.queues.sql import SqlSettings, open_driver
        try:
            open_driver(SqlSettings(dsn={dsn!r}), SystemClock())
        except ConfigurationError as error:
            print(error, *error.problems[0].helps)
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603 - our own
    assert package in said
    assert f"pip install 'cloud-tasks[{extra}]'" in said


async def test_a_driver_that_was_disconnected_can_be_connected_again(settings: SqlSettings) -> None:
    driver = open_driver(settings, SystemClock())
    for _ in range(2):
        await driver.connect()
        await driver.queue_names()
        await driver.disconnect()
    await driver.disconnect()
