"""The protocol itself, and what no SDK would send."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator

import aiohttp
import pytest

from fakes.clock import VirtualClock
from fakes.sqs import SqsService
from fakes.sqs.server import SqsServer
from tests.fidelity.sqs.asking import WireSqs, asking, refused

JSON = "application/x-amz-json-1.0"


async def post(
    body: bytes, target: str = "AmazonSQS.ListQueues", content: str = JSON
) -> tuple[int, str, str]:
    """The status, the code for SDKs and the text of an answer."""
    headers = {"X-Amz-Target": target, "Content-Type": content}
    async with (
        SqsServer(SqsService(VirtualClock())) as server,
        aiohttp.ClientSession() as session,
        session.post(server.url, data=body, headers=headers) as answer,
    ):
        assert answer.headers["Content-Type"] == JSON
        assert answer.headers["x-amzn-RequestId"]
        return answer.status, answer.headers.get("x-amzn-query-error", ""), await answer.text()


@pytest.mark.parametrize(
    ("body", "target", "status", "code"),
    [
        (b"", "AmazonSQS.ListQueues", 200, ""),
        (b"{}", "AmazonSQS.ListQueues", 200, ""),
        (b'{"More": [1]}', "AmazonSQS.ListQueues", 200, ""),
        (b"{", "AmazonSQS.ListQueues", 400, "MalformedInput;Sender"),
        (b"[]", "AmazonSQS.ListQueues", 400, "MalformedInput;Sender"),
        (b'{"QueueNamePrefix": 1}', "AmazonSQS.ListQueues", 400, "MalformedInput;Sender"),
        (b'{"QueueName": "\\ud800"}', "AmazonSQS.CreateQueue", 400, "MalformedInput;Sender"),
        (b'{"QueueName": "\xff"}', "AmazonSQS.CreateQueue", 400, "MalformedInput;Sender"),
        (b'{"More": ' + b"[" * 100_000, "AmazonSQS.ListQueues", 400, "MalformedInput;Sender"),
        (b"{}", "AmazonSQS.CreateQueue", 400, "MissingParameter;Sender"),
        (b"{}", "AmazonSQS.SendMessage", 400, "MissingParameter;Sender"),
        (b"{}", "AmazonSQS.Launch", 404, "InvalidAction;Sender"),
        (b"{}", "", 404, "InvalidAction;Sender"),
        (b"{}", "DynamoDB_20120810.ListTables", 404, "InvalidAction;Sender"),
    ],
)
async def test_what_is_answered(body: bytes, target: str, status: int, code: str) -> None:
    told = await post(body, target)
    assert told[:2] == (status, code)
    assert isinstance(json.loads(told[2]), dict)


@pytest.mark.parametrize("operation", ["StartMessageMoveTask", "AddPermission"])
async def test_what_the_stand_in_does_not_do_is_said(operation: str) -> None:
    status, code, text = await post(b"{}", f"AmazonSQS.{operation}")
    assert (status, code) == (400, "AWS.SimpleQueueService.UnsupportedOperation;Sender")
    assert f"this stand-in does not do {operation}" in text


async def test_the_older_protocol_is_refused_by_name() -> None:
    form = "application/x-www-form-urlencoded; charset=utf-8"
    status, _, text = await post(b"Action=ListQueues&Version=2012-11-05", "", form)
    assert status == 400
    assert "older query protocol" in text


@pytest.fixture
def sqs() -> Iterator[WireSqs]:
    with asking() as one:
        yield one


def test_a_queue_is_where_its_caller_found_the_service(sqs: WireSqs) -> None:
    url = sqs.create("jobs")
    assert url == f"{sqs.server.url}/000000000000/jobs"
    assert sqs.boto.get_queue_url(QueueName="jobs")["QueueUrl"] == url
    sqs.send("jobs", "by its name alone")
    sqs.send("https://sqs.eu-west-1.amazonaws.com/000000000000/jobs", "by another host")
    assert len(sqs.bodies(url)) == 2


def test_attributes_and_checksums_pass_the_checks_of_the_client(sqs: WireSqs) -> None:
    url = sqs.create()
    attributes = {
        "text": {"DataType": "String.mine", "StringValue": "ü \u2028 \U0001f600"},
        "number": {"DataType": "Number", "StringValue": "-1.5e3"},
        "bytes": {"DataType": "Binary", "BinaryValue": bytes(range(256))},
    }
    sqs.boto.send_message(
        QueueUrl=url,
        MessageBody="ü \U0001f600",
        MessageAttributes=attributes,  # type: ignore[arg-type] # a literal of its types
        MessageSystemAttributes={"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1-2-3"}},
    )
    every = sqs.receive_one(
        url, MessageAttributeNames=["All"], MessageSystemAttributeNames=["All"], VisibilityTimeout=0
    )
    assert every["MessageAttributes"] == attributes
    assert every["Attributes"]["AWSTraceHeader"] == "Root=1-2-3"
    some = sqs.receive_one(url, MessageAttributeNames=["t.*", "te.*", "number"], VisibilityTimeout=0)
    assert sorted(some["MessageAttributes"]) == ["number", "text"]
    assert "MessageAttributes" not in sqs.receive_one(url)


def test_who_hangs_up_while_waiting_takes_nothing_along(sqs: WireSqs) -> None:
    url = sqs.create()
    impatient = http.client.HTTPConnection(url.split("/")[2])
    headers = {"X-Amz-Target": "AmazonSQS.ReceiveMessage", "Content-Type": JSON}
    impatient.request("POST", "/", json.dumps({"QueueUrl": url, "WaitTimeSeconds": 20}), headers)
    while sqs.server.run(sqs.waiting(url)) == 0:
        pass
    impatient.close()
    while sqs.server.run(sqs.waiting(url)) == 1:
        pass
    sqs.send(url, "a")
    assert sqs.bodies(url) == ["a"]


def test_a_deleted_queue_sends_home_who_waits(sqs: WireSqs) -> None:
    url = sqs.create()
    poll = sqs.long_poll(url)
    sqs.boto.delete_queue(QueueUrl=url)
    assert poll.exception(30) is not None or poll.result() == []
    assert refused(sqs.boto.receive_message, QueueUrl=url)[0] == "AWS.SimpleQueueService.NonExistentQueue"
