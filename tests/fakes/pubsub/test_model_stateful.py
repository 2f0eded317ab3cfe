"""The model of a subscription against a naive one, and against what must hold whatever happens."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.fakes.pubsub.asking import DEAD_SUBSCRIPTION, POLICY, Got, Model

LEASE_S = 10.0
LOST = "PERMANENT_FAILURE_INVALID_ACK_ID"
counts = st.sampled_from([1, 1, 2, 3, 10])
seconds = st.sampled_from([1.0, 3.0, 9.0, 10.0, 11.0, 25.0])
picks = st.sampled_from([0, 0, 0, 1, 1, 2, 3, 8])
"""Which delivery, counted from the newest: mostly one that still holds."""


class Naive:
    """What the test believes of one message."""

    def __init__(self) -> None:
        self.available_at = 0.0
        self.leased = False
        self.ack_id = ""
        self.failures = 0


class PlainMachine(RuleBasedStateMachine):
    """Without ordering keys every answer is known."""

    @initialize(strict=st.booleans(), rests=st.booleans(), dead=st.booleans(), retains=st.booleans())
    def start(self, *, strict: bool, rests: bool, dead: bool, retains: bool) -> None:
        fields: dict[str, Any] = {"enable_exactly_once_delivery": strict, "retain_acked_messages": retains}
        if rests:
            fields["retry_policy"] = {"minimum_backoff": {"seconds": 4}, "maximum_backoff": {"seconds": 9}}
        if dead:
            fields["dead_letter_policy"] = POLICY
        self.strict, self.rests, self.dead = strict, rests, dead
        self.model = Model(**fields)
        self.naive: dict[int, Naive] = {}
        self.buried = 0
        self.confirmed: dict[str, float] = {}
        self.seen: list[Got] = []

    @property
    def now(self) -> float:
        return self.model.clock.monotonic()

    # --- The naive model

    def catch_up(self) -> None:
        for number, one in list(self.naive.items()):
            if one.leased and one.available_at <= self.now:
                self.failed(number, one, one.available_at)

    def failed(self, number: int, one: Naive, moment: float) -> None:
        one.failures += 1
        one.leased = False
        one.available_at = moment
        if self.dead and one.failures >= 5:
            del self.naive[number]
            self.buried += 1
        elif self.rests:
            one.available_at += min(9.0, 4.0 * 2 ** (one.failures - 1))

    def usable(self, got: Got) -> Naive | None:
        """The message, if this delivery still counts."""
        self.catch_up()
        one = self.naive.get(got.number)
        if one is None or one.ack_id != got.ack_id or (self.strict and not one.leased):
            return None
        return one

    def pick(self, number: int) -> Got:
        return self.seen[-1 - number % len(self.seen)]

    # --- What happens

    @rule(count=counts)
    def publish(self, count: int) -> None:
        self.catch_up()
        for number in self.model.publish(*("x" for _ in range(count))):
            self.naive[number] = Naive()

    @rule(count=counts)
    def take(self, count: int) -> None:
        self.catch_up()
        free = {
            number for number, one in self.naive.items() if not one.leased and one.available_at <= self.now
        }
        taken = self.model.take(count)
        assert len(taken) == min(count, len(free))
        assert len({got.number for got in taken}) == len(taken)
        for got in taken:
            assert got.number in free
            one = self.naive[got.number]
            assert got.attempt == (one.failures + 1 if self.dead else 0)
            one.leased, one.available_at, one.ack_id = True, self.now + LEASE_S, got.ack_id
        self.seen += taken

    @precondition(lambda self: self.seen)
    @rule(pick=picks)
    def ack(self, pick: int) -> None:
        got = self.pick(pick)
        one = self.usable(got)
        refused = self.model.ack(got.ack_id)
        if one is not None:
            assert refused == {}
            self.confirmed[got.ack_id] = one.available_at
            del self.naive[got.number]
        elif self.strict and self.confirmed.get(got.ack_id, 0.0) <= self.now:
            assert refused == {got.ack_id: LOST}
        else:
            assert refused == {}

    @precondition(lambda self: self.seen)
    @rule(pick=picks, seconds=st.sampled_from([0.0, 0.0, 1.0, 30.0]))
    def extend(self, pick: int, seconds: float) -> None:
        got = self.pick(pick)
        one = self.usable(got)
        refused = self.model.extend(seconds, got.ack_id)
        confirmed = self.confirmed.get(got.ack_id, 0.0) > self.now
        assert refused == ({got.ack_id: LOST} if self.strict and one is None and not confirmed else {})
        if one is None:
            return
        if seconds and (one.leased or one.available_at <= self.now):
            one.leased, one.available_at = True, self.now + seconds
        elif one.leased:
            self.failed(got.number, one, self.now)

    @rule(seconds=seconds)
    def advance(self, seconds: float) -> None:
        self.model.clock.advance(seconds)

    def teardown(self) -> None:
        """Nothing is lost: all that was neither acked nor buried comes in the end, and nothing else."""
        if not hasattr(self, "model"):
            return
        self.catch_up()
        assert len(self.model.take(name=DEAD_SUBSCRIPTION)) == self.buried
        self.model.clock.advance(30.0)
        self.catch_up()
        self.model.clock.advance(10.0)
        assert {got.number for got in self.model.take()} == set(self.naive)
        everything = self.model.service.consumable("projects/p/subscriptions/subscription").backlog
        everything.clear()
        assert (everything.ready, everything.kept()) == (0, [])


class OrderedMachine(RuleBasedStateMachine):
    """With ordering keys: what must hold whatever happens."""

    @initialize(strict=st.booleans(), rests=st.booleans())
    def start(self, *, strict: bool, rests: bool) -> None:
        fields: dict[str, Any] = {"enable_message_ordering": True, "enable_exactly_once_delivery": strict}
        if rests:
            fields["retry_policy"] = {"minimum_backoff": {"seconds": 4}, "maximum_backoff": {"seconds": 9}}
        self.model = Model(**fields)
        self.strict = strict
        self.keys: dict[int, str] = {}
        self.acked: set[int] = set()
        self.held: dict[int, float] = {}
        self.newest: dict[int, str] = {}
        self.seen: list[Got] = []

    @property
    def now(self) -> float:
        return self.model.clock.monotonic()

    def holds(self, number: int) -> bool:
        return self.held.get(number, 0.0) > self.now

    def before(self, number: int) -> list[int]:
        """The earlier messages of its key that were not acked."""
        key = self.keys[number]
        return [one for one in self.keys if one < number and self.keys[one] == key and one not in self.acked]

    def came_back(self, number: int) -> None:
        """A message is to come again, and all of its key after it that were handed out."""
        for one in self.keys:
            if one >= number and self.keys[one] == self.keys[number]:
                self.held.pop(one, None)
                self.acked.discard(one) if one in self.newest else None

    def catch_up(self) -> None:
        for number, until in sorted(self.held.items(), key=lambda one: one[1]):
            if until <= self.now and number in self.held:
                self.came_back(number) if self.keys[number] else self.held.pop(number)

    @rule(key=st.sampled_from(["", "a", "a", "b"]), count=counts)
    def publish(self, key: str, count: int) -> None:
        for number in self.model.publish(*("x" for _ in range(count)), key=key):
            self.keys[number] = key

    @rule(count=counts)
    def take(self, count: int) -> None:
        self.catch_up()
        last: dict[str, int] = {}
        for got in self.model.take(count):
            assert not self.holds(got.number)
            assert got.number not in self.acked
            if got.key:
                assert got.number > last.get(got.key, 0)
                assert all(self.holds(one) for one in self.before(got.number))
                last[got.key] = got.number
            self.held[got.number] = self.now + LEASE_S
            self.newest[got.number] = got.ack_id
            self.seen.append(got)

    @precondition(lambda self: self.seen)
    @rule(pick=picks)
    def ack(self, pick: int) -> None:
        self.catch_up()
        got = self.seen[-1 - pick % len(self.seen)]
        current = self.newest[got.number] == got.ack_id and got.number not in self.acked
        refused = self.model.ack(got.ack_id)
        if current and self.holds(got.number):
            late = self.strict and got.key and self.before(got.number)
            assert refused == ({got.ack_id: "TRANSIENT_FAILURE_UNORDERED_ACK_ID"} if late else {})
            if not late:
                self.acked.add(got.number)
                self.held.pop(got.number)
        elif not self.strict:
            assert refused == {}

    @precondition(lambda self: self.seen)
    @rule(pick=picks)
    def nack(self, pick: int) -> None:
        self.catch_up()
        got = self.seen[-1 - pick % len(self.seen)]
        current = self.newest[got.number] == got.ack_id and self.holds(got.number)
        self.model.nack(got.ack_id)
        if current and got.key:
            self.came_back(got.number)
        elif current:
            self.held.pop(got.number)

    @rule(seconds=seconds)
    def advance(self, seconds: float) -> None:
        self.model.clock.advance(seconds)

    def teardown(self) -> None:
        """Nothing is lost, and what was acked after all before it does not come again."""
        if not hasattr(self, "model"):
            return
        left: set[int] = set()
        for _ in range(40):
            self.model.clock.advance(10.0)
            self.catch_up()
            for got in self.model.take():
                left.add(got.number)
                self.model.ack(got.ack_id)
        assert {number for number in self.keys if number not in self.acked} <= left


PlainMachine.TestCase.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
OrderedMachine.TestCase.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
TestPlain = PlainMachine.TestCase
TestOrdered = OrderedMachine.TestCase
