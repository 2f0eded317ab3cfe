"""`python -m fakes.conductor`, as a user runs it."""

from __future__ import annotations

import json
import signal
import socket
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest

from tests.fakes.sqs.programs import Program


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    one = Program("fakes.conductor", tmp_path)
    yield one
    one.end()


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 - on loopback
        return json.loads(answer.read())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_the_tasks_it_was_told_to_start(program: Program, number: signal.Signals) -> None:
    settings = "--retry-count", "1", "--retry-delay", "2", "--response-timeout", "5"
    process, url = program.serve("--task-type", "a", "--task-type", "b", "--tasks", "2", *settings)
    assert url.endswith("/api")
    assert get(f"{url}/tasks/queue/all") == {"a": 2, "b": 2}
    definition = get(f"{url}/metadata/taskdefs/a")
    names = "retryCount", "retryDelaySeconds", "responseTimeoutSeconds"
    assert [definition[name] for name in names] == [1, 2, 5]
    inputs = [task["inputData"] for task in get(f"{url}/task/poll/batch/b?count=9")]
    assert inputs == [{"number": 0}, {"number": 1}]
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=30)
    assert (process.returncode, stdout, stderr) == (0, "", "")


def test_an_address_with_colons_is_told_as_one(program: Program) -> None:
    with socket.socket(socket.AF_INET6) as looking:
        try:
            looking.bind(("::1", 0))
        except OSError:
            pytest.skip("no IPv6 here")
    _, url = program.serve("--host", "::1")
    assert url.startswith("http://[::1]:")
    assert get(f"{url}/tasks/queue/all") == {}


def test_it_ends_although_somebody_waits_for_a_task(program: Program) -> None:
    process, url = program.serve()
    with socket.create_connection(("127.0.0.1", int(url.split(":")[2].partition("/")[0]))) as connection:
        connection.sendall(b"GET /api/tasks/poll/batch/a?timeout=5000 HTTP/1.1\r\nHost: x\r\n\r\n")
        get(f"{url}/tasks/queue/all")
        process.terminate()
        _, stderr = process.communicate(timeout=15)
    assert (process.returncode, stderr) == (0, "")


def test_faults_strike_are_logged_and_counted(program: Program, tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text("rules:\n- {kind: throttle, operation: task_defs, calls: [2]}\n")
    process, url = program.serve("--faults", "plan.yaml", "--fault-log", "faults.jsonl")
    assert get(f"{url}/metadata/taskdefs") == []
    with pytest.raises(HTTPError, match="429") as caught:
        get(f"{url}/metadata/taskdefs")
    caught.value.close()
    process.terminate()
    _, stderr = process.communicate(timeout=30)
    assert stderr == "throttle: injected 1, had an effect 1\n"
    (log,) = [json.loads(line) for line in (tmp_path / "faults.jsonl").read_text().splitlines()]
    assert (log["kind"], log["operation"], log["call"]) == ("throttle", "task_defs", 2)


def test_mistakes_are_told_in_words(program: Program, tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text("rules:\n- {kind: throttle, operation: pol, every: 1}\n")
    assert "there is no operation `pol`" in program.refused("--faults", "plan.yaml")
    told = program.refused("--task-type", "a", "--response-timeout", "0")
    assert "--task-type a: TaskDef responseTimeoutSeconds: should be minimum 1 second" in told
    assert "expected a whole number, got '-1'" in program.refused("--tasks", "-1")
    for option in ("--tasks", "--retry-count", "--retry-delay", "--response-timeout"):
        assert f"{option}: there are no tasks without --task-type" in program.refused(option, "3")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert f"cannot listen on 127.0.0.1, port {port}" in program.refused("--port", port)
