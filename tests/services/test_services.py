"""The servers that the other tests are given."""

# ruff: noqa: S603, S607 - programs of our own and of the system, found by their names

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.services.binaries import REQUIRED_VARIABLE, SERVICES, Service
from tests.services.keeper import is_there
from tests.services.mariadb import MariadbServer
from tests.services.postgres import PostgresServer
from tests.services.rabbitmq import RabbitmqServer
from tests.services.redis import RedisServer
from tests.services.server import Server, ServerFailedError, programs_of

NOWHERE = Service("Nowhere", (("no-such-program",),), "nowhere", "nowhere")
ROOT = Path(__file__).parents[2]


def asked(server: Server, question: bytes = b"PING\r\n") -> bytes:
    with socket.create_connection(server.address, 0.3) as one:
        one.sendall(question)
        return one.recv(100)


def server_pid(server: Server) -> int:
    return int((server.directory / "server.pid").read_text())


def test_every_kind_answers(
    redis_server: RedisServer,
    postgres_server: PostgresServer,
    mariadb_server: MariadbServer,
    rabbitmq_server: RabbitmqServer,
) -> None:
    servers: list[Server] = [redis_server, postgres_server, mariadb_server, rabbitmq_server]
    assert [server.is_ready() for server in servers] == [True] * 4


def test_a_restart_keeps_port_and_data(own_redis_server: RedisServer) -> None:
    assert asked(own_redis_server, b"SET a 1\r\n") == b"+OK\r\n"
    before = server_pid(own_redis_server)
    own_redis_server.restart()
    assert server_pid(own_redis_server) != before
    assert asked(own_redis_server, b"GET a\r\n") == b"$1\r\n1\r\n"


def test_a_kill_is_no_polite_end(own_redis_server: RedisServer) -> None:
    own_redis_server.kill()
    with pytest.raises(OSError, match="refused"):
        asked(own_redis_server)
    own_redis_server.start()
    assert asked(own_redis_server) == b"+PONG\r\n"


def test_a_paused_server_hangs(own_redis_server: RedisServer) -> None:
    own_redis_server.pause()
    with pytest.raises(TimeoutError):
        asked(own_redis_server)
    own_redis_server.resume()
    assert asked(own_redis_server) == b"+PONG\r\n"


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    server = RedisServer(tmp_path, os.getpid(), options=("--no-such-option", "1"))
    with pytest.raises(ServerFailedError, match="no-such-option"):
        server.start()


def test_a_server_ends_with_its_run(tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        run = subprocess.Popen(["sleep", "60"])
        stack.callback(run.kill)
        server = RedisServer(tmp_path, run.pid)
        server.start()
        pid = server_pid(server)
        run.kill()
        run.wait()
        wait_for(lambda: not is_there(pid))
        server.stop()


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_without_its_program_a_test_is_skipped_but_where_it_must_not_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(REQUIRED_VARIABLE, raising=False)
    with pytest.raises(pytest.skip.Exception, match="make services"):
        programs_of(NOWHERE)
    monkeypatch.setenv(REQUIRED_VARIABLE, "1")
    with pytest.raises(pytest.fail.Exception, match="Nowhere is not installed"):
        programs_of(NOWHERE)


def test_installing_what_is_there_is_quick() -> None:
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "tests.services.install"],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    if "are there" not in done.stdout:
        pytest.skip("not all servers are installed")
    assert done.stdout.startswith(f"Services: {SERVICES[0].name}")
    assert time.monotonic() - started < 10


def test_what_cannot_be_installed_is_said(tmp_path: Path) -> None:
    """A machine without anything: neither the servers nor a way to install them."""
    program = textwrap.dedent("""
        import sys
        from tests.services import binaries, install
        binaries._DIRECTORIES = ()
        sys.exit(install.main())
    """)
    bare = {"PATH": str(tmp_path)}
    done = [
        subprocess.run(
            [sys.executable, "-c", program], check=False, capture_output=True, text=True, env=env, cwd=ROOT
        )
        for env in (bare, bare | {REQUIRED_VARIABLE: "1"})
    ]
    assert [one.returncode for one in done] == [0, 1]
    assert "Not installed: Redis, PostgreSQL, MariaDB, RabbitMQ" in done[0].stderr
    assert "neither apt-get nor brew" in done[0].stderr


def test_tests_in_several_processes_share_a_server(tmp_path: Path) -> None:
    """A run of its own, in two processes, that writes down whom it talked to."""
    for number in range(4):
        (tmp_path / f"test_{number}.py").write_text(
            "import os, pathlib, time\n"
            "def test_it(redis_server):\n"
            "    time.sleep(0.3)\n"
            f"    out = pathlib.Path({str(tmp_path)!r}) / '{number}.out'\n"
            "    out.write_text(f'{os.getpid()} {(redis_server.directory / \"server.pid\").read_text()}')\n"
        )
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["tests.services.plugin"]\n')
    (tmp_path / "pytest.ini").write_text(f"[pytest]\npythonpath = {ROOT}\n")
    command = [sys.executable, "-m", "pytest", "-q", "-n2", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=tmp_path)
    assert "4 passed" in done.stdout, done.stdout
    pairs = [path.read_text().split() for path in tmp_path.glob("*.out")]
    assert len({tester for tester, _ in pairs}) == 2
    ((server,),) = {(server,) for _, server in pairs}
    assert not is_there(int(server))
