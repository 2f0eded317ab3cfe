"""The contract of `TaskQueue`, for any sequence of calls: Hypothesis makes them up and shortens what fails.

Nothing is lost, nothing that was settled comes again, nobody gets what somebody holds, and every answer is
one that follows from the leases.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import ClassVar, TypeVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from cloud_tasks.core.task import HandBack, Lease, Outcome, OutcomeKind, Task
from cloud_tasks.errors import LeaseLostError
from tests.contracts.harness import QueueHarness

T = TypeVar("T")

DONE = Outcome(OutcomeKind.COMPLETED)
MARGIN_S = 1.0
"""Nearer to its end than this, a lease may be over or not."""
EMPTY_MAX = 3
"""So many receives in a row that bring nothing, leases and delays apart, and the queue is empty."""
picks = st.integers(0, 5)


class Held:
    """A delivery: the lease as it is now, and until when it lasts."""

    def __init__(self, lease: Lease, issued_at: float) -> None:
        self.lease = lease
        self.until = issued_at + (lease.duration_s or float("inf"))


class AnyOrder(RuleBasedStateMachine):
    """One queue, and what is known of every task in it."""

    make_harness: ClassVar[Callable[[], QueueHarness]]

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.Runner()
        self.harness = type(self).make_harness()
        self.queue = self.loop.run(self.harness.open())
        self.sent: list[str] = []
        self.done: set[str] = set()
        self.unsure: set[str] = set()
        self.held: dict[str, list[Held]] = {}
        self.hidden_until: dict[str, float] = {}

    # --- What follows from what

    def now(self) -> float:
        return self.harness.clock.monotonic()

    def carried_out(self, call: Coroutine[object, object, T]) -> T:
        return self.loop.run(self.harness.drive(call))

    def picked(self, pick: int) -> tuple[str, Held, bool]:
        """One of the deliveries so far, and whether it is the newest of its task."""
        every = [(task, held) for task, helds in self.held.items() for held in helds]
        task, held = every[pick % len(every)]
        return task, held, held is self.held[task][-1]

    def is_live(self, task: str, held: Held, *, newest: bool) -> bool:
        return newest and task not in self.hidden_until and held.until > self.now() + MARGIN_S

    def is_over(self, task: str, held: Held, *, newest: bool) -> bool:
        return not newest or task in self.hidden_until or held.until < self.now() - MARGIN_S

    def settle(self, pick: int, call: Callable[[Lease], Coroutine[object, object, None]]) -> tuple[str, bool]:
        """Settle one of the deliveries; returns the task, and whether that certainly had its effect."""
        task, held, newest = self.picked(pick)
        live, over = (
            self.is_live(task, held, newest=newest),
            self.is_over(task, held, newest=newest) or task in self.done,
        )
        try:
            self.carried_out(call(held.lease))
        except LeaseLostError:
            assert not live or task in self.done, f"{task} was held, and the queue says it was not"
            return task, False
        if over and self.harness.strict_receipts and not newest:
            raise AssertionError(f"an old receipt settled {task}")
        if not live:
            self.unsure.add(task)
        return task, live and task not in self.done

    # --- Steps

    @rule(count=st.integers(1, 3))
    def send(self, count: int) -> None:
        tasks = [Task(f"t{len(self.sent) + number}", {"n": number}) for number in range(count)]
        self.sent += [task.task_id for task in tasks]
        self.loop.run(self.harness.send(*tasks))

    @rule(tasks_max=st.integers(1, 4))
    def receive(self, tasks_max: int) -> None:
        self.take(tasks_max)

    @precondition(lambda self: self.held)
    @rule(pick=picks)
    def ack(self, pick: int) -> None:
        task, certain = self.settle(pick, lambda lease: self.queue.ack(lease, DONE))
        if certain:
            self.done.add(task)

    @precondition(lambda self: self.held)
    @rule(pick=picks, delay_s=st.sampled_from([0.0, 0.0, 5.0]), reason=st.sampled_from(HandBack))
    def nack(self, pick: int, delay_s: float, reason: HandBack) -> None:
        delay_s = min(delay_s, self.queue.capabilities.delay_s_max)
        at = self.now()
        task, certain = self.settle(pick, lambda lease: self.queue.nack(lease, delay_s, reason))
        if certain:
            self.hidden_until[task] = at + delay_s

    @precondition(lambda self: self.held)
    @rule(pick=picks, seconds=st.sampled_from([10.0, 15.0, 30.0]))
    def extend(self, pick: int, seconds: float) -> None:
        task, held, newest = self.picked(pick)
        live, at = self.is_live(task, held, newest=newest) and task not in self.done, self.now()
        try:
            lease = self.carried_out(self.queue.extend(held.lease, seconds))
        except LeaseLostError:
            assert not live, f"{task} was held, and could not be extended"
            return
        if live:
            held.lease, held.until = lease, at + (lease.duration_s or float("inf"))
        else:
            self.unsure.add(task)

    @rule(seconds=st.sampled_from([0.5, 4.0, 9.0, 12.0]))
    def wait(self, seconds: float) -> None:
        self.loop.run(self.harness.advance(seconds))

    # --- What comes

    def take(self, tasks_max: int) -> int:
        issued_at = self.now()
        leases = self.carried_out(self.queue.receive(tasks_max, self.harness.patience_s))
        assert len(leases) <= tasks_max
        for lease in leases:
            self.take_in(lease, issued_at)
        return len(leases)

    def take_in(self, lease: Lease, issued_at: float) -> None:
        task = lease.task.task_id
        assert task in self.sent
        assert task not in self.done or task in self.unsure, f"{task} was settled, and comes again"
        before = self.held.setdefault(task, [])
        if before and task not in self.unsure:
            hidden_until = self.hidden_until.get(task, before[-1].until)
            assert self.now() >= hidden_until - MARGIN_S, f"{task} is held, and comes to somebody else"
        if before and self.queue.capabilities.delivery_count:
            # A queue that decides about retries counts those, and not what was handed back untried.
            least = (before[-1].lease.delivery_count or 0) + (not self.queue.capabilities.decides_retries)
            assert (lease.delivery_count or 0) >= least
        self.hidden_until.pop(task, None)
        before.append(Held(lease, issued_at))

    def teardown(self) -> None:
        """All that was not settled comes, now or when its lease is over; and nothing else does."""
        try:
            self.loop.run(self.harness.advance(60.0))
            before = {task: len(helds) for task, helds in self.held.items()}
            empty = 0
            while empty < EMPTY_MAX:
                empty = 0 if self.take(10) else empty + 1
            came = {task for task, helds in self.held.items() if len(helds) > before.get(task, 0)}
            missing = set(self.sent) - self.done - self.unsure - came
            assert not missing, f"lost: {sorted(missing)}"
        finally:
            self.loop.run(self.harness.aclose())
            self.loop.close()


class AnyOrderContract:
    """Inherit from it and give the fixture `make_harness`, as often as there are kinds of the backend."""

    examples = 15
    steps = 25
    phases: tuple[Phase, ...] = tuple(Phase)

    def test_any_sequence_of_calls(self, make_harness: Callable[[], QueueHarness]) -> None:
        machine = type("Machine", (AnyOrder,), {"make_harness": staticmethod(make_harness)})
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=self.examples,
                stateful_step_count=self.steps,
                phases=self.phases,
                deadline=None,
                suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
            ),
        )
