"""`cloud_tasks monitor`, as a process, on a real Redis."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from redis import Redis

from tests.e2e.programs import ROOT, wait_until
from tests.services.redis import RedisServer

EVENT = {
    "event_type": "task_started",
    "task_id": "t1",
    "task_name": "tasks.add",
    "queue": "default",
    "timestamp": "2026-01-02T03:04:05.678901+00:00",
    "attempt": 1,
}


class Monitor:
    """One that runs; what it prints goes to files."""

    def __init__(self, directory: Path, server_url: str, *arguments: str) -> None:
        self.channel = f"events-{uuid.uuid4().hex}"
        self._out, self._err = directory / "out", directory / "err"
        command = ["-W", "error", "-m", "cloud_tasks", "monitor", "--events-redis-url", server_url]
        with self._out.open("w") as out, self._err.open("w") as err:
            self.process = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, *command, "--events-channel", self.channel, *arguments],
                stdout=out,
                stderr=err,
                cwd=directory,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
            )

    @property
    def out(self) -> list[str]:
        return self._out.read_text().splitlines()

    @property
    def err(self) -> str:
        return self._err.read_text()

    def wait_for(self, words: str) -> None:
        wait_until(lambda: words in self.err or self.process.poll() is not None)
        assert words in self.err, self.err

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(30)


@contextmanager
def monitoring(directory: Path, server_url: str, *arguments: str) -> Iterator[Monitor]:
    monitor = Monitor(directory, server_url, *arguments)
    try:
        yield monitor
        assert "Traceback" not in monitor.err
        assert "Warning" not in monitor.err
    finally:
        if monitor.process.poll() is None:
            monitor.process.kill()
            monitor.process.wait()


def publish(server: RedisServer, channel: str, *bodies: bytes) -> None:
    with Redis(host=server.host, port=server.port) as client:
        for body in bodies:
            client.publish(channel, body)


def event(**fields: object) -> bytes:
    return json.dumps({**EVENT, **fields}).encode()


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_events_are_shown_until_a_signal_comes(
    redis_server: RedisServer, tmp_path: Path, number: signal.Signals, status: int
) -> None:
    with monitoring(tmp_path, redis_server.url) as monitor:
        monitor.wait_for("listening to events-")
        publish(redis_server, monitor.channel, event(), b"\x1b[2Jrubbish", event(task_name="a\x1b[31m\x9b"))
        wait_until(lambda: len(monitor.out) == 2)
        assert monitor.end(number) == status
        assert monitor.out[0] == "03:04:05.678  task_started      tasks.add t1  default"
        assert monitor.out[1] == "03:04:05.678  task_started      a\\x1b[31m\\x9b t1  default"
        assert "not an event: \\x1b[2Jrubbish" in monitor.err


def test_events_as_json(redis_server: RedisServer, tmp_path: Path) -> None:
    with monitoring(tmp_path, redis_server.url, "--json") as monitor:
        monitor.wait_for("listening")
        publish(redis_server, monitor.channel, event(error="\x9b\u202e"), b"rubbish", event(attempt=2))
        wait_until(lambda: len(monitor.out) == 2)
        assert monitor.end() == 130
        assert [json.loads(line)["attempt"] for line in monitor.out] == [1, 2]
        assert all(line.isprintable() for line in monitor.out)


def test_a_restarted_server_is_listened_to_again(own_redis_server: RedisServer, tmp_path: Path) -> None:
    with monitoring(tmp_path, own_redis_server.url) as monitor:
        monitor.wait_for("listening")
        own_redis_server.stop()
        monitor.wait_for("no connection to redis://127.0.0.1")
        own_redis_server.start()
        monitor.wait_for("listening again")
        publish(own_redis_server, monitor.channel, event())
        wait_until(lambda: len(monitor.out) == 1)
        assert monitor.err.count("no connection") == 1
        assert monitor.end() == 130


def test_a_server_that_hangs_is_noticed(own_redis_server: RedisServer, tmp_path: Path) -> None:
    with monitoring(tmp_path, own_redis_server.url) as monitor:
        monitor.wait_for("listening")
        own_redis_server.pause()
        try:
            monitor.wait_for("it does not answer")
        finally:
            own_redis_server.resume()
        monitor.wait_for("listening again")
        assert monitor.end() == 130


def test_a_server_may_come_later(tmp_path: Path) -> None:
    with monitoring(tmp_path, "redis://:hidden@127.0.0.1:1") as monitor:
        monitor.wait_for("no connection to redis://***@127.0.0.1:1; trying again")
        assert monitor.end() == 130
        assert "hidden" not in monitor.err


def test_a_server_that_refuses_us_is_a_mistake(redis_server: RedisServer, tmp_path: Path) -> None:
    url = f"redis://nobody:hidden@{redis_server.host}:{redis_server.port}"
    with monitoring(tmp_path, url) as monitor:
        assert monitor.process.wait(30) == 2
        assert "refuses us" in monitor.err
        assert "--events-redis-url" in monitor.err
        assert "hidden" not in monitor.err


def test_an_address_that_is_none_is_a_mistake(tmp_path: Path) -> None:
    with monitoring(tmp_path, "nowhere") as monitor:
        assert monitor.process.wait(30) == 2
        assert "'nowhere' is none" in monitor.err


def test_a_reader_that_goes_away_ends_it_quietly(redis_server: RedisServer, tmp_path: Path) -> None:
    channel = f"events-{uuid.uuid4().hex}"
    command = f"{sys.executable} -W error -m cloud_tasks monitor --events-channel {channel}"
    with subprocess.Popen(  # noqa: S603 - our own program
        ["/bin/sh", "-c", f"{command} | head -n 1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "ASYNCTASQ_EVENTS_REDIS_URL": redis_server.url,
        },
    ) as shell:
        assert shell.stderr is not None
        assert "listening" in shell.stderr.readline()
        deadline = 200
        while shell.poll() is None and deadline:
            publish(redis_server, channel, event())
            deadline -= 1
            try:
                shell.wait(0.1)
            except subprocess.TimeoutExpired:
                continue
        out, err = shell.communicate(timeout=30)
    assert out.count("task_started") == 1
    assert err == ""
