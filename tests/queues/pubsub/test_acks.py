"""What became of each ack id: the answers of an exactly-once subscription, and those that say nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cloud_tasks.errors import LeaseLostError, QueueError, QueueUnavailableError
from cloud_tasks.queues.pubsub.ack_requests import AckRequests
from cloud_tasks.queues.pubsub.gathering import UNDER_WAY_MAX, Gatherer
from tests.queues.pubsub.scripted import details, fails, fine, scripted, until

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


class Requests:
    """Requests that are answered when the test says so."""

    def __init__(self) -> None:
        self.made: list[list[str]] = []
        self.refused: dict[str, QueueError] = {}
        self.fault: Exception | None = None
        self.may_end = asyncio.Event()

    async def __call__(self, ack_ids: Any) -> dict[str, QueueError]:
        self.made.append(list(ack_ids))
        await self.may_end.wait()
        if self.fault is not None:
            raise self.fault
        return self.refused


class TestGatherer:
    async def test_what_comes_in_one_turn_is_one_request(self) -> None:
        requests = Requests()
        requests.may_end.set()
        gatherer = Gatherer(requests, 1000)
        await asyncio.gather(*(gatherer.submit(ack_id) for ack_id in "abc"))
        assert requests.made == [["a", "b", "c"]]

    async def test_a_request_is_no_larger_than_allowed(self) -> None:
        requests = Requests()
        requests.may_end.set()
        gatherer = Gatherer(requests, 2)
        await asyncio.gather(*(gatherer.submit(ack_id) for ack_id in "abcde"))
        assert requests.made == [["a", "b"], ["c", "d"], ["e"]]

    async def test_each_waits_for_its_own_answer(self) -> None:
        requests = Requests()
        requests.may_end.set()
        requests.refused = {"b": LeaseLostError("gone")}
        gatherer = Gatherer(requests, 1000)
        ends = await asyncio.gather(*(gatherer.submit(ack_id) for ack_id in "abc"), return_exceptions=True)
        assert [type(end) for end in ends] == [type(None), LeaseLostError, type(None)]

    async def test_a_request_that_hangs_holds_up_nobody(self) -> None:
        requests = Requests()
        gatherer = Gatherer(requests, 1000)
        gatherer.submit("a")
        await until(lambda: requests.made)
        gatherer.submit("b")
        await until(lambda: len(requests.made) == 2)
        assert requests.made == [["a"], ["b"]]
        requests.may_end.set()
        await gatherer.aclose()

    async def test_requests_under_way_are_bounded(self) -> None:
        requests = Requests()
        gatherer = Gatherer(requests, 1)
        answers = [gatherer.submit(str(number)) for number in range(3 * UNDER_WAY_MAX)]
        await until(lambda: len(requests.made) == UNDER_WAY_MAX)
        await asyncio.sleep(0.1)
        assert len(requests.made) == UNDER_WAY_MAX
        requests.may_end.set()
        await asyncio.wait(answers)
        assert len(requests.made) == 3 * UNDER_WAY_MAX

    async def test_a_fault_is_told_to_all_who_wait(self) -> None:
        requests = Requests()
        requests.may_end.set()
        requests.fault = RuntimeError("a fault")
        gatherer = Gatherer(requests, 1000)
        ends = await asyncio.gather(gatherer.submit("a"), gatherer.submit("b"), return_exceptions=True)
        assert [type(end) for end in ends] == [RuntimeError, RuntimeError]

    async def test_closing_sends_what_waits(self) -> None:
        requests = Requests()
        requests.may_end.set()
        gatherer = Gatherer(requests, 1000)
        answer = gatherer.submit("a")
        await gatherer.aclose()
        assert answer.done()

    async def test_who_gives_up_waiting_disturbs_nobody(self) -> None:
        requests = Requests()
        gatherer = Gatherer(requests, 1000)
        impatient, patient = (gatherer.submit(ack_id) for ack_id in "ab")
        await until(lambda: requests.made)
        impatient.cancel()
        requests.may_end.set()
        await patient
        assert impatient.cancelled()
