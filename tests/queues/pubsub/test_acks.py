"""What became of each ack id: the answers of an exactly-once subscription, and those that say nothing."""

from __future__ import annotations

from typing import Any

import pytest

from cloud_tasks.errors import LeaseLostError, QueueUnavailableError
from cloud_tasks.queues.pubsub.ack_requests import AckRequests
from tests.queues.pubsub.scripted import details, fails, fine, scripted

LOST = "PERMANENT_FAILURE_INVALID_ACK_ID"
TRANSIENT = "TRANSIENT_FAILURE_INVALID_ACK_ID"
NO_ERROR_INFO = b"\x08\x03\x12\x05hello"
"""A `google.rpc.Status` without details."""


def kinds(refused: Any) -> dict[str, type]:
    return {ack_id: type(error) for ack_id, error in refused.items()}


class TestAnswers:
    async def test_success_refuses_nothing(self) -> None:
        async with scripted() as (server, calls):
            server.script("Acknowledge", fine)
            assert await AckRequests(calls, "s").acknowledge(["a", "b"]) == {}
            assert [list(one.ack_ids) for one in server.seen["Acknowledge"]] == [["a", "b"]]

    async def test_f24_each_ack_id_has_its_own_answer(self) -> None:
        async with scripted() as (server, calls):
            trailer = details({"a": LOST, "c": TRANSIENT})
            server.script("Acknowledge", fails("INVALID_ARGUMENT", "some", trailer), fine)
            refused = await AckRequests(calls, "s").acknowledge(["a", "b", "c", "d"])
            assert kinds(refused) == {"a": LeaseLostError, "c": QueueUnavailableError}
            # Nothing was said of these two, so they were asked for again.
            assert list(server.seen["Acknowledge"][1].ack_ids) == ["b", "d"]

    async def test_f24_what_stays_unnamed_is_no_success(self) -> None:
        async with scripted() as (server, calls):
            server.script("Acknowledge", fails("INVALID_ARGUMENT", "some", details({"a": LOST})))
            refused = await AckRequests(calls, "s").acknowledge(["a", "b"])
            assert kinds(refused) == {"a": LeaseLostError, "b": QueueUnavailableError}
            assert len(server.seen["Acknowledge"]) == 2

    async def test_f24_the_reasons_of_a_whole_request_are_read(self) -> None:
        """A thousand ack ids as long as Google's: far more than gRPC takes by itself."""
        async with scripted() as (server, calls):
            ack_ids = [f"{number:0200}" for number in range(1_000)]
            trailer = details(dict.fromkeys(ack_ids, LOST))
            server.script("Acknowledge", fails("INVALID_ARGUMENT", "some", trailer))
            refused = await AckRequests(calls, "s").acknowledge(ack_ids)
            assert kinds(refused) == dict.fromkeys(ack_ids, LeaseLostError)
            assert len(server.seen["Acknowledge"]) == 1

    @pytest.mark.parametrize(
        "trailer", [None, b"\xff\xff no protobuf", NO_ERROR_INFO, details({}), details({"other": LOST})]
    )
    async def test_f24_an_error_that_names_nothing_is_no_success(self, trailer: bytes | None) -> None:
        async with scripted() as (server, calls):
            server.script("ModifyAckDeadline", fails("INVALID_ARGUMENT", "no", trailer))
            refused = await AckRequests(calls, "s").set_deadline(["a", "b"], 60)
            assert set(refused) == {"a", "b"}
            for error in refused.values():
                assert isinstance(error, QueueUnavailableError)

    @pytest.mark.parametrize(
        "code",
        [
            "UNAVAILABLE",
            "DEADLINE_EXCEEDED",
            "RESOURCE_EXHAUSTED",
            "ABORTED",
            "INTERNAL",
            "UNKNOWN",
            "CANCELLED",
        ],
    )
    async def test_a_failure_of_the_service_can_be_tried_again(self, code: str) -> None:
        async with scripted() as (server, calls):
            server.script("Acknowledge", fails(code, "not now"))
            refused = await AckRequests(calls, "s").acknowledge(["a"])
            assert isinstance(refused["a"], QueueUnavailableError)
            assert code in str(refused["a"])

    async def test_f44_a_throttled_call_is_made_once(self) -> None:
        async with scripted() as (server, calls):
            server.script("Acknowledge", fails("RESOURCE_EXHAUSTED", "slow down"))
            await AckRequests(calls, "s").acknowledge(["a"])
            assert len(server.seen["Acknowledge"]) == 1
