"""`python -m fakes.pubsub`, as a user runs it."""

from __future__ import annotations

import json
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.api_core.exceptions import ResourceExhausted
from google.pubsub_v1 import PublisherClient, PubsubMessage, PullRequest, SubscriberClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

from tests.fakes.sqs.programs import Program

TOPIC = "projects/p/topics/jobs"
SUBSCRIPTION = "projects/p/subscriptions/workers"
JOBS = ("--project", "p", "--subscription", "jobs:workers")


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    one = Program("fakes.pubsub", tmp_path)
    yield one
    one.end()


@contextmanager
def clients_of(address: str) -> Iterator[tuple[PublisherClient, SubscriberClient]]:
    with grpc.insecure_channel(address) as channel:
        yield (
            PublisherClient(transport=PublisherGrpcTransport(channel=channel)),
            SubscriberClient(transport=SubscriberGrpcTransport(channel=channel)),
        )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_what_it_was_given_until_it_is_asked_to_end(
    program: Program, number: signal.Signals
) -> None:
    process, address = program.serve(*JOBS, "--topic", "jobs", "--topic", "others", *JOBS[2:])
    with clients_of(address) as (publisher, subscriber):
        names = sorted(topic.name for topic in publisher.list_topics(project="projects/p"))
        assert names == [TOPIC, "projects/p/topics/others"]
        publisher.publish(topic=TOPIC, messages=[PubsubMessage(data=b"a")])
        (received,) = subscriber.pull(subscription=SUBSCRIPTION, max_messages=10).received_messages
        assert received.message.data == b"a"
        subscriber.acknowledge(subscription=SUBSCRIPTION, ack_ids=[received.ack_id])
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=30)
    assert (process.returncode, stdout, stderr) == (0, "", "")


def test_it_ends_although_somebody_waits_for_a_message(program: Program) -> None:
    process, address = program.serve(*JOBS)
    with clients_of(address) as (_, subscriber):
        request = PullRequest(subscription=SUBSCRIPTION, max_messages=1)
        pull: Any = subscriber.transport.pull
        waiting = pull.future(request)
        subscriber.get_subscription(subscription=SUBSCRIPTION)
        process.terminate()
        _, stderr = process.communicate(timeout=15)
        assert waiting.code() is grpc.StatusCode.UNAVAILABLE
    assert (process.returncode, stderr) == (0, "")


def test_faults_strike_are_logged_and_counted(program: Program, tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text(
        "seed: 1\nrules:\n"
        "- {kind: throttle, operation: Acknowledge, calls: [1]}\n"
        "- {kind: short_receive, operation: Pull, every: 1}\n"
    )
    process, address = program.serve(*JOBS, "--faults", "plan.yaml", "--fault-log", "faults.jsonl")
    with clients_of(address) as (publisher, subscriber):
        publisher.publish(topic=TOPIC, messages=[PubsubMessage(data=b"a")])
        (received,) = subscriber.pull(subscription=SUBSCRIPTION, max_messages=10).received_messages
        with pytest.raises(ResourceExhausted):
            subscriber.acknowledge(subscription=SUBSCRIPTION, ack_ids=[received.ack_id])
        process.terminate()
        _, stderr = process.communicate(timeout=30)
    assert stderr == (
        "throttle: injected 1, had an effect 1\n"
        "short_receive: injected 1, had an effect 0\n"
    )  # fmt: skip
    log = [json.loads(line) for line in (tmp_path / "faults.jsonl").read_text().splitlines()]
    assert [(one["kind"], one["operation"], one["call"], one["rule"]) for one in log] == [
        ("short_receive", "Pull", 1, 1),
        ("throttle", "Acknowledge", 1, 0),
    ]


def test_mistakes_are_told_in_words(program: Program, tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text("rules:\n- {kind: throttle, operation: Acknowlege, every: 1}\n")
    told = program.refused("--faults", "plan.yaml")
    assert "plan.yaml:2:31" in told
    assert "did you mean `Acknowledge`?" in told
    (tmp_path / "plan.yaml").write_text("rules:\n- {kind: delay, operation: StreamingPull, every: 1}\n")
    assert "a delay needs one above 0" in program.refused("--faults", "plan.yaml")
    assert "no faults without --faults" in program.refused("--fault-log", "x")


def test_a_port_that_is_taken_is_told(program: Program) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        told = program.refused("--port", str(taken.getsockname()[1]))
    assert "cannot listen on 127.0.0.1, port" in told
    assert "--port" in told


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--port", "65536"), "expected 0 to 65535, got '65536'"),
        (("--topic", "a b"), "topic a b: Invalid resource name given"),
        (("--subscription", "jobs"), "expected TOPIC:NAME, got 'jobs'"),
        (("--subscription", "jobs:goog"), "subscription goog: Invalid resource name given"),
        (("--host", "192.0.2.1"), "cannot listen on 192.0.2.1"),
    ],
)
def test_arguments_that_make_no_sense_are_told(
    program: Program, arguments: tuple[str, str], word: str
) -> None:
    assert word in program.refused(*arguments)
