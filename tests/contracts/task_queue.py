"""The contract of `TaskQueue`: what every backend keeps, real ones and fakes alike. See README.md."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio
from msgspec import structs

from cloud_tasks.core.task import AttemptNote, HandBack, Lease, MalformedTask, Outcome, OutcomeKind, Task
from cloud_tasks.errors import EndOfTasks, LeaseLostError
from cloud_tasks.interfaces import BatchingQueue, TaskQueue
from tests.contracts.harness import QueueHarness

DONE = Outcome(OutcomeKind.COMPLETED)
BAD = b"\x00 no task, {not even} JSON \xff"
BAD_TEXT = "no task, {not even} JSON ü".encode()

Settle = Callable[[TaskQueue, Lease], Awaitable[object]]

SETTLEMENTS: dict[str, Settle] = {
    "ack": lambda queue, lease: queue.ack(lease, DONE),
    "nack": lambda queue, lease: queue.nack(lease, 0.0, HandBack.RETRY),
    "dead_letter": lambda queue, lease: queue.dead_letter(lease, "out of date"),
}
USES: dict[str, Settle] = SETTLEMENTS | {"extend": lambda queue, lease: queue.extend(lease, 5.0)}

each_settlement = pytest.mark.parametrize("settle", SETTLEMENTS.values(), ids=SETTLEMENTS.keys())
each_use = pytest.mark.parametrize("use", USES.values(), ids=USES.keys())


def tasks_named(*task_ids: str) -> list[Task]:
    return [Task(task_id, {"n": number}) for number, task_id in enumerate(task_ids)]


def ids_of(leases: list[Lease]) -> list[str]:
    return [lease.task.task_id for lease in leases]


class QueueContract:
    """What the suites have in common: an open queue, and words for the steps of a test."""

    @pytest_asyncio.fixture
    async def queue(self, harness: QueueHarness) -> AsyncIterator[TaskQueue]:
        queue = await harness.open()
        yield queue
        await harness.aclose()

    def needs(self, queue: TaskQueue, **values: object) -> None:
        """Skip unless the backend's capabilities have these values."""
        for name, value in values.items():
            if (there := getattr(queue.capabilities, name)) != value:
                pytest.skip(f"{name} is {there}")

    def needs_expiry(self, queue: TaskQueue) -> None:
        if queue.capabilities.lease_s_max is None:
            pytest.skip("leases never expire")

    async def get(self, harness: QueueHarness, queue: TaskQueue, count: int) -> list[Lease]:
        """Receive until `count` tasks are there; an empty answer or two is no failure on any backend."""
        leases: list[Lease] = []
        empty = 0
        while len(leases) < count and empty < 3:
            more = await harness.drive(queue.receive(count - len(leases), harness.patience_s))
            leases += more
            empty += not more
        assert len(leases) == count
        return leases

    async def get_one(self, harness: QueueHarness, queue: TaskQueue, task_id: str = "a") -> Lease:
        """Send one task and receive it."""
        await harness.send(*tasks_named(task_id))
        (lease,) = await self.get(harness, queue, 1)
        return lease

    async def assert_nothing(self, queue: TaskQueue) -> None:
        assert await queue.receive(10, 0.0) == []

    async def assert_refused(self, harness: QueueHarness, call: Awaitable[object]) -> None:
        """The call says that the lease is lost; a lenient backend may also do nothing."""
        try:
            await call
        except LeaseLostError:
            return
        assert not harness.strict_receipts


class TaskQueueContract(QueueContract):
    """Inherit from this in a class whose name begins with Test, and give the fixture `harness`."""

    # --- Receiving

    async def test_a_task_arrives_as_it_was_sent(self, harness: QueueHarness, queue: TaskQueue) -> None:
        task = Task("Ünï-1", {"text": "a\tb\u2028ü", "n": [1, -2.5, None, True, {"deep": []}], "": {}})
        await harness.send(task)
        (lease,) = await self.get(harness, queue, 1)
        assert lease.task == task

    async def test_receive_hands_out_no_more_than_asked_for(
        self, harness: QueueHarness, queue: TaskQueue
    ) -> None:
        await harness.send(*tasks_named("a", "b", "c", "d", "e"))
        first = await harness.drive(queue.receive(2, harness.patience_s))
        assert 1 <= len(first) <= 2
        rest = await self.get(harness, queue, 5 - len(first))
        assert sorted(ids_of(first + rest)) == ["a", "b", "c", "d", "e"]

    async def test_tasks_keep_their_order(self, harness: QueueHarness, queue: TaskQueue) -> None:
        if not harness.keeps_order:
            pytest.skip("keeps_order is False")
        names = [f"t{number:02}" for number in range(25)]
        await harness.send(*tasks_named(*names))
        assert ids_of(await self.get(harness, queue, 25)) == names

    async def test_a_batch_is_no_larger_than_the_backend_says(
        self, harness: QueueHarness, queue: TaskQueue
    ) -> None:
        size = queue.capabilities.batch_size_max
        await harness.send(*tasks_named(*(f"t{number}" for number in range(size + 5))))
        first = await harness.drive(queue.receive(size + 5, harness.patience_s))
        assert 1 <= len(first) <= size

    async def test_an_empty_receive_without_wait_returns_at_once(self, queue: TaskQueue) -> None:
        await self.assert_nothing(queue)

    async def test_an_empty_receive_returns_after_its_wait(
        self, harness: QueueHarness, queue: TaskQueue
    ) -> None:
        before = harness.clock.monotonic()
        assert await harness.drive(queue.receive(3, 0.25)) == []
        waited_s = harness.clock.monotonic() - before
        assert 0.2 <= waited_s <= (0.25 if harness.virtual else 10.0)

    async def test_a_long_poll_wakes_on_arrival(self, harness: QueueHarness, queue: TaskQueue) -> None:
        poll = asyncio.create_task(queue.receive(1, 15.0))
        await harness.advance(0.1)
        assert not poll.done()
        sent_at = harness.clock.monotonic()
        await harness.send(*tasks_named("a"))
        await harness.advance(0.0)
        assert ids_of(await poll) == ["a"]
        assert harness.clock.monotonic() - sent_at < 10.0

    async def test_concurrent_receivers_never_share_a_lease(
        self, harness: QueueHarness, queue: TaskQueue
    ) -> None:
        names = [f"t{number:02}" for number in range(40)]
        polls = [asyncio.create_task(queue.receive(5, 10.0)) for _ in range(8)]
        await harness.advance(0.0)
        await harness.send(*tasks_named(*names))
        leases = [lease for poll in polls for lease in await harness.drive(poll)]
        leases += await self.get(harness, queue, 40 - len(leases))
        assert len({lease.receipt for lease in leases}) == 40
        assert len({lease.key for lease in leases}) == 40
        assert sorted(ids_of(leases)) == names

    async def test_every_waiting_receiver_gets_its_share(
        self, harness: QueueHarness, queue: TaskQueue
    ) -> None:
        polls = [asyncio.create_task(queue.receive(1, 10.0)) for _ in range(3)]
        await harness.advance(0.0)
        await harness.send(*tasks_named("a", "b", "c"))
        leases = [lease for poll in polls for lease in await harness.drive(poll)]
        assert sorted(ids_of(leases)) == ["a", "b", "c"]

    async def test_cancelling_a_receiver_loses_no_task(self, harness: QueueHarness, queue: TaskQueue) -> None:
        poll = asyncio.create_task(queue.receive(5, 10.0))
        await harness.advance(0.0)
        poll.cancel()
        await asyncio.wait([poll])
        assert poll.cancelled()
        await harness.send(*tasks_named("a"))
        assert ids_of(await self.get(harness, queue, 1)) == ["a"]

    @pytest.mark.parametrize("passes", range(6))
    async def test_cancelling_around_an_arrival_loses_no_task(
        self, harness: QueueHarness, queue: TaskQueue, passes: int
    ) -> None:
        doomed = asyncio.create_task(queue.receive(1, 10.0))
        patient = asyncio.create_task(queue.receive(1, 10.0 + harness.lease_s))
        await harness.advance(0.0)
        await harness.send(*tasks_named("a"))
        for _ in range(passes):
            await asyncio.sleep(0)
        doomed.cancel()
        await asyncio.wait([doomed])
        cancelled_at = harness.clock.monotonic()
        if doomed.cancelled():
            assert ids_of(await harness.drive(patient)) == ["a"]
            if queue.capabilities.immediate:
                assert harness.clock.monotonic() - cancelled_at < 8.0
        else:
            assert ids_of(doomed.result()) == ["a"]
            patient.cancel()
            await asyncio.wait([patient])

    @pytest.mark.parametrize(("tasks_max", "wait_s"), [(0, 1.0), (-1, 1.0), (1, -0.1), (1, math.nan)])
    async def test_receive_refuses_what_makes_no_sense(
        self, queue: TaskQueue, tasks_max: int, wait_s: float
    ) -> None:
        with pytest.raises(ValueError, match=r"tasks_max|wait_s"):
            await queue.receive(tasks_max, wait_s)

    async def test_f14_f23_a_malformed_message_does_not_hold_up_its_batch(
        self, harness: QueueHarness, queue: TaskQueue
    ) -> None:
        await harness.send(*tasks_named("a"))
        body = BAD_TEXT if harness.text_only else BAD
        await harness.send_raw(body)
        await harness.send(*tasks_named("b"))
        leases = await self.get(harness, queue, 3)
        (bad,) = (lease for lease in leases if isinstance(lease.task, MalformedTask))
        assert isinstance(bad.task, MalformedTask)
        assert bad.task.raw == body
        assert bad.task.reason
        assert sorted(ids_of([lease for lease in leases if lease is not bad])) == ["a", "b"]
        for lease in leases:
            await queue.ack(lease, DONE)

    # --- The end of a finite source

    async def test_a_finite_source_says_when_it_has_ended(
        self, harness: QueueHarness, queue: TaskQueue
    ) -> None:
        self.needs(queue, finite=True)
        await harness.send(*tasks_named("a"))
        await harness.end()
        await self.get(harness, queue, 1)
        for _ in range(3):
            with pytest.raises(EndOfTasks):
                await harness.drive(queue.receive(1, 10.0))

    async def test_the_end_wakes_every_waiting_receiver(
        self, harness: QueueHarness, queue: TaskQueue
    ) -> None:
        self.needs(queue, finite=True)
        polls = [asyncio.create_task(queue.receive(1, 60.0)) for _ in range(3)]
        await harness.advance(0.0)
        await harness.end()
        ends = await asyncio.gather(*polls, return_exceptions=True)
        assert [type(end) for end in ends] == [EndOfTasks] * 3

    # --- Leases

    async def test_a_lease_tells_what_the_backend_says_it_tells(
        self, harness: QueueHarness, queue: TaskQueue
    ) -> None:
        lease = await self.get_one(harness, queue)
        assert lease.key
        assert lease.receipt
        assert (lease.duration_s is None) == (queue.capabilities.lease_s_max is None)
        assert lease.delivery_count == (1 if queue.capabilities.delivery_count else None)
        assert lease.interruptions == 0

    async def test_a_lease_hides_the_task_while_it_lasts(
        self, harness: QueueHarness, queue: TaskQueue
    ) -> None:
        lease = await self.get_one(harness, queue)
        await harness.advance(harness.lease_s * 0.5)
        await self.assert_nothing(queue)
        await queue.ack(lease, DONE)

    async def test_an_expired_lease_is_delivered_again_under_a_new_receipt(
        self, harness: QueueHarness, queue: TaskQueue
    ) -> None:
        self.needs_expiry(queue)
        first = await self.get_one(harness, queue)
        await harness.advance(harness.lease_s * 1.1)
        (second,) = await self.get(harness, queue, 1)
        assert (second.task, second.key) == (first.task, first.key)
        assert second.receipt != first.receipt
        if queue.capabilities.delivery_count:
            assert second.delivery_count == 2
            assert second.interruptions == 0

    async def test_a_long_poll_wakes_when_a_lease_expires(
        self, harness: QueueHarness, queue: TaskQueue
    ) -> None:
        self.needs_expiry(queue)
        await self.get_one(harness, queue)
        taken_at = harness.clock.monotonic()
        await harness.advance(max(0.0, harness.lease_s - 5.0))
        again = await harness.drive(queue.receive(1, 15.0))
        assert ids_of(again) == ["a"]
        assert harness.clock.monotonic() - taken_at >= harness.lease_s * 0.9
        if harness.virtual:
            assert harness.clock.monotonic() - taken_at == harness.lease_s

    async def test_a_long_poll_gets_what_another_receiver_lets_expire(
        self, harness: QueueHarness, queue: TaskQueue
    ) -> None:
        self.needs_expiry(queue)
        if harness.lease_s > 10:
            pytest.skip("lease_s is longer than a long poll")
        polls = [asyncio.create_task(queue.receive(1, 19.0)) for _ in range(2)]
        await harness.advance(0.0)
        await harness.send(*tasks_named("a"))
        first, second = sorted([await harness.drive(poll) for poll in polls], key=lambda got: got[0].receipt)
        assert first[0].key == second[0].key
        assert first[0].receipt != second[0].receipt
        assert harness.clock.monotonic() < 18.0 or not harness.virtual

    async def test_extend_holds_the_lease(self, harness: QueueHarness, queue: TaskQueue) -> None:
        self.needs_expiry(queue)
        self.needs(queue, renewable=True)
        lease = await self.get_one(harness, queue)
        for _ in range(3):
            await harness.advance(harness.lease_s * 0.6)
            lease = await queue.extend(lease, harness.lease_s)
            assert lease.duration_s == pytest.approx(harness.lease_s, rel=0.2)
        await harness.advance(harness.lease_s * 0.6)
        await self.assert_nothing(queue)
        await queue.ack(lease, DONE)
        await harness.advance(harness.lease_s * 1.1)
        await self.assert_nothing(queue)

    async def test_extend_counts_from_now(self, harness: QueueHarness, queue: TaskQueue) -> None:
        self.needs_expiry(queue)
        self.needs(queue, renewable=True)
        lease = await self.get_one(harness, queue)
        await queue.extend(lease, harness.lease_s * 3)
        await queue.extend(lease, harness.lease_s)
        await harness.advance(harness.lease_s * 1.1)
        await self.get(harness, queue, 1)

    async def test_extend_gives_no_more_than_the_longest_lease(
        self, harness: QueueHarness, queue: TaskQueue
    ) -> None:
        self.needs_expiry(queue)
        self.needs(queue, renewable=True)
        lease = await self.get_one(harness, queue)
        longest = queue.capabilities.lease_s_max
        assert longest is not None
        extended = await queue.extend(lease, longest * 10)
        assert extended.duration_s is not None
        assert extended.duration_s <= longest

    @pytest.mark.parametrize("seconds", [0.0, -1.0, math.nan])
    async def test_extend_refuses_what_makes_no_sense(
        self, harness: QueueHarness, queue: TaskQueue, seconds: float
    ) -> None:
        lease = await self.get_one(harness, queue)
        with pytest.raises(ValueError, match="seconds"):
            await queue.extend(lease, seconds)
        await queue.ack(lease, DONE)

    # --- Settling

    async def test_ack_is_final(self, harness: QueueHarness, queue: TaskQueue) -> None:
        lease = await self.get_one(harness, queue)
        await queue.ack(lease, DONE)
        await self.assert_nothing(queue)
        await harness.advance(harness.lease_s * 1.1)
        await self.assert_nothing(queue)

    @each_use
    async def test_what_is_acked_stays_so(self, harness: QueueHarness, queue: TaskQueue, use: Settle) -> None:
        lease = await self.get_one(harness, queue)
        await queue.ack(lease, DONE)
        await self.assert_refused(harness, use(queue, lease))
        await harness.advance(harness.lease_s * 1.1)
        await self.assert_nothing(queue)
        if queue.capabilities.dead_letters:
            assert await harness.dead_letters() == []

    @each_settlement
    @each_use
    async def test_a_settled_lease_is_of_no_more_use(
        self, harness: QueueHarness, queue: TaskQueue, settle: Settle, use: Settle
    ) -> None:
        if not harness.strict_receipts:
            pytest.skip("strict_receipts is False")
        lease = await self.get_one(harness, queue)
        await settle(queue, lease)
        with pytest.raises(LeaseLostError):
            await use(queue, lease)

    @each_use
    async def test_f24_a_receipt_that_is_out_of_date_settles_nothing(
        self, harness: QueueHarness, queue: TaskQueue, use: Settle
    ) -> None:
        self.needs(queue, requeues=True)
        if not harness.strict_receipts:
            pytest.skip("strict_receipts is False")
        first = await self.get_one(harness, queue)
        await queue.nack(first, 0.0, HandBack.RETRY)
        (second,) = await self.get(harness, queue, 1)
        with pytest.raises(LeaseLostError):
            await use(queue, first)
        await self.assert_nothing(queue)
        await queue.ack(second, DONE)
        await harness.advance(harness.lease_s * 1.1)
        await self.assert_nothing(queue)

    async def test_a_submitted_ack_is_an_ack(self, harness: QueueHarness, queue: TaskQueue) -> None:
        if not isinstance(queue, BatchingQueue):
            pytest.skip("acks are awaited one by one")
        await harness.send(*tasks_named("a", "b"))
        kept, lease = await self.get(harness, queue, 2)
        answer = queue.submit_ack(lease, DONE)
        if answer is None:
            pytest.skip("no queue behind it gathers acks")
        await harness.drive(answer)
        await queue.ack(kept, DONE)
        await self.assert_nothing(queue)
        with pytest.raises(LeaseLostError):
            await harness.drive(queue.submit_ack(lease, DONE) or answer)
        stranger = Lease(lease.task, f"{lease.key}99", f"{lease.receipt}99", lease.duration_s)
        with pytest.raises(LeaseLostError):
            await harness.drive(queue.submit_ack(stranger, DONE) or answer)

    async def test_ack_after_expiry_says_the_truth(self, harness: QueueHarness, queue: TaskQueue) -> None:
        self.needs_expiry(queue)
        lease = await self.get_one(harness, queue)
        await harness.advance(harness.lease_s * 1.1)
        try:
            await queue.ack(lease, DONE)
        except LeaseLostError:
            assert ids_of(await self.get(harness, queue, 1)) == ["a"]
        else:
            await harness.advance(harness.lease_s * 1.1)
            await self.assert_nothing(queue)

    async def test_an_unknown_lease_settles_nothing(self, harness: QueueHarness, queue: TaskQueue) -> None:
        lease = await self.get_one(harness, queue)
        stranger = Lease(lease.task, f"{lease.key}99", f"{lease.receipt}99", lease.duration_s)
        for use in USES.values():
            await self.assert_refused(harness, use(queue, stranger))
        await queue.ack(lease, DONE)

    async def test_nack_brings_the_task_back_at_once(self, harness: QueueHarness, queue: TaskQueue) -> None:
        self.needs(queue, requeues=True)
        first = await self.get_one(harness, queue)
        await queue.nack(first, 0.0, HandBack.RETRY)
        (second,) = await self.get(harness, queue, 1)
        assert (second.task, second.key) == (first.task, first.key)
        assert second.receipt != first.receipt
        if queue.capabilities.delivery_count:
            assert (second.delivery_count, second.interruptions) == (2, 0)

    async def test_a_history_that_utf_8_cannot_hold_keeps_nothing_from_being_settled(
        self, harness: QueueHarness, queue: TaskQueue
    ) -> None:
        """A task's error may hold half a character, such as the name of a file in another encoding."""
        self.needs(queue, history=True)
        note = AttemptNote(1, "exception", 1.0, "no file a\udcffb, but \N{EURO SIGN}")
        first = structs.replace(await self.get_one(harness, queue), history=(note,))
        await queue.nack(first, 0.0, HandBack.RETRY)
        (again,) = await self.get(harness, queue, 1)
        (told,) = again.history
        assert told.error == "no file a\\udcffb, but \N{EURO SIGN}"
        await queue.dead_letter(structs.replace(again, history=(note, note)), "no \udcff")

    async def test_nack_wakes_a_long_poll(self, harness: QueueHarness, queue: TaskQueue) -> None:
        self.needs(queue, requeues=True)
        lease = await self.get_one(harness, queue)
        poll = asyncio.create_task(queue.receive(1, 15.0))
        await harness.advance(0.0)
        await queue.nack(lease, 0.0, HandBack.RETRY)
        assert ids_of(await harness.drive(poll)) == ["a"]

    async def test_nack_without_requeue_drops_the_task(self, harness: QueueHarness, queue: TaskQueue) -> None:
        self.needs(queue, requeues=False)
        lease = await self.get_one(harness, queue)
        await queue.nack(lease, 0.0, HandBack.INTERRUPTED)
        await self.assert_nothing(queue)
        await harness.end()
        with pytest.raises(EndOfTasks):
            await harness.drive(queue.receive(1, 10.0))

    async def test_nack_delays_the_task(self, harness: QueueHarness, queue: TaskQueue) -> None:
        self.needs(queue, requeues=True)
        if queue.capabilities.delay_s_max == 0:
            pytest.skip("delay_s_max is 0")
        delay_s = min(harness.lease_s, queue.capabilities.delay_s_max, 10.0)
        lease = await self.get_one(harness, queue)
        nacked_at = harness.clock.monotonic()
        await queue.nack(lease, delay_s, HandBack.RETRY)
        await self.assert_nothing(queue)
        (again,) = await harness.drive(queue.receive(1, 15.0))
        assert again.task == lease.task
        assert harness.clock.monotonic() - nacked_at >= delay_s * 0.9

    async def test_f20_a_delay_that_is_too_long_is_clipped(
        self, harness: QueueHarness, queue: TaskQueue
    ) -> None:
        self.needs(queue, requeues=True)
        if not harness.virtual and queue.capabilities.delay_s_max > 2:
            pytest.skip("delay_s_max is too long to wait for in real time")
        lease = await self.get_one(harness, queue)
        await queue.nack(lease, queue.capabilities.delay_s_max * 10 + 1, HandBack.RETRY)
        await harness.advance(queue.capabilities.delay_s_max * 1.01)
        await self.get(harness, queue, 1)

    @pytest.mark.parametrize("delay_s", [-1.0, math.nan])
    async def test_nack_refuses_what_makes_no_sense(
        self, harness: QueueHarness, queue: TaskQueue, delay_s: float
    ) -> None:
        lease = await self.get_one(harness, queue)
        with pytest.raises(ValueError, match="delay_s"):
            await queue.nack(lease, delay_s, HandBack.RETRY)
        await queue.ack(lease, DONE)

    async def test_interruptions_are_counted_apart(self, harness: QueueHarness, queue: TaskQueue) -> None:
        self.needs(queue, requeues=True, delivery_count=True, counts_interruptions=True)
        lease = await self.get_one(harness, queue)
        seen = []
        for reason in (HandBack.RETRY, HandBack.INTERRUPTED, HandBack.SKIPPED, HandBack.RETRY):
            await queue.nack(lease, 0.0, reason)
            (lease,) = await self.get(harness, queue, 1)
            seen.append((lease.delivery_count, lease.interruptions))
        assert seen == [(2, 0), (3, 1), (4, 2), (5, 2)]

    @pytest.mark.parametrize("malformed", [False, True])
    async def test_dead_letter_keeps_the_message_byte_for_byte(
        self, harness: QueueHarness, queue: TaskQueue, *, malformed: bool
    ) -> None:
        self.needs(queue, dead_letters=True)
        unreadable = BAD_TEXT if harness.text_only else BAD
        body = unreadable if malformed else b'{ "data":{"x" : 1.50},  "task_id":"a", "more":[] }'
        await harness.send_raw(body)
        (lease,) = await self.get(harness, queue, 1)
        await queue.dead_letter(lease, "of no use")
        assert await harness.dead_letters() == [(body, "of no use")]
        await harness.advance(harness.lease_s * 1.1)
        await self.assert_nothing(queue)

    # --- The object itself

    async def test_capabilities_stay_the_same(self, harness: QueueHarness, queue: TaskQueue) -> None:
        before = queue.capabilities
        await queue.ack(await self.get_one(harness, queue), DONE)
        assert queue.capabilities == before
        assert before.batch_size_max >= 1
        assert before.delay_s_max >= 0
        assert harness.strict_receipts or not before.fenced
        await queue.aclose()
        assert queue.capabilities == before

    async def test_aclose_sends_a_waiting_receiver_home(
        self, harness: QueueHarness, queue: TaskQueue
    ) -> None:
        poll = asyncio.create_task(queue.receive(1, 20.0))
        await harness.advance(0.0)
        before = harness.clock.monotonic()
        await harness.drive(queue.aclose())
        await queue.aclose()
        (end,) = await asyncio.gather(poll, return_exceptions=True)
        assert end == [] or isinstance(end, EndOfTasks)
        assert harness.clock.monotonic() - before < 15.0

    async def test_aclose_leaves_no_task_behind(self, harness: QueueHarness, queue: TaskQueue) -> None:
        await self.assert_nothing(queue)
        poll = asyncio.create_task(queue.receive(1, 20.0))
        await harness.advance(0.0)
        await harness.drive(queue.aclose())
        await asyncio.gather(poll, return_exceptions=True)
        for _ in range(100):  # a question that was under way may have to be answered first
            if asyncio.all_tasks() == {asyncio.current_task()}:
                break
            await asyncio.sleep(0.01)
        assert asyncio.all_tasks() == {asyncio.current_task()}
