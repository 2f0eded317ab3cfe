"""Small requests gathered into batches."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from cloud_tasks.errors import LeaseLostError, QueueError
from cloud_tasks.queues.gathering import UNDER_WAY_MAX, Gatherer
from tests.runners.driving import until


class Requests:
    """Requests that are answered when the test says so."""

    def __init__(self) -> None:
        self.made: list[list[str]] = []
        self.refused: dict[str, QueueError] = {}
        self.fault: Exception | None = None
        self.may_end = asyncio.Event()

    async def __call__(self, items: Sequence[str]) -> list[QueueError | None]:
        self.made.append(list(items))
        await self.may_end.wait()
        if self.fault is not None:
            raise self.fault
        return [self.refused.get(item) for item in items]


class TestGatherer:
    async def test_what_comes_in_a_short_while_is_one_request(self) -> None:
        requests = Requests()
        requests.may_end.set()
        gatherer = Gatherer(requests, 1000)
        answers = [gatherer.submit("a")]
        await asyncio.sleep(0)
        await asyncio.gather(*answers, gatherer.submit("b"), gatherer.submit("c"))
        assert requests.made == [["a", "b", "c"]]

    async def test_what_is_full_goes_out_at_once(self) -> None:
        requests = Requests()
        gatherer = Gatherer(requests, 2)
        for item in "abc":
            gatherer.submit(item)
        await asyncio.sleep(0)  # the turn in which the request is made; no time goes by
        assert requests.made == [["a", "b"]]
        requests.may_end.set()
        await gatherer.aclose()
        assert requests.made == [["a", "b"], ["c"]]

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
        await until(lambda: bool(requests.made))
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
        await until(lambda: bool(requests.made))
        impatient.cancel()
        requests.may_end.set()
        await patient
        assert impatient.cancelled()

    async def test_without_a_moment_to_gather_it_goes_out_when_others_have_had_their_turn(self) -> None:
        requests = Requests()
        gatherer = Gatherer(requests, 1000, gather_s=0.0)
        for item in "ab":
            asyncio.get_running_loop().call_soon(gatherer.submit, item)
        gatherer.submit("c")
        await until(lambda: bool(requests.made))
        assert requests.made == [["c", "a", "b"]]
        requests.may_end.set()
        await gatherer.aclose()

    async def test_who_gives_up_closing_leaves_no_request_behind(self) -> None:
        requests = Requests()
        gatherer = Gatherer(requests, 1, gather_s=0.0)
        for item in "ab":
            gatherer.submit(item)
        closing = asyncio.ensure_future(gatherer.aclose())
        await until(lambda: len(requests.made) == 2)
        before = asyncio.all_tasks()
        closing.cancel()
        await asyncio.wait(before - {asyncio.current_task()}, timeout=1.0)
        assert closing.cancelled()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    async def test_what_comes_while_requests_are_under_way_gathers(self) -> None:
        requests = Requests()
        gatherer = Gatherer(requests, 1000, gather_s=0.0, under_way_max=1)
        answers = [gatherer.submit("a")]
        await until(lambda: len(requests.made) == 1)
        for item in "bcd":
            answers.append(gatherer.submit(item))
            await asyncio.sleep(0.001)
        assert requests.made == [["a"]]
        requests.may_end.set()
        await asyncio.gather(*answers)
        assert requests.made == [["a"], ["b", "c", "d"]]
