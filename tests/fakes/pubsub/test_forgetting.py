"""What the model forgets although nobody takes anything: it may run for days."""

from __future__ import annotations

import gc
import weakref

import pytest
from google.protobuf.duration_pb2 import Duration

from fakes.pubsub.creating import create_subscription
from fakes.pubsub.settings import DAY_S
from tests.fakes.pubsub.asking import DEAD, DEAD_SUBSCRIPTION, POLICY, SUBSCRIPTION, TOPIC, Model

RETENTION_S = 600.0
RETENTION = {"message_retention_duration": Duration(seconds=600)}


def kept(model: Model, name: str = SUBSCRIPTION) -> int:
    return len(model.service.directory.subscriptions[name].backlog.kept())


@pytest.mark.parametrize("key", ["", "k"])
@pytest.mark.parametrize("fields", [{}, {"retain_acked_messages": True}, {"enable_message_ordering": True}])
def test_what_is_too_old_goes_although_nobody_pulls(fields: dict[str, bool], key: str) -> None:
    model = Model(**RETENTION, **fields)
    for number in range(100):
        model.publish(str(number), key=key)
        model.clock.advance(60.0)
    assert kept(model) == 10
    assert [one.data for one in model.take()] == [str(number) for number in range(91, 100)]


def test_what_is_leased_goes_as_well() -> None:
    model = Model(**RETENTION, ack_deadline_seconds=600)
    model.publish("a")
    model.clock.advance(300.0)
    (got,) = model.take()
    model.clock.advance(300.0)
    model.publish("b")
    assert kept(model) == 1
    assert model.ack(got.ack_id) == {}
    assert [one.data for one in model.take()] == ["b"]


def test_dead_letters_that_nobody_pulls_go_too() -> None:
    model = Model(dead_letter_policy=POLICY)
    for _ in range(3):
        model.publish("a")
        for _ in range(5):
            (got,) = model.take()
            model.nack(got.ack_id)
        model.clock.advance(4 * DAY_S)
    assert kept(model, DEAD_SUBSCRIPTION) == 2


@pytest.mark.parametrize("fields", [{}, {"retain_acked_messages": True}, {"enable_message_ordering": True}])
@pytest.mark.parametrize("key", ["", "k"])
def test_a_message_that_is_buried_where_it_came_from_when_it_is_too_old(
    fields: dict[str, bool], key: str
) -> None:
    model = Model(**RETENTION, dead_letter_policy={**POLICY, "dead_letter_topic": TOPIC}, **fields)
    (old,) = model.publish("a", key=key)
    model.clock.advance(RETENTION_S - 5.0)
    for _ in range(4):
        (got,) = model.take()
        model.nack(got.ack_id)
    model.take()
    model.clock.advance(10.0)
    model.service.catch_up()
    assert kept(model) == 1
    (new,) = model.take()
    assert (new.data, new.number != old, new.attempt) == ("a", True, 1)


@pytest.mark.parametrize("expires", [False, True])
def test_a_subscription_that_is_gone_takes_no_room(*, expires: bool) -> None:
    model = Model()
    name = "projects/p/subscriptions/another"
    create_subscription(model.service, name, DEAD)
    gone = weakref.ref(model.service.directory.subscriptions[name])
    if expires:
        model.clock.advance(31 * DAY_S)
        model.service.directory.drop_unused()
    else:
        model.service.directory.delete_subscription(name)
    gc.collect()
    assert gone() is None
