"""Facts about the real clients, which the stand-in has to live up to; in real time.

[CLIENT] google-cloud-pubsub 2.44.0: `subscriber` and `publisher`, the clients that are written by hand
[WIRING] the same package, the generated clients: the variable for emulators, and what is tried again
"""

from __future__ import annotations

import concurrent.futures
import queue
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from google.api_core.exceptions import FailedPrecondition, NotFound, ResourceExhausted
from google.cloud import pubsub_v1  # type: ignore[import-untyped]
from google.cloud.pubsub_v1.subscriber._protocol.requests import (  # type: ignore[import-untyped]
    AckRequest,
)
from google.cloud.pubsub_v1.subscriber.exceptions import (  # type: ignore[import-untyped]
    AcknowledgeError,
    AcknowledgeStatus,
)
from google.cloud.pubsub_v1.subscriber.futures import (  # type: ignore[import-untyped]
    Future,
)

from cloud_tasks.clock import SystemClock
from fakes.faults import FaultInjector, FaultKind, FaultPlan, FaultRule
from fakes.pubsub.threaded import ThreadedPubSubServer
from tests.fidelity.pubsub.world import SUBSCRIPTION, TOPIC
from tests.queues.pubsub.jumping_clock import JumpingClock

LIMIT_S = 60.0


class Watching(FaultInjector):
    """Counts calls, as well."""

    def __init__(self, *rules: FaultRule) -> None:
        super().__init__(FaultPlan(0, rules), SystemClock())
        self.calls: Counter[str] = Counter()

    def decide(self, operation: str) -> tuple[FaultRule, ...]:
        self.calls[operation] += 1
        return super().decide(operation)


class Clients:
    """The clients, both written by hand, of a service with a topic and a subscription."""

    def __init__(self, injector: Watching, clock: JumpingClock, **fields: Any) -> None:
        self.injector = injector
        self.clock = clock
        options = pubsub_v1.types.PublisherOptions(enable_message_ordering=True)
        self.publisher = pubsub_v1.PublisherClient(publisher_options=options)
        self.subscriber = pubsub_v1.SubscriberClient()
        self.publisher.create_topic(name=TOPIC)
        self.subscriber.create_subscription({"name": SUBSCRIPTION, "topic": TOPIC, **fields})

    def publish(self, *data: str, key: str = "") -> None:
        futures = [self.publisher.publish(TOPIC, one.encode(), ordering_key=key) for one in data]
        concurrent.futures.wait(futures, LIMIT_S)


@contextmanager
def clients(monkeypatch: pytest.MonkeyPatch, *rules: FaultRule, **fields: Any) -> Iterator[Clients]:
    injector, clock = Watching(*rules), JumpingClock()
    with ThreadedPubSubServer(clock, injector) as server:
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", server.address)
        one = Clients(injector, clock, **fields)
        yield one
        one.publisher.stop()
        one.publisher.transport.close()
        one.subscriber.close()


@contextmanager
def subscribed(one: Clients, **flow: Any) -> Iterator[tuple[Any, queue.Queue[Any]]]:
    """The subscriber at work, and what it calls its user with."""
    got: queue.Queue[Any] = queue.Queue()
    control = pubsub_v1.types.FlowControl(**flow)
    future = one.subscriber.subscribe(SUBSCRIPTION, got.put, flow_control=control)
    yield future, got
    future.cancel()
    future.result(LIMIT_S) if not future.done() else None


def test_messages_go_through_and_acks_are_confirmed(monkeypatch: pytest.MonkeyPatch) -> None:
    """[CLIENT] Publishing in batches, subscribing, `ack_with_response`."""
    names = [str(number) for number in range(500)]
    with clients(monkeypatch, enable_exactly_once_delivery=True) as one, subscribed(one) as (_, got):
        one.publish(*names)
        messages = [got.get(timeout=LIMIT_S) for _ in names]
        assert sorted(message.data.decode() for message in messages) == sorted(names)
        for confirmed in [message.ack_with_response() for message in messages]:
            confirmed.result(LIMIT_S)
        assert one.injector.calls["Publish"] < len(names)


def test_a_batch_is_followed_by_a_receipt_and_settled_by_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """[CLIENT] Each batch is at once extended; acks are calls of their own, not requests of the stream."""
    with clients(monkeypatch) as one, subscribed(one) as (_, got):
        one.publish("a")
        got.get(timeout=LIMIT_S).ack()
        wait_for(lambda: one.injector.calls["ModifyAckDeadline"] and one.injector.calls["Acknowledge"])


def test_the_receipt_lets_a_lease_last_ten_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """[CLIENT] The receipt asks for 10 s, so that what is not extended again comes again then."""
    with clients(monkeypatch, ack_deadline_seconds=600) as one, subscribed(one) as (_, got):
        one.publish("a")
        first = got.get(timeout=LIMIT_S)
        wait_for(lambda: one.injector.calls["ModifyAckDeadline"])
        one.clock.jump(10.5)
        again = got.get(timeout=20.0)  # the stream itself asked for 60 s
        assert again.message_id == first.message_id


def test_with_exactly_once_the_receipt_lets_it_last_sixty(monkeypatch: pytest.MonkeyPatch) -> None:
    """[CLIENT] The receipt asks for 60 s there, and its user is called when it is confirmed."""
    fields = {"ack_deadline_seconds": 10, "enable_exactly_once_delivery": True}
    with clients(monkeypatch, **fields) as one, subscribed(one) as (_, got):
        one.publish("a", "b")
        in_time, late = got.get(timeout=LIMIT_S), got.get(timeout=LIMIT_S)
        one.clock.jump(45.0)
        in_time.ack_with_response().result(LIMIT_S)
        one.clock.jump(16.0)
        with pytest.raises(AcknowledgeError):
            late.ack_with_response().result(LIMIT_S)


def test_f24_a_lost_ack_id_is_told_to_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """[CLIENT] A permanent reason ends the future of that ack with an error."""
    with clients(monkeypatch, enable_exactly_once_delivery=True) as one, subscribed(one) as (_, got):
        one.publish("a")
        message = got.get(timeout=LIMIT_S)
        one.subscriber.modify_ack_deadline(
            subscription=SUBSCRIPTION, ack_ids=[message.ack_id], ack_deadline_seconds=0
        )
        with pytest.raises(AcknowledgeError):
            message.ack_with_response().result(LIMIT_S)
        got.get(timeout=LIMIT_S).ack_with_response().result(LIMIT_S)


def test_f24_a_transient_reason_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """[CLIENT] Reasons that begin with TRANSIENT_ are tried again, from about a second."""
    trouble = FaultRule(FaultKind.UNAVAILABLE, "Acknowledge", calls=(1,))
    with clients(monkeypatch, trouble, enable_exactly_once_delivery=True) as one:
        with subscribed(one) as (_, got):
            one.publish("a")
            got.get(timeout=LIMIT_S).ack_with_response().result(LIMIT_S)
        assert one.injector.calls["Acknowledge"] == 2


def test_f24_more_lost_ack_ids_than_an_answer_has_room_for_are_all_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """[CLIENT] What an answer of ABORTED does not name is asked again, from about a second."""
    with clients(monkeypatch, enable_exactly_once_delivery=True) as one, subscribed(one) as (_, got):
        one.publish("a")
        message = got.get(timeout=LIMIT_S)
        futures = [Future() for _ in range(100)]  # as many as the subscriber sends at once
        for number, future in enumerate(futures):
            message._request_queue.put(AckRequest(f"{number:080}", 0, 0.0, None, future))
        for future in futures:
            with pytest.raises(AcknowledgeError) as caught:
                future.result(LIMIT_S)
            assert caught.value.error_code is AcknowledgeStatus.INVALID_ACK_ID
        message.ack_with_response().result(LIMIT_S)


def test_f24_an_outage_at_the_receipt_of_many_messages_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    """[CLIENT] The whole receipt is asked again; its user is called when it is confirmed."""
    trouble = FaultRule(FaultKind.UNAVAILABLE, "ModifyAckDeadline", calls=(1,))
    names = {str(number) for number in range(300)}
    with clients(monkeypatch, trouble, enable_exactly_once_delivery=True) as one:
        one.publish(*names)
        with subscribed(one) as (future, got):
            messages = [got.get(timeout=LIMIT_S) for _ in names]
            assert {message.data.decode() for message in messages} == names
            for confirmed in [message.ack_with_response() for message in messages]:
                confirmed.result(LIMIT_S)
            assert not future.done()


def test_f24_an_ack_to_a_subscription_that_is_gone_is_no_success(monkeypatch: pytest.MonkeyPatch) -> None:
    """[CLIENT] An error without details would be taken for success."""
    with clients(monkeypatch, enable_exactly_once_delivery=True) as one:
        with subscribed(one) as (future, got):
            one.publish("a")
            message = got.get(timeout=LIMIT_S)
            one.subscriber.delete_subscription(subscription=SUBSCRIPTION)
            with pytest.raises(NotFound):
                future.result(LIMIT_S)
        request = {"subscription": SUBSCRIPTION, "ack_ids": [message.ack_id]}
        with pytest.raises(NotFound) as caught:
            one.subscriber.acknowledge(request)
        assert caught.value.details


def test_a_stream_ends_for_good_when_it_cannot_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """[CLIENT] NOT_FOUND (above) and FAILED_PRECONDITION end it: no other stream is opened."""
    with clients(monkeypatch) as one, subscribed(one) as (future, got):
        one.publish("a")
        got.get(timeout=LIMIT_S)
        one.publisher.detach_subscription({"subscription": SUBSCRIPTION})
        with pytest.raises(FailedPrecondition):
            future.result(LIMIT_S)


@pytest.mark.parametrize("kind", [FaultKind.UNAVAILABLE, FaultKind.THROTTLE, FaultKind.EFFECT_WITHOUT_REPLY])
def test_a_stream_that_breaks_is_opened_again(monkeypatch: pytest.MonkeyPatch, kind: FaultKind) -> None:
    """[CLIENT] UNAVAILABLE and RESOURCE_EXHAUSTED make it open another."""
    rule = FaultRule(kind, "StreamingPull", calls=(1,))
    with clients(monkeypatch, rule) as one, subscribed(one) as (future, got):
        one.publish("a")
        wait_for(lambda: one.injector.effective[kind] == 1)
        one.publish("b")
        while got.get(timeout=LIMIT_S).data != b"b":
            pass
        assert not future.done()


def test_a_key_comes_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """[CLIENT] The publisher keeps the order of a key, and the subscriber calls its user in that order."""
    names = [str(number) for number in range(50)]
    with clients(monkeypatch, enable_message_ordering=True) as one:
        seen: list[str] = []
        done = threading.Event()

        def take(message: Any) -> None:
            seen.append(message.data.decode())
            message.ack()
            if len(seen) == len(names):
                done.set()

        one.publish(*names, key="k")
        future = one.subscriber.subscribe(SUBSCRIPTION, take)
        assert done.wait(LIMIT_S)
        future.cancel()
        future.result(LIMIT_S)
        assert seen == names


def test_flow_control_is_kept_by_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    """[CLIENT] The limits go into the first request of the stream; what is acked makes room."""
    names = [str(number) for number in range(30)]
    with clients(monkeypatch) as one, subscribed(one, max_messages=5) as (_, got):
        one.publish(*names)
        seen = set()
        for _ in names:
            message = got.get(timeout=LIMIT_S)
            assert got.qsize() <= 5
            seen.add(message.data.decode())
            message.ack()
        assert seen == set(names)


def test_what_the_generated_client_tries_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """[WIRING] Acknowledge and ModifyAckDeadline on UNAVAILABLE alone; Pull on UNAVAILABLE among others."""
    away = [
        FaultRule(FaultKind.UNAVAILABLE, name, calls=(1,))
        for name in ("Pull", "Acknowledge", "ModifyAckDeadline")
    ]
    throttled = [
        FaultRule(FaultKind.THROTTLE, name, calls=(3,)) for name in ("Acknowledge", "ModifyAckDeadline")
    ]
    with clients(monkeypatch, *away, *throttled) as one:
        one.publish("a")
        answer = one.subscriber.pull(subscription=SUBSCRIPTION, max_messages=1)
        (ack_id,) = [each.ack_id for each in answer.received_messages]
        request = {"subscription": SUBSCRIPTION, "ack_ids": [ack_id]}
        one.subscriber.modify_ack_deadline({**request, "ack_deadline_seconds": 60})
        one.subscriber.acknowledge(request)
        assert [one.injector.calls[name] for name in ("Pull", "ModifyAckDeadline", "Acknowledge")] == [
            2,
            2,
            2,
        ]
        with pytest.raises(ResourceExhausted):
            one.subscriber.modify_ack_deadline({**request, "ack_deadline_seconds": 60})
        with pytest.raises(ResourceExhausted):
            one.subscriber.acknowledge(request)


def wait_for(condition: Any) -> None:
    """Wait for something that happens in other threads."""
    clock, woken = SystemClock(), threading.Event()
    until = clock.monotonic() + LIMIT_S
    while not condition():
        assert clock.monotonic() < until
        woken.wait(0.005)
