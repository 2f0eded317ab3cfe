"""The model of SQS against a naive one: any sequence of calls gives the same answers."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from fakes.clock import VirtualClock
from fakes.sqs import SqsError, SqsService
from fakes.sqs.message import Place
from fakes.sqs.requests import ChangeMessageVisibility, OfMessage
from fakes.sqs.values import ReceiveOptions, SendEntry

T = TypeVar("T")

DEFAULT_RETENTION_S = 345_600
LEASE_TOTAL_S = 43_200
WINDOW_S = 300
seconds = st.sampled_from([1, 2, 5, 10, 30, 300, 20_000])
timeouts = st.sampled_from([0, 1, 5, 30, 30_000])
picks = st.sampled_from([0, 0, 0, 1, 1, 2, 3, 8])
"""Which delivery, counted from the newest: mostly one that still holds."""


def at_once(call: Coroutine[object, object, T]) -> T:
    """Run a call that has nothing to wait for."""
    try:
        call.send(None)
    except StopIteration as stop:
        result: T = stop.value
        return result
    raise AssertionError("the call waits")


class Plain:
    """A message of the naive model: it can be received from a moment on, held or not."""

    def __init__(self, name: str, group: str, sent_at: float) -> None:
        self.name = name
        self.group = group
        self.sent_at = sent_at
        self.since: tuple[float, int] = (0.0, 0)
        self.received_at = 0.0
        self.receives = 0
        self.held = False


class ServiceMachine(RuleBasedStateMachine):
    fifo = False

    @initialize(receives_max=st.none() | st.integers(1, 3), retention_s=st.sampled_from([60, 600, 1_209_600]))
    def start(self, receives_max: int | None, retention_s: int) -> None:
        self.receives_max = None if self.fifo else receives_max
        self.retention_s = retention_s
        self.clock = VirtualClock()
        self.service = SqsService(self.clock)
        suffix, attributes = "", {"MessageRetentionPeriod": str(retention_s)}
        if self.fifo:
            suffix, attributes = ".fifo", {**attributes, "FifoQueue": "true"}
        if self.receives_max:
            self.dead_letters = self.service.create_queue("dead")
            target = self.dead_letters.arn
            policy = f'{{"deadLetterTargetArn": "{target}", "maxReceiveCount": {receives_max}}}'
            attributes["RedrivePolicy"] = policy
        self.url = f"q{suffix}"
        self.queue = self.service.create_queue(self.url, attributes)
        self.live: dict[str, Plain] = {}
        self.accepted: dict[str, tuple[float, str]] = {}
        self.deliveries: list[tuple[Plain, int, str]] = []
        self.dead: list[Plain] = []
        self.sent = self.order = 0

    # --- The naive model

    @property
    def now(self) -> float:
        return self.clock.monotonic()

    def show_at(self, plain: Plain, moment: float, *, held: bool) -> None:
        self.order += 1
        plain.since, plain.held = (moment, self.order), held and moment > self.now

    def catch_up(self) -> None:
        for plain in list(self.live.values()):
            if plain.sent_at + self.retention_s <= self.now:
                del self.live[plain.name]
            elif plain.since[0] <= self.now:
                plain.held = False

    def in_line(self) -> list[Plain]:
        """What can be received, in order."""
        self.catch_up()
        ready = [plain for plain in self.live.values() if plain.since[0] <= self.now]
        return sorted(ready, key=lambda plain: plain.since)

    def agrees(self, call: Callable[[], object], error: str | None) -> None:
        try:
            call()
        except SqsError as refused:
            assert refused.code == error  # noqa: PT017 - it may also be expected that none is raised
        else:
            assert error is None

    # --- What may happen

    @rule(group=st.sampled_from("abc"), again=st.booleans(), delay_s=st.sampled_from([0, 0, 5]))
    def send(self, group: str, again: bool, delay_s: int) -> None:  # noqa: FBT001 - Hypothesis gives names
        self.sent += not (again and self.fifo and self.sent)
        name = str(self.sent)
        entry = SendEntry(message_body=name, delay_seconds=delay_s)
        if self.fifo:
            entry = SendEntry(message_body=name, message_group_id=group, message_deduplication_id=name)
            delay_s = 0
        answer = self.service.send(self.url, entry)
        self.catch_up()
        accepted_at, message_id = self.accepted.get(name, (self.now - WINDOW_S, ""))
        if self.fifo and self.now - accepted_at < WINDOW_S:
            assert answer.message_id == message_id
            return
        self.accepted[name] = (self.now, answer.message_id)
        plain = Plain(answer.message_id, group if self.fifo else "", self.now)
        self.live[plain.name] = plain
        self.show_at(plain, self.now + delay_s, held=False)

    @rule(count=st.integers(1, 10), lease_s=timeouts)
    def receive(self, count: int, lease_s: int) -> None:
        expected = self.expected(count)
        held = {plain.group for plain in self.live.values() if plain.held}
        options = ReceiveOptions(
            queue_url=self.url, max_number_of_messages=count, visibility_timeout=lease_s, wait_time_seconds=0
        )
        messages = at_once(self.service.receive(options)).messages
        taken = [self.live[message.message_id] for message in messages]
        if self.fifo:
            self.check_groups(taken, expected, count, held)
        else:
            assert taken == expected
        for plain, message in zip(taken, messages, strict=True):
            assert not plain.held, "delivered while leased"
            plain.receives += 1
            plain.received_at = self.now
            self.show_at(plain, self.now + lease_s, held=True)
            self.deliveries.insert(0, (plain, plain.receives, message.receipt_handle))
        assert len({handle for _, _, handle in self.deliveries}) == len(self.deliveries)

    def expected(self, count: int) -> list[Plain]:
        """What a receive of a standard queue gives; what was received too often is moved on the way."""
        expected: list[Plain] = []
        for plain in self.in_line():
            if len(expected) == count and not self.fifo:
                break
            if self.receives_max is not None and plain.receives >= self.receives_max:
                del self.live[plain.name]
                self.dead.append(plain)
            else:
                expected.append(plain)
        return expected

    def check_groups(self, taken: list[Plain], ready: list[Plain], count: int, held: set[str]) -> None:
        free = [plain for plain in ready if plain.group not in held]
        assert len(taken) == min(count, len(free))
        names = list(self.live)  # in the order of their sending
        for group in {plain.group for plain in taken}:
            assert group not in held, "delivered while another of its group is in flight"
            got = [plain.name for plain in taken if plain.group == group]
            there = sorted((plain.name for plain in free if plain.group == group), key=names.index)
            assert got == there[: len(got)], "not in order"

    @rule(pick=picks)
    def delete(self, pick: int) -> None:
        if pick >= len(self.deliveries):
            return
        plain, receive, handle = self.deliveries[pick]
        self.catch_up()
        error = self.handle_error(plain, receive)
        self.agrees(lambda: self.service.delete(OfMessage(queue_url=self.url, receipt_handle=handle)), error)
        if error is None:
            self.live.pop(plain.name, None)

    @rule(pick=picks, timeout_s=timeouts)
    def change(self, pick: int, timeout_s: int) -> None:
        if pick >= len(self.deliveries):
            return
        plain, receive, handle = self.deliveries[pick]
        self.catch_up()
        error = self.handle_error(plain, receive)
        too_long = timeout_s and self.now + timeout_s > plain.received_at + LEASE_TOTAL_S
        if plain.name not in self.live or too_long:
            error = "InvalidParameterValue"
        request = ChangeMessageVisibility(
            queue_url=self.url, receipt_handle=handle, visibility_timeout=timeout_s
        )
        self.agrees(lambda: self.service.change_visibility(request), error)
        if error is None:
            self.show_at(plain, self.now + timeout_s, held=True)

    def handle_error(self, plain: Plain, receive: int) -> str | None:
        if not self.fifo or plain.name not in self.live:
            return None
        return None if plain.held and receive == plain.receives else "InvalidParameterValue"

    @rule(seconds=seconds)
    def time_passes(self, seconds: int) -> None:
        self.clock.advance(seconds)

    @invariant()
    def nothing_is_lost_or_made_up(self) -> None:
        if not hasattr(self, "queue"):
            return
        counts = self.queue.counts()
        self.catch_up()
        held = sum(plain.held for plain in self.live.values())
        assert counts[Place.IN_FLIGHT] == held
        assert counts[Place.VISIBLE] == sum(plain.since[0] <= self.now for plain in self.live.values())
        assert sum(counts[place] for place in Place if place is not Place.NOWHERE) == len(self.live)
        if self.receives_max:
            kept = [plain for plain in self.dead if plain.sent_at + DEFAULT_RETENTION_S > self.now]
            assert self.dead_letters.counts()[Place.VISIBLE] == len(kept)

    def teardown(self) -> None:
        """Everything that should be there can be received, once."""
        if not hasattr(self, "queue"):
            return
        self.clock.advance(30_000)
        self.catch_up()
        before = len(self.deliveries) + 1
        while self.live and len(self.deliveries) != before:
            before = len(self.deliveries)
            self.receive(10, 30_000)
            for pick in range(len(self.deliveries) - before):
                self.delete(pick)
        assert not self.live


class FifoMachine(ServiceMachine):
    fifo = True


TestStandard = ServiceMachine.TestCase
TestFifo = FifoMachine.TestCase
TestStandard.settings = TestFifo.settings = settings(max_examples=50, stateful_step_count=40, deadline=None)
