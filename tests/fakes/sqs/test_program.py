"""`python -m fakes.sqs`, as a user runs it."""

from __future__ import annotations

import json
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.config import Config

from tests.fakes.sqs.programs import Program
from tests.fidelity.sqs.asking import refused
from tests.sqs_servers import client_of


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    one = Program("fakes.sqs", tmp_path)
    yield one
    one.end()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_the_queues_it_was_given_until_it_is_asked_to_end(
    program: Program, number: signal.Signals
) -> None:
    process, url = program.serve("--queue", "jobs", "--queue", "jobs.fifo", "--queue", "jobs")
    boto = client_of(url)
    assert [one.rpartition("/")[2] for one in boto.list_queues()["QueueUrls"]] == ["jobs", "jobs.fifo"]
    boto.send_message(QueueUrl="jobs", MessageBody="a")
    (message,) = boto.receive_message(QueueUrl="jobs", WaitTimeSeconds=20)["Messages"]
    assert message["Body"] == "a"
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=30)
    assert (process.returncode, stdout, stderr) == (0, "", "")


def test_it_ends_although_somebody_waits_for_a_message(program: Program) -> None:
    process, url = program.serve("--queue", "jobs")
    with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))) as connection:
        body = b'{"QueueUrl": "jobs", "WaitTimeSeconds": 20}'
        connection.sendall(
            b"POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: AmazonSQS.ReceiveMessage\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
        )
        client_of(url).list_queues()
        process.terminate()
        _, stderr = process.communicate(timeout=15)
    assert (process.returncode, stderr) == (0, "")


def test_faults_strike_are_logged_and_counted(program: Program, tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text(
        "seed: 1\nrules:\n"
        "- {kind: throttle, operation: SendMessage, calls: [2]}\n"
        "- {kind: short_receive, operation: ReceiveMessage, every: 1}\n"
    )
    process, url = program.serve("--queue", "jobs", "--faults", "plan.yaml", "--fault-log", "faults.jsonl")
    boto = client_of(url)
    boto.send_message(QueueUrl="jobs", MessageBody="a")
    assert refused(boto.send_message, QueueUrl="jobs", MessageBody="b")[0] == "RequestThrottled"
    assert len(boto.receive_message(QueueUrl="jobs")["Messages"]) == 1
    process.terminate()
    _, stderr = process.communicate(timeout=30)
    assert stderr == (
        "throttle: injected 1, had an effect 1\n"
        "short_receive: injected 1, had an effect 0\n"
    )  # fmt: skip
    log = [json.loads(line) for line in (tmp_path / "faults.jsonl").read_text().splitlines()]
    assert [(one["kind"], one["operation"], one["call"], one["rule"]) for one in log] == [
        ("throttle", "SendMessage", 2, 0),
        ("short_receive", "ReceiveMessage", 1, 1),
    ]


def test_mistakes_are_told_in_words(program: Program, tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text("rules:\n- {kind: throttle, operation: SendMesage, every: 1}\n")
    told = program.refused("--faults", "plan.yaml")
    assert "plan.yaml:2:31" in told
    assert "did you mean `SendMessage`?" in told
    assert "cannot read the fault plan `none.yaml`" in program.refused("--faults", "none.yaml")
    assert "no faults without --faults" in program.refused("--fault-log", "x")
    (tmp_path / "plan.yaml").write_text("")
    assert "cannot write `no/x`" in program.refused("--faults", "plan.yaml", "--fault-log", "no/x")


def test_a_port_that_is_taken_is_told(program: Program) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        told = program.refused("--port", str(taken.getsockname()[1]))
    assert "cannot listen on 127.0.0.1, port" in told
    assert "--port" in told


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--port", "65536"), "expected 0 to 65535, got '65536'"),
        (("--port", "x"), "expected 0 to 65535, got 'x'"),
        (("--queue", "a b"), "--queue a b: Can only include alphanumeric characters"),
        (("--host", "192.0.2.1"), "cannot listen on 192.0.2.1"),
    ],
)
def test_arguments_that_make_no_sense_are_told(
    program: Program, arguments: tuple[str, str], word: str
) -> None:
    assert word in program.refused(*arguments)


def test_every_call_is_recorded_with_its_answer_as_it_took_effect(program: Program, tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text(
        "rules:\n"
        "- {kind: throttle, operation: SendMessage, calls: [1]}\n"
        "- {kind: effect_without_reply, operation: ReceiveMessage, calls: [1]}\n"
        "- {kind: duplicate, operation: ReceiveMessage, calls: [1]}\n"
    )
    process, url = program.serve("--queue", "jobs", "--faults", "plan.yaml", "--record", "calls.jsonl")
    boto = client_of(url, Config(retries={"mode": "standard", "total_max_attempts": 2}))
    boto.send_message(QueueUrl="jobs", MessageBody="a")
    (message,) = boto.receive_message(QueueUrl="jobs", VisibilityTimeout=9)["Messages"]
    boto.delete_message_batch(
        QueueUrl="jobs", Entries=[{"Id": "1", "ReceiptHandle": message["ReceiptHandle"]}]
    )
    process.terminate()
    process.communicate(timeout=30)
    calls = [json.loads(line) for line in (tmp_path / "calls.jsonl").read_text().splitlines()]
    assert [(call["operation"], call.get("error", ""), call.get("lost", False)) for call in calls] == [
        ("SendMessage", "RequestThrottled", False),
        ("SendMessage", "", False),
        ("ReceiveMessage", "", True),
        ("ReceiveMessage", "", False),
        ("DeleteMessageBatch", "", False),
    ]
    refused_send, send, lost, receive, delete = calls
    assert refused_send["invocation"] == send["invocation"] != receive["invocation"] == lost["invocation"]
    assert {call["who"] for call in calls} == {"none"}
    assert lost["struck"] == ["duplicate", "effect_without_reply"]
    assert lost["answer"]["Messages"][0]["Body"] == "a" == send["request"]["MessageBody"]
    assert receive["request"]["VisibilityTimeout"] == 9
    assert receive["answer"]["Messages"][0]["ReceiptHandle"] == message["ReceiptHandle"]
    assert delete["answer"] == {"Successful": [{"Id": "1"}]}
    moments = [moment for call in calls for moment in (call["asked_at"], call["at"])]
    assert moments == sorted(moments)


def test_a_record_that_cannot_be_written_is_told(program: Program) -> None:
    assert "--record: cannot write `no/x`" in program.refused("--record", "no/x")
