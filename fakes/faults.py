"""Faults of a service: which call is struck by what, decided by a plan and a seed alone.

A plan is a list of rules. Each rule has its own stream of random numbers, so that to add, change or remove
one leaves what the others do as it was.
"""

from __future__ import annotations

import enum
import math
import random
from collections import Counter
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase

from msgspec import Struct

from cloud_tasks.interfaces import Clock

LOG_MAX = 10_000
"""How many faults that struck are remembered: a program may serve for weeks."""


class FaultKind(enum.Enum):
    """What goes wrong."""

    THROTTLE = "throttle"
    """The call is refused, as one too many."""

    UNAVAILABLE = "unavailable"
    """The call is refused, as the service has a trouble of its own."""

    EFFECT_WITHOUT_REPLY = "effect_without_reply"
    """The call is carried out, and the connection breaks before the answer."""

    REPLY_WITHOUT_EFFECT = "reply_without_effect"
    """The call is answered as if it had been carried out, and was not."""

    DUPLICATE = "duplicate"
    """What is received stays to be received by others too."""

    REORDER = "reorder"
    """What is received is not what would come next."""

    SHORT_RECEIVE = "short_receive"
    """Fewer messages are received than there are."""

    EMPTY_RECEIVE = "empty_receive"
    """No message is received although there are some."""

    DELAY = "delay"
    """The call takes longer."""


class FaultRule(Struct, frozen=True, forbid_unknown_fields=True):
    """When a fault strikes: at a call that any of the four ways picks, within a span of time.

    Attributes:
        kind: What goes wrong.
        operation: Which calls may be struck: a name, or a pattern with `*`.
        probability: Of each call by itself.
        calls: By number, from 1, among the calls that the rule is about.
        every: Every so many of them.
        rate_per_s: More than so many in one second; each second is counted by itself.
        from_s: From when the rule is in force, counted from the start.
        until_s: Until when.
        delay_s: How much longer a call takes; for `DELAY` alone.
    """

    kind: FaultKind
    operation: str = "*"
    probability: float = 0.0
    calls: tuple[int, ...] = ()
    every: int | None = None
    rate_per_s: float | None = None
    from_s: float = 0.0
    until_s: float = math.inf
    delay_s: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what cannot be meant.

        Raises:
            ValueError: A number is out of its range, or the rule can never strike.
        """
        for ok, what in (
            (0 <= self.probability <= 1, "`probability`: expected 0 to 1"),
            (all(call >= 1 for call in self.calls), "`calls`: calls are counted from 1"),
            (self.every is None or self.every >= 1, "`every`: expected at least 1"),
            (self.rate_per_s is None or self.rate_per_s >= 0, "`rate_per_s`: expected at least 0"),
            (0 <= self.from_s < self.until_s, "`from_s`, `until_s`: expected 0 <= from_s < until_s"),
            (0 <= self.delay_s < math.inf, "`delay_s`: expected at least 0"),
            (self.kind is not FaultKind.DELAY or self.delay_s > 0, "`delay_s`: a delay needs one above 0"),
            (self.kind is FaultKind.DELAY or not self.delay_s, "`delay_s`: only for kind `delay`"),
            (self._picks, "one of `probability`, `calls`, `every`, `rate_per_s` must be given"),
        ):
            if not ok:
                raise ValueError(what)

    @property
    def _picks(self) -> bool:
        given = bool(self.calls) or self.every is not None or self.rate_per_s is not None
        return given or self.probability > 0


class FaultPlan(Struct, frozen=True, forbid_unknown_fields=True):
    """What goes wrong with a service.

    Attributes:
        seed: Of every random decision.
        rules: When what goes wrong.
    """

    seed: int = 0
    rules: tuple[FaultRule, ...] = ()


class Struck(Struct, frozen=True):
    """A fault that struck, for the log.

    Attributes:
        at_s: When, on the injector's clock.
        rule: Number of the rule in the plan, from 0.
        kind: What went wrong.
        operation: Which call it struck.
        call: Number of the call among those that the rule is about, from 1.
    """

    at_s: float
    rule: int
    kind: FaultKind
    operation: str
    call: int


class FaultInjector:
    """Decides for each call what strikes it; the same plan and the same calls give the same decisions.

    Args:
        plan: The rules.
        clock: Spans of time and rates are measured on it, from now.
        observe: Told every fault that strikes; the `append` of a list, for instance.

    Attributes:
        log: Every fault that struck, in order; the last `LOG_MAX` of them.
        injected: How many struck, of each kind.
        effective: How many of them made a difference, of each kind: to reorder an empty queue makes none.
        random: For what else is left to chance about an effect.
    """

    def __init__(
        self, plan: FaultPlan, clock: Clock, observe: Callable[[Struck], None] | None = None
    ) -> None:
        self.log: list[Struck] = []
        self.injected: Counter[FaultKind] = Counter()
        self.effective: Counter[FaultKind] = Counter()
        self.random = random.Random(f"{plan.seed}:effects")  # noqa: S311 - for tests, not for secrets
        self._clock = clock
        self._began_s = clock.monotonic()
        self._observe = observe
        self._rules = [_Rule(number, rule, stream) for number, rule, stream in _streams(plan)]

    def decide(self, operation: str) -> tuple[FaultRule, ...]:
        """The rules that strike the next call of an operation, in the order of the plan."""
        now = self._clock.monotonic()
        struck = [each for each in self._rules if each.strikes(operation, now - self._began_s)]
        for each in struck:
            self._note(Struck(now, each.number, each.rule.kind, operation, each.calls))
        return tuple(each.rule for each in struck)

    def had_effect(self, rule: FaultRule) -> None:
        """A fault made a difference."""
        self.effective[rule.kind] += 1

    def _note(self, struck: Struck) -> None:
        self.log.append(struck)
        del self.log[:-LOG_MAX]
        self.injected[struck.kind] += 1
        if self._observe is not None:
            self._observe(struck)


def _streams(plan: FaultPlan) -> Iterator[tuple[int, FaultRule, str]]:
    """The rules with the names of their random streams, which do not depend on the rules around them."""
    alike: Counter[tuple[FaultKind, str]] = Counter()
    for number, rule in enumerate(plan.rules):
        kind = (rule.kind, rule.operation)
        alike[kind] += 1
        yield number, rule, f"{plan.seed}:{rule.kind.value}:{rule.operation}:{alike[kind]}"


class _Rule:
    """A rule at work: what it has seen, and its random numbers."""

    def __init__(self, number: int, rule: FaultRule, stream: str) -> None:
        self.number = number
        self.rule = rule
        self.calls = 0
        self._random = random.Random(stream)  # noqa: S311 - for tests, not for secrets
        self._second = -1
        self._calls_in_second = 0

    def strikes(self, operation: str, since_s: float) -> bool:
        rule = self.rule
        if not fnmatchcase(operation, rule.operation):
            return False
        self.calls += 1
        drawn = self._random.random()  # at each call, so that spans of time do not shift the others
        too_many = self._is_too_many(since_s)
        if not rule.from_s <= since_s < rule.until_s:
            return False
        by_number = self.calls in rule.calls or (rule.every is not None and self.calls % rule.every == 0)
        return by_number or too_many or drawn < rule.probability

    def _is_too_many(self, since_s: float) -> bool:
        if self.rule.rate_per_s is None:
            return False
        second = math.floor(since_s)
        self._calls_in_second = self._calls_in_second + 1 if second == self._second else 1
        self._second = second
        return self._calls_in_second > self.rule.rate_per_s
