"""The mended moto where time or threads come in, and what it refuses instead of doing it wrong.

[LONG] Amazon SQS Developer Guide, "Amazon SQS short and long polling"
[BATCH] Amazon SQS API Reference, SendMessageBatch
[SEND] Amazon SQS API Reference, SendMessage
[VISIBILITY] Amazon SQS Developer Guide, "Amazon SQS visibility timeout"
[FIFO] Amazon SQS Developer Guide, "High throughput for FIFO queues"
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
from botocore.config import Config
from moto.sqs.models import sqs_backends

from fakes.clock import VirtualClock
from fakes.sqs.moto_backend import MendedSqs
from fakes.sqs.moto_server import MotoServer, mended_moto
from tests.fakes.sqs.programs import Program
from tests.fidelity.sqs.asking import Sqs, refused
from tests.sqs_servers import client_of


@pytest.fixture(scope="module")
def server() -> Iterator[Sqs]:
    """The server, in real time."""
    one = MotoServer()
    one.start()
    yield Sqs(client_of(one.url), sleep)
    one.stop()


@pytest.fixture
def url(server: Sqs) -> str:
    """A queue."""
    return server.create(secrets.token_hex(4))


def test_a_long_poll_wakes_on_arrival_and_on_expiry(server: Sqs, url: str) -> None:
    """[LONG] Long before its time is over."""
    with ThreadPoolExecutor() as threads:
        began_s = monotonic()
        poll = threads.submit(server.bodies, url, WaitTimeSeconds=20, VisibilityTimeout=1)
        server.send(url, "a")
        assert poll.result() == ["a"]
        assert server.bodies(url, WaitTimeSeconds=20) == ["a"]
        assert 1 <= monotonic() - began_s < 15


def test_a_message_goes_to_one_receiver_at_a_time(server: Sqs, url: str) -> None:
    """[VISIBILITY] Nobody else sees it until its lease ends."""
    with ThreadPoolExecutor(4) as threads:
        for _ in range(5):
            server.boto.send_message_batch(
                QueueUrl=url, Entries=[{"Id": name, "MessageBody": name} for name in "abcdefghij"]
            )
        received = list(threads.map(lambda _: server.receive(url), range(20)))
    ids = [message["MessageId"] for messages in received for message in messages]
    assert len(ids) == len(set(ids)) == 50


def test_a_long_poll_in_time_that_stands_still_is_refused(moto: Sqs) -> None:
    """[LONG] It ends after 20 seconds at most; moto's own would wait for ever."""
    url = moto.create()
    code, text = refused(moto.boto.receive_message, QueueUrl=url, WaitTimeSeconds=20)
    assert code == "AWS.SimpleQueueService.UnsupportedOperation"
    assert "the clock is frozen" in text
    moto.send(url, "a")
    assert moto.bodies(url, WaitTimeSeconds=20) == ["a"]


def test_de_duplication_by_group_is_refused(moto: Sqs) -> None:
    """[FIFO] DeduplicationScope messageGroup; moto's own would take it, and go by the queue."""
    attributes = {"FifoQueue": "true", "DeduplicationScope": "messageGroup"}
    code, text = refused(moto.boto.create_queue, QueueName="q.fifo", Attributes=attributes)
    assert code == "AWS.SimpleQueueService.UnsupportedOperation"
    assert "python -m fakes.sqs" in text
    url = moto.create("q.fifo")
    del attributes["FifoQueue"]
    assert refused(moto.boto.set_queue_attributes, QueueUrl=url, Attributes=attributes)[0] == code


def test_the_program_serves_until_it_is_asked_to_end(tmp_path: Path) -> None:
    """A queue that was just deleted cannot be made again: it is the mended one."""
    program = Program("fakes.sqs.moto_server", tmp_path)
    try:
        process, address = program.serve()
        sqs = Sqs(client_of(address), sleep)
        sqs.send(sqs.create(), "a")
        assert sqs.bodies(sqs.create(), WaitTimeSeconds=20) == ["a"]
        sqs.boto.delete_queue(QueueUrl=sqs.create())
        assert refused(sqs.boto.create_queue, QueueName="q")[0].endswith("QueueDeletedRecently")
        with pytest.raises(OSError, match="in use"):
            MotoServer(port=int(address.rpartition(":")[2])).start()
        process.terminate()
        stdout, stderr = process.communicate(timeout=30)
        assert (process.returncode, stdout, stderr) == (0, "", "")
    finally:
        program.end()


def test_the_attributes_of_a_batch_count_towards_its_size(sqs: Sqs) -> None:
    """[BATCH] 1 MiB in all, of both stand-ins."""
    attributes: Any = {"a": {"DataType": "Binary", "BinaryValue": b"x" * 300_000}}
    entries: Any = [{"Id": name, "MessageBody": "b", "MessageAttributes": attributes} for name in "abcd"]
    code, _ = refused(sqs.boto.send_message_batch, QueueUrl=sqs.create(), Entries=entries)
    assert code == "AWS.SimpleQueueService.BatchRequestTooLong"


def test_a_dead_letter_is_not_held_by_a_handle_of_its_source(sqs: Sqs) -> None:
    """[VISIBILITY] A handle is good in its queue alone, before and after the dead letter is received."""
    url, dead = sqs.create_with_dead_letters(receives_max=1)
    sqs.send(url, "a")
    handle = sqs.receive_one(url, VisibilityTimeout=0)["ReceiptHandle"]
    assert sqs.receive(url) == []
    for _ in range(2):
        code, _ = refused(
            sqs.boto.change_message_visibility, QueueUrl=dead, ReceiptHandle=handle, VisibilityTimeout=9
        )
        assert code == "ReceiptHandleIsInvalid"
        sqs.receive(dead, VisibilityTimeout=60)


@pytest.mark.parametrize("name", ["MessageGroupId", "MessageDeduplicationId"])
def test_a_message_group_has_no_blanks(sqs: Sqs, name: str) -> None:
    """[SEND] Letters, digits and punctuation, as in an id of de-duplication."""
    members: Any = {"MessageGroupId": "g", "MessageDeduplicationId": "d", name: "g g"}
    code, _ = refused(sqs.boto.send_message, QueueUrl=sqs.create("q.fifo"), MessageBody="b", **members)
    assert code == "InvalidParameterValue"


def test_an_entry_needs_an_id(moto: Sqs) -> None:
    """[BATCH] Nobody could be told what became of it. SDKs send none without one."""
    url = moto.create()
    boto = client_of(None, Config(parameter_validation=False))
    code = "AWS.SimpleQueueService.InvalidBatchEntryId"
    assert refused(boto.send_message_batch, QueueUrl=url, Entries=[{"MessageBody": "b"}])[0] == code
    for call in (boto.delete_message_batch, boto.change_message_visibility_batch):
        assert refused(call, QueueUrl=url, Entries=[{"ReceiptHandle": "h"}])[0] == code


def test_what_is_remembered_of_messages_goes_with_them() -> None:
    """A server that runs for long does not grow."""
    clock = VirtualClock()
    with mended_moto(clock):
        sqs = Sqs(client_of(None), clock.advance)
        url = sqs.create()
        for body in "abc":
            sqs.send(url, body)
            sqs.delete(url, sqs.receive_one(url))
        assert sqs.receive(url) == []
        backend = sqs_backends["123456789012"]["us-east-1"]
        assert isinstance(backend, MendedSqs)
        assert backend._memories["q"].received_at_s == {}
