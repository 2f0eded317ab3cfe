"""Faults by plan, as a client of the stand-in meets them."""

from __future__ import annotations

import pytest
from botocore.exceptions import ConnectionClosedError

from fakes.faults import FaultKind, FaultPlan, FaultRule
from tests.fidelity.sqs.asking import WireSqs, asking, refused


def plan(*rules: FaultRule) -> FaultPlan:
    return FaultPlan(seed=1, rules=rules)


def counters(sqs: WireSqs, kind: FaultKind) -> tuple[int, int]:
    injector = sqs.server.injector
    return injector.injected[kind], injector.effective[kind]


@pytest.mark.parametrize(
    ("kind", "code", "status"),
    [(FaultKind.THROTTLE, "RequestThrottled", 403), (FaultKind.UNAVAILABLE, "ServiceUnavailable", 503)],
)
def test_a_call_is_refused_and_does_nothing(kind: FaultKind, code: str, status: int) -> None:
    with asking(plan(FaultRule(kind, "SendMessage", calls=(1,)))) as sqs:
        url = sqs.create()
        with pytest.raises(sqs.boto.exceptions.ClientError) as caught:
            sqs.send(url, "a")
        assert caught.value.response["Error"]["Code"] == code
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
        assert sqs.bodies(url) == []
        sqs.send(url, "b")
        assert sqs.bodies(url) == ["b"]
        assert counters(sqs, kind) == (1, 1)


def test_more_calls_than_a_rate_allows_are_throttled() -> None:
    with asking(plan(FaultRule(FaultKind.THROTTLE, "*", rate_per_s=2))) as sqs:
        url = sqs.create()
        sqs.send(url, "a")
        assert refused(sqs.boto.receive_message, QueueUrl=url)[0] == "RequestThrottled"
        sqs.advance(1.0)
        assert sqs.bodies(url) == ["a"]


@pytest.mark.parametrize("operation", ["SendMessage", "ReceiveMessage", "DeleteMessage"])
def test_an_effect_without_a_reply(operation: str) -> None:
    with asking(plan(FaultRule(FaultKind.EFFECT_WITHOUT_REPLY, operation, calls=(1,)))) as sqs:
        url = sqs.create(VisibilityTimeout=5)
        if operation == "SendMessage":
            with pytest.raises(ConnectionClosedError):
                sqs.send(url, "a")
            assert sqs.bodies(url) == ["a"]
        elif operation == "ReceiveMessage":
            sqs.send(url, "a")
            with pytest.raises(ConnectionClosedError):
                sqs.receive(url)
            assert sqs.bodies(url) == [], "it is leased to nobody"
            sqs.advance(5.1)
            assert sqs.bodies(url) == ["a"]
        else:
            sqs.send(url, "a")
            message = sqs.receive_one(url)
            with pytest.raises(ConnectionClosedError):
                sqs.delete(url, message)
            sqs.advance(5.1)
            assert sqs.bodies(url) == []
        assert counters(sqs, FaultKind.EFFECT_WITHOUT_REPLY) == (1, 1)


def test_a_reply_without_an_effect() -> None:
    rules = FaultRule(FaultKind.REPLY_WITHOUT_EFFECT, "*", every=1)
    with asking(plan(rules)) as sqs:
        url = sqs.create(VisibilityTimeout=5)
        sqs.send(url, "a", "b")
        handles = [message["ReceiptHandle"] for message in sqs.receive(url)]
        sqs.boto.delete_message(QueueUrl=url, ReceiptHandle=handles[0])
        sqs.boto.change_message_visibility(QueueUrl=url, ReceiptHandle=handles[0], VisibilityTimeout=60)
        told = sqs.boto.delete_message_batch(
            QueueUrl=url,
            Entries=[{"Id": str(at), "ReceiptHandle": handle} for at, handle in enumerate(handles)],
        )
        assert [entry["Id"] for entry in told["Successful"]] == ["0", "1"]
        sqs.advance(5.1)
        assert sorted(sqs.bodies(url)) == ["a", "b"], "what was accepted is never lost"
        assert sqs.server.injector.effective[FaultKind.REPLY_WITHOUT_EFFECT] == 3


def test_a_duplicate_can_be_settled_by_either_receiver() -> None:
    with asking(plan(FaultRule(FaultKind.DUPLICATE, "ReceiveMessage", calls=(1,)))) as sqs:
        url = sqs.create(VisibilityTimeout=5)
        sqs.send(url, "a")
        first, second = sqs.receive_one(url), sqs.receive_one(url)
        assert first["MessageId"] == second["MessageId"]
        sqs.delete(url, first)
        sqs.advance(5.1)
        assert sqs.bodies(url) == []
        sqs.delete(url, second)
        assert counters(sqs, FaultKind.DUPLICATE) == (1, 1)


def test_messages_are_reordered_and_none_is_lost() -> None:
    with asking(plan(FaultRule(FaultKind.REORDER, "ReceiveMessage", every=1))) as sqs:
        url = sqs.create()
        names = [f"{number:02}" for number in range(30)]
        sqs.send(url, *names)
        got = [sqs.bodies(url, 1)[0] for _ in names]
        assert got != names
        assert sorted(got) == names
        assert counters(sqs, FaultKind.REORDER) == (30, 29), "the last has nobody to change places with"


def test_a_receive_may_be_short() -> None:
    with asking(plan(FaultRule(FaultKind.SHORT_RECEIVE, "ReceiveMessage", every=1))) as sqs:
        url = sqs.create()
        sqs.send(url, *"abcdefghij")
        sizes = []
        while batch := sqs.bodies(url):
            sizes.append(len(batch))
        assert sum(sizes) == 10
        assert sizes[0] < 10
        assert refused(sqs.boto.receive_message, QueueUrl=url, MaxNumberOfMessages=11)[0] == (
            "InvalidParameterValue"
        )


def test_a_call_may_take_longer_and_delays_add_up() -> None:
    delays = [FaultRule(FaultKind.DELAY, "SendMessage", every=1, delay_s=seconds) for seconds in (2.0, 3.0)]
    with asking(plan(*delays)) as sqs:
        url = sqs.create()
        send = sqs.begin(sqs.send, url, "a")
        while sqs.server.run(sqs.sleepers()) == 0:
            assert not send.done()
        sqs.advance(4.9)
        assert not send.done()
        assert sqs.bodies(url) == []
        sqs.advance(0.1)
        send.result(30)
        assert sqs.bodies(url) == ["a"]
        assert counters(sqs, FaultKind.DELAY) == (2, 2)


def test_what_strikes_an_empty_queue_makes_no_difference() -> None:
    kinds = (FaultKind.EMPTY_RECEIVE, FaultKind.REORDER, FaultKind.SHORT_RECEIVE, FaultKind.DUPLICATE)
    with asking(plan(*(FaultRule(kind, "ReceiveMessage", every=1) for kind in kinds))) as sqs:
        url = sqs.create()
        assert sqs.bodies(url) == []
        assert [counters(sqs, kind) for kind in kinds] == [(1, 0)] * 4


def test_the_same_seed_and_the_same_calls_give_the_same_world() -> None:
    rules = (
        FaultRule(FaultKind.REORDER, "ReceiveMessage", probability=0.5),
        FaultRule(FaultKind.SHORT_RECEIVE, "ReceiveMessage", probability=0.5),
        FaultRule(FaultKind.DUPLICATE, "ReceiveMessage", probability=0.3),
    )
    seen = []
    for _ in range(2):
        with asking(FaultPlan(seed=4, rules=rules)) as sqs:
            url = sqs.create()
            sqs.send(url, *map(str, range(40)))
            received = [
                (message["MessageId"], message["ReceiptHandle"])
                for _ in range(15)
                for message in sqs.receive(url)
            ]
            seen.append((received, sqs.server.injector.log))
    assert seen[0] == seen[1]
    assert len({one.kind for one in seen[0][1]}) == 3
