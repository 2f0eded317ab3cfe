"""The queue model against a naive one: any sequence of calls gives the same answers."""

from __future__ import annotations

import random
from collections.abc import Callable, Coroutine
from typing import TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from cloud_tasks.core.task import HandBack, Lease, Outcome, OutcomeKind, Task
from cloud_tasks.errors import LeaseLostError
from fakes.clock import VirtualClock
from fakes.queue_model import InMemoryQueue
from fakes.queue_options import QueueOptions

T = TypeVar("T")

DONE = Outcome(OutcomeKind.COMPLETED)
seconds = st.sampled_from([1.0, 2.0, 4.0, 5.0, 9.0])
delays = st.sampled_from([0.0, 0.0, 1.0, 5.0, 20.0])
picks = st.sampled_from([0, 0, 0, 1, 1, 2, 3, 8])
"""Which lease, counted from the newest: mostly one that still holds."""


def at_once(call: Coroutine[object, object, T]) -> T:
    """Run a call that has nothing to wait for."""
    try:
        call.send(None)
    except StopIteration as stop:
        result: T = stop.value
        return result
    raise AssertionError("the call waits")


class Plain:
    """A message of the naive model: it is visible from a moment on, held or not."""

    def __init__(self, key: str, sent_at: float) -> None:
        self.key = key
        self.sent_at = sent_at
        self.visible_at = (0.0, 0)
        self.deliveries = 0
        self.interrupted: set[int] = set()
        self.held_since = 0.0
        self.receipts = 0
        self.held = False


class QueueModelMachine(RuleBasedStateMachine):
    @initialize(
        max_receive_count=st.none() | st.integers(1, 4),
        retention_s=st.none() | st.sampled_from([20.0, 100.0]),
        settles_after_expiry=st.booleans(),
        extend_renews_receipt=st.booleans(),
    )
    def start(
        self,
        *,
        max_receive_count: int | None,
        retention_s: float | None,
        settles_after_expiry: bool,
        extend_renews_receipt: bool,
    ) -> None:
        self.options = QueueOptions(
            lease_s=5.0,
            lease_s_max=7.0,
            lease_total_s_max=11.0,
            delay_s_max=7.0,
            max_receive_count=max_receive_count,
            retention_s=retention_s,
            settles_after_expiry=settles_after_expiry,
            extend_renews_receipt=extend_renews_receipt,
        )
        self.clock = VirtualClock()
        self.queue = InMemoryQueue(self.clock, self.options)
        self.naive: dict[str, Plain] = {}
        self.order = 0
        self.sent = 0
        self.acked = 0
        self.removed = 0
        self.dead: list[tuple[str, str]] = []
        self.leases: list[Lease] = []

    # --- The naive model

    def show_at(self, plain: Plain, moment: float) -> None:
        self.order += 1
        plain.visible_at = (moment, self.order)

    def catch_up(self) -> None:
        now = self.clock.monotonic()
        for plain in list(self.naive.values()):
            if self.options.retention_s is not None and plain.sent_at + self.options.retention_s <= now:
                del self.naive[plain.key]
                self.removed += 1
            elif plain.held and plain.visible_at[0] <= now:
                plain.held = False

    def in_line(self) -> list[Plain]:
        self.catch_up()
        now = self.clock.monotonic()
        visible = (plain for plain in self.naive.values() if not plain.held and plain.visible_at[0] <= now)
        return sorted(visible, key=lambda plain: plain.visible_at)

    def settles(self, lease: Lease) -> Plain | None:
        self.catch_up()
        plain = self.naive.get(lease.key)
        if plain is None or lease.receipt != f"{plain.key}#{plain.receipts}":
            return None
        late = self.options.settles_after_expiry and plain.visible_at[0] <= self.clock.monotonic()
        return plain if plain.held or late else None

    def agrees(self, call: Coroutine[object, object, T], *, expected: bool) -> T | None:
        try:
            result = at_once(call)
        except LeaseLostError:
            assert not expected
            return None
        assert expected
        return result

    # --- Steps

    @rule(delay_s=delays)
    def send(self, delay_s: float) -> None:
        self.catch_up()
        self.sent += 1
        at_once(self.queue.send(Task(f"t{self.sent}", {}), delay_s))
        plain = Plain(str(self.sent), self.clock.monotonic())
        self.show_at(plain, self.clock.monotonic() + delay_s)
        self.naive[plain.key] = plain

    @rule(tasks_max=st.integers(1, 12))
    def receive(self, tasks_max: int) -> None:
        leases = at_once(self.queue.receive(tasks_max, 0.0))
        expected: list[tuple[str, str, int, int]] = []
        for plain in self.in_line():
            if len(expected) == min(tasks_max, self.options.batch_size_max):
                break
            limit = self.options.max_receive_count
            if limit is not None and plain.deliveries - len(plain.interrupted) >= limit:
                self.dead.append((plain.key, "max_receive_count"))
                del self.naive[plain.key]
                continue
            plain.deliveries += 1
            plain.receipts += 1
            plain.held = True
            plain.held_since = self.clock.monotonic()
            self.show_at(plain, self.clock.monotonic() + self.options.lease_s)
            expected.append(
                (plain.key, f"{plain.key}#{plain.receipts}", plain.deliveries, len(plain.interrupted))
            )
        assert [
            (lease.key, lease.receipt, lease.delivery_count, lease.interruptions) for lease in leases
        ] == expected
        self.leases += leases

    def pick(self, number: int) -> Lease | None:
        return self.leases[-1 - number % len(self.leases)] if self.leases else None

    @rule(number=picks)
    def ack(self, number: int) -> None:
        if (lease := self.pick(number)) is not None:
            plain = self.settles(lease)
            self.agrees(self.queue.ack(lease, DONE), expected=plain is not None)
            if plain is not None:
                del self.naive[plain.key]
                self.acked += 1

    @rule(number=picks, delay_s=delays, reason=st.sampled_from(HandBack))
    def nack(self, number: int, delay_s: float, reason: HandBack) -> None:
        if (lease := self.pick(number)) is not None:
            plain = self.settles(lease)
            self.agrees(self.queue.nack(lease, delay_s, reason), expected=plain is not None)
            if plain is not None:
                plain.held = False
                if reason is not HandBack.RETRY:
                    plain.interrupted.add(plain.deliveries)
                self.show_at(plain, self.clock.monotonic() + min(delay_s, self.options.delay_s_max))

    @rule(number=picks)
    def dead_letter(self, number: int) -> None:
        if (lease := self.pick(number)) is not None:
            plain = self.settles(lease)
            self.agrees(self.queue.dead_letter(lease, "bad"), expected=plain is not None)
            if plain is not None:
                self.dead.append((plain.key, "bad"))
                del self.naive[plain.key]

    @rule(number=picks, length_s=seconds)
    def extend(self, number: int, length_s: float) -> None:
        if (lease := self.pick(number)) is not None:
            now = self.clock.monotonic()
            plain = self.settles(lease)
            until = 0.0
            if plain is not None:
                until = min(
                    now + min(length_s, self.options.lease_s_max),
                    plain.held_since + self.options.lease_total_s_max,
                )
            newer = self.agrees(self.queue.extend(lease, length_s), expected=until > now)
            if plain is not None and newer is not None:
                plain.held = True
                plain.receipts += self.options.extend_renews_receipt
                self.show_at(plain, until)
                assert (newer.receipt, newer.duration_s) == (f"{plain.key}#{plain.receipts}", until - now)
                self.leases.append(newer)

    @rule(length_s=seconds | st.just(30.0))
    def wait(self, length_s: float) -> None:
        self.clock.advance(length_s)

    @rule(really=st.sampled_from([False] * 9 + [True]))
    def purge(self, *, really: bool) -> None:
        if not really:
            return
        self.catch_up()
        at_once(self.queue.purge())
        self.removed += len(self.naive)
        self.naive.clear()

    # A step and not an invariant: looking makes the queue catch up, which every other call must do as well.
    @rule()
    def s3_the_accounts_agree(self) -> None:
        visible = len(self.in_line())
        in_flight = sum(plain.held for plain in self.naive.values())
        depth = at_once(self.queue.depth())
        assert depth == {
            "visible": visible,
            "in_flight": in_flight,
            "delayed": len(self.naive) - visible - in_flight,
            "dead": len(self.dead),
        }
        assert self.queue.accepted == self.sent
        assert (self.queue.acked, self.queue.removed) == (self.acked, self.removed)
        assert [(letter.key, letter.reason) for letter in self.queue.dead_letters] == self.dead
        assert self.queue.accepted == self.queue.acked + self.queue.removed + sum(depth.values())


TestQueueModel = QueueModelMachine.TestCase
TestQueueModel.settings = settings(max_examples=50, stateful_step_count=60, deadline=None)


@pytest.mark.parametrize("seed", range(12))
def test_a_long_walk_agrees_at_every_step(seed: int) -> None:
    """Sequences too long for Hypothesis to come upon; nothing is shrunk, but the seed is in the name."""
    rng = random.Random(seed)  # noqa: S311 - no secret
    machine = QueueModelMachine()
    machine.start(
        max_receive_count=rng.choice([None, 1, 2, 4]),
        retention_s=rng.choice([None, 20.0, 100.0]),
        settles_after_expiry=rng.random() < 0.5,
        extend_renews_receipt=rng.random() < 0.5,
    )
    steps: list[tuple[int, Callable[[], None]]] = [
        (5, lambda: machine.send(rng.choice([0.0, 0.0, 3.0, 20.0]))),
        (6, lambda: machine.receive(rng.randint(1, 12))),
        (2, lambda: machine.ack(rng.randint(0, 9))),
        (
            6,
            lambda: machine.nack(
                rng.randint(0, 9), rng.choice([0.0, 0.0, 3.0, 20.0]), rng.choice([*HandBack])
            ),
        ),
        (1, lambda: machine.dead_letter(rng.randint(0, 9))),
        (8, lambda: machine.extend(rng.randint(0, 9), rng.choice([1.0, 3.0, 5.0, 9.0]))),
        (6, lambda: machine.wait(rng.choice([0.5, 1.0, 2.0, 4.0, 5.0, 30.0]))),
        (3, machine.s3_the_accounts_agree),
    ]
    weights = [weight for weight, _ in steps]
    for step in range(1500):
        rng.choices(steps, weights)[0][1]()
        if step % 300 == 299:
            machine.purge(really=True)
    machine.s3_the_accounts_agree()
