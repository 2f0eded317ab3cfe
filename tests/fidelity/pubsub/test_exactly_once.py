"""Facts about exactly-once delivery, each with its source.

[ONCE] Pub/Sub documentation, "Exactly-once delivery"
[PROTO] google/pubsub/v1/pubsub.proto: the comment of the message that is named
[CLIENT] google-cloud-pubsub 2.44.0, `streaming_pull_manager`: how answers to acks are read
[GRPC] gRPC core, `grpc.max_metadata_size`: 8 KiB by itself, and at 16 KiB nothing passes
[JAVA] googleapis/java-pubsub, pull request 1022: the reasons and their beginnings
"""

from __future__ import annotations

from collections.abc import Callable

import grpc
import pytest
from google.api_core.exceptions import GoogleAPICallError
from google.cloud.pubsub_v1.subscriber._protocol.streaming_pull_manager import (  # type: ignore[import-untyped]
    _get_ack_errors,
)
from google.pubsub_v1 import types
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]

from fakes.faults import FaultKind, FaultRule
from tests.fidelity.pubsub.world import SUBSCRIPTION, World, a_world, refused, streaming

LOST = "PERMANENT_FAILURE_INVALID_ACK_ID"
TRAILER_BYTES_MAX = 7_500
WORDS = "Some acknowledgement ids in the request were invalid."


def told(caught: pytest.ExceptionInfo[GoogleAPICallError]) -> dict[str, str]:
    """What the client reads of an error: why which ack ids were refused."""
    return dict(_get_ack_errors(caught.value) or {})


def trailer_of(caught: pytest.ExceptionInfo[GoogleAPICallError]) -> bytes:
    """The details of an error as they came."""
    trailers = caught.value.response.trailing_metadata()
    (trailer,) = [value for name, value in trailers if name == "grpc-status-details-bin"]
    return bytes(trailer)


async def leased(world: World, **fields: object) -> types.ReceivedMessage:
    await world.both(enable_exactly_once_delivery=True, **fields)
    await world.publish("a")
    return await world.one()


async def test_a_confirmed_ack_is_for_good(world: World) -> None:
    """[ONCE] An acknowledged message is not sent again."""
    await world.ack(await leased(world))
    world.clock.advance(700.0)
    assert await world.pull() == []


async def test_nothing_comes_again_before_its_deadline(world: World) -> None:
    """[PROTO] Subscription.enable_exactly_once_delivery: not resent before the ack deadline expires."""
    received = await leased(world)
    await world.extend(600, received)
    world.clock.advance(599.9)
    assert await world.pull() == []


async def test_an_expired_ack_id_is_refused_for_good(world: World) -> None:
    """[ONCE] Acks and extensions with an expired ack id fail with INVALID_ARGUMENT."""
    received = await leased(world)
    world.clock.advance(10.0)
    for use in (world.ack(received), world.extend(60, received), world.nack(received)):
        with refused("INVALID_ARGUMENT", WORDS) as caught:
            await use
        assert told(caught) == {received.ack_id: LOST}


async def test_only_the_newest_ack_id_counts(world: World) -> None:
    """[ONCE] Only the ack id of the latest delivery can be used."""
    first = await leased(world)
    await world.nack(first)
    second = await world.one()
    with refused("INVALID_ARGUMENT", WORDS) as caught:
        await world.ack(first)
    assert told(caught) == {first.ack_id: LOST}
    await world.ack(second)


async def test_the_trailer_is_a_status_with_an_error_info_first(world: World) -> None:
    """[CLIENT] `grpc-status-details-bin`: a Status of the same code and message, with the reasons first."""
    received = await leased(world)
    world.clock.advance(10.0)
    with refused("INVALID_ARGUMENT") as caught:
        await world.ack(received)
    status = status_pb2.Status.FromString(trailer_of(caught))
    assert (status.code, status.message) == (3, caught.value.response.details())
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert (info.reason, info.domain) == ("EXACTLY_ONCE_ACKID_FAILURE", "pubsub.googleapis.com")
    assert dict(info.metadata) == {received.ack_id: LOST}


async def test_the_others_of_a_request_are_settled(world: World) -> None:
    """[CLIENT] What an error does not name has been done."""
    received = await leased(world)
    with refused("INVALID_ARGUMENT") as caught:
        await world.ack("no ack id", received)
    assert told(caught) == {"no ack id": LOST}
    world.clock.advance(700.0)
    assert await world.pull() == []


async def test_f24_an_error_about_acks_always_says_what_became_of_each(world: World) -> None:
    """[CLIENT] An error without details is taken for success, so that none must come without."""
    await world.topic()
    uses: list[Callable[[], object]] = [lambda: world.ack("a", "b"), lambda: world.extend(10, "a", "b")]
    for use in uses:
        with refused("NOT_FOUND") as caught:
            await use()  # type: ignore[misc]
        assert told(caught) == dict.fromkeys("ab", "PERMANENT_FAILURE_OTHER")


async def test_a_transient_failure_can_be_tried_again() -> None:
    """[JAVA] A reason that begins with TRANSIENT_ is worth another try; nothing has been done."""
    trouble = FaultRule(FaultKind.UNAVAILABLE, "Acknowledge", calls=(1,))
    async with a_world(trouble) as world:
        received = await leased(world)
        with refused("INVALID_ARGUMENT", WORDS) as caught:
            await world.ack(received)
        assert told(caught) == {received.ack_id: "TRANSIENT_FAILURE_SERVICE_UNAVAILABLE"}
        await world.ack(received)
        world.clock.advance(700.0)
        assert await world.pull() == []


async def test_f24_more_refusals_than_an_answer_has_room_for_are_told_by_and_by(world: World) -> None:
    """[GRPC] There is room for 8 KiB; [CLIENT] what ABORTED does not name is asked again."""
    received = await leased(world)
    lost = [f"no ack id {number}" for number in range(700)]
    asked = [*lost[:350], received.ack_id, *lost[350:]]
    seen: dict[str, str] = {}
    while len(asked) > 1:
        with pytest.raises(GoogleAPICallError) as caught:
            await world.ack(*asked)
        reasons = told(caught)
        seen |= reasons
        asked = [one for one in asked if one not in reasons]
        last = asked == [received.ack_id]
        assert reasons
        assert caught.value.grpc_status_code is grpc.StatusCode["INVALID_ARGUMENT" if last else "ABORTED"]
        assert len(trailer_of(caught)) <= TRAILER_BYTES_MAX
    assert seen == dict.fromkeys(lost, LOST)
    world.clock.advance(700.0)
    assert await world.pull() == []


async def test_f24_an_outage_for_more_ack_ids_than_an_answer_has_room_for() -> None:
    """[CLIENT] UNAVAILABLE without details is asked again; nothing has been done."""
    trouble = FaultRule(FaultKind.UNAVAILABLE, "Acknowledge", calls=(1,))
    async with a_world(trouble) as world:
        received = await leased(world)
        with refused("UNAVAILABLE", WORDS) as caught:
            await world.ack(received, *(f"no ack id {number}" for number in range(700)))
        status = status_pb2.Status.FromString(trailer_of(caught))
        assert (status.code, status.message, len(status.details)) == (14, caught.value.message, 0)
        world.clock.advance(10.0)
        assert await world.data() == ["a"]


async def test_f24_acks_of_a_key_out_of_order_that_there_is_no_room_for(world: World) -> None:
    """[CLIENT] ABORTED without details is asked again, and not at once as UNAVAILABLE is."""
    await world.both(enable_exactly_once_delivery=True, enable_message_ordering=True)
    await world.publish(*map(str, range(301)), key="k")
    first, *later = await world.pull(301)
    with refused("ABORTED") as caught:
        await world.ack(*later)
    assert told(caught) == {}
    assert trailer_of(caught)
    await world.ack(first, *later)
    world.clock.advance(700.0)
    assert await world.pull() == []


async def test_f24_a_refusal_of_all_keeps_its_code_where_there_is_no_room(world: World) -> None:
    """[CLIENT] What an error does not name has failed as the error says, where its status can be read."""
    await world.topic()
    with refused("NOT_FOUND") as caught:
        await world.ack(*(f"no ack id {number}" for number in range(700)))
    assert set(told(caught).values()) == {"PERMANENT_FAILURE_OTHER"}
    assert status_pb2.Status.FromString(trailer_of(caught)).code == 5


async def test_f24_an_ack_id_that_no_answer_has_room_for_is_refused_for_good(world: World) -> None:
    """[CLIENT] Whoever were told to ask again would do so for ever."""
    await world.both(enable_exactly_once_delivery=True)
    with refused("INVALID_ARGUMENT") as caught:
        await world.ack("x" * 10_000)
    assert told(caught) == {}
    assert status_pb2.Status.FromString(trailer_of(caught)).code == 3


async def test_acking_twice_is_no_error_while_the_lease_would_last(world: World) -> None:
    """[PROTO] Subscriber.Acknowledge: more than once is no error; [ONCE] an expired ack id is one."""
    received = await leased(world)
    await world.ack(received)
    await world.ack(received)
    world.clock.advance(10.0)
    with refused("INVALID_ARGUMENT") as caught:
        await world.ack(received)
    assert told(caught) == {received.ack_id: LOST}


async def test_acks_of_a_key_come_in_order(world: World) -> None:
    """[PROTO] AcknowledgeConfirmation.unordered_ack_ids; [JAVA] TRANSIENT_FAILURE_UNORDERED_ACK_ID."""
    await world.both(enable_exactly_once_delivery=True, enable_message_ordering=True)
    await world.publish("a", "b", key="k")
    first, second = await world.pull()
    with refused("INVALID_ARGUMENT") as caught:
        await world.ack(second)
    assert told(caught) == {second.ack_id: "TRANSIENT_FAILURE_UNORDERED_ACK_ID"}
    await world.ack(second, first)
    world.clock.advance(700.0)
    assert await world.pull() == []


async def test_streams_say_whether_it_is_on(world: World) -> None:
    """[PROTO] StreamingPullResponse.subscription_properties, on every response."""
    await world.both(enable_exactly_once_delivery=True)
    await world.publish("a")
    async with streaming(world) as stream:
        for _ in range(2):
            assert (await stream.next()).subscription_properties.exactly_once_delivery_enabled


async def test_streams_confirm_acks_and_extensions(world: World) -> None:
    """[PROTO] StreamingPullResponse.acknowledge_confirmation, modify_ack_deadline_confirmation."""
    await world.both(enable_exactly_once_delivery=True)
    await world.publish("a", "b")
    async with streaming(world) as stream:
        one, two = await stream.messages(2)
        await stream.ask(
            ack_ids=[one.ack_id, "nonsense"],
            modify_deadline_ack_ids=[two.ack_id, "rubbish"],
            modify_deadline_seconds=[60, 60],
        )
        response = await stream.next()
        acked, extended = response.acknowledge_confirmation, response.modify_ack_deadline_confirmation
        assert (list(acked.ack_ids), list(acked.invalid_ack_ids)) == ([one.ack_id], ["nonsense"])
        assert (list(extended.ack_ids), list(extended.invalid_ack_ids)) == ([two.ack_id], ["rubbish"])
    assert (await world.subscriber.get_subscription(subscription=SUBSCRIPTION)).enable_exactly_once_delivery
