"""`Scenario`: a family of plans. Each seed draws one from it."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping
from typing import Literal, TypeVar

import msgspec
from msgspec import Struct, structs

from cloud_tasks.config.option import Value
from fakes.queue_options import QueueOptions
from simulation.faults import Fault, FaultClass
from simulation.link_calls import Latency
from simulation.plan import BackendPlan, MonitorPlan, ProducerPlan, RunPlan, WorkerPlan, Workload
from simulation.sizes import SIZES
from simulation.streams import Streams

P = TypeVar("P", bound=Struct)

LEASE_MARGIN_S = 10.0
"""How much longer than a run may take a lease is, unless the scenario says how long it is."""
_DAY_S = 86_400.0
_HOUR_S = 3600.0
_WORKERS_MAX = 1_000

QUEUES: dict[str, QueueOptions] = {
    "sqs": QueueOptions(counts_interruptions=False, settles_after_expiry=True),
    "pubsub": QueueOptions(
        lease_s_max=600.0,
        lease_total_s_max=7 * _DAY_S,
        delay_s_max=600.0,
        batch_size_max=1000,
        message_size_bytes_max=10_000_000,
        counts_interruptions=False,
    ),
    "strict": QueueOptions(extend_renews_receipt=True),
}


class Dial(Struct, frozen=True):
    """A value, or what it is drawn from.

    Attributes:
        values: The one value; or those of which one is drawn, with equal odds.
        spread: Whether `values` are the ends of a range instead. Between ends that are not whole and above 0
            it is the logarithm that is drawn evenly, so that each order of magnitude has its turn.
        whole: Whether only whole numbers are drawn from a range.
    """

    values: tuple[Value, ...]
    spread: bool = False
    whole: bool = False

    def draw(self, stream: random.Random) -> Value:
        """One value."""
        if not self.spread:
            return self.values[0] if len(self.values) == 1 else stream.choice(self.values)
        low, high = self.least, self.most
        if self.whole:
            return stream.randint(int(low), int(high))
        if low <= 0:
            return stream.uniform(low, high)
        return min(high, math.exp(stream.uniform(math.log(low), math.log(high))))

    @property
    def least(self) -> float:
        """The smallest number that can be drawn."""
        return min(_number(value) for value in self.values)

    @property
    def most(self) -> float:
        """The largest number that can be drawn."""
        return max(_number(value) for value in self.values)


Dials = Mapping[str, Dial]


class ScenarioFault(Struct, frozen=True):
    """A fault that is to strike, or several of a kind.

    Attributes:
        kind: What goes wrong.
        whom: What it strikes, for a class that strikes on occasions.
        dials: When, whom and how much, by the names of the keys.
    """

    kind: FaultClass
    whom: str
    dials: Dials

    def faults(self, stream: random.Random, until_s: float) -> Iterator[Fault]:
        """What it comes to for one seed."""
        if self.whom:
            yield self._fault(stream, 0.0, int(self._drawn("which", stream, 1)))
            return
        first = int(self._drawn("which", stream, stream.randint(1, _WORKERS_MAX)))
        for number, at_s in enumerate(self._moments(stream, until_s)):
            yield self._fault(stream, at_s, first + number)

    def _moments(self, stream: random.Random, until_s: float) -> Iterator[float]:
        if "per_hour" not in self.dials:
            for _ in range(int(self._drawn("times", stream, 1))):
                yield self._drawn("at", stream, 0)
            return
        rate = self._drawn("per_hour", stream, 0) / _HOUR_S
        at_s = stream.expovariate(rate)
        while at_s < until_s:
            yield at_s
            at_s += stream.expovariate(rate)

    def _fault(self, stream: random.Random, at_s: float, which: int) -> Fault:
        size = self._drawn(SIZES[self.kind].key, stream, 0) if self.kind in SIZES else 0.0
        return Fault(kind=self.kind, whom=self.whom, which=which, at_s=at_s, size=size)

    def _drawn(self, name: str, stream: random.Random, otherwise: float) -> float:
        dial = self.dials.get(name)
        return otherwise if dial is None else _number(dial.draw(stream))


class Scenario(Struct, frozen=True, kw_only=True):
    """A family of plans.

    Attributes:
        name: Its name.
        description: What it is about, for people.
        reaches: Sometimes-points that it exists to reach.
        dials: What is set of each section, by the field of the plan.
        odds: Of faults that strike on occasions.
        faults: Those that strike at moments, or on one occasion alone.
        faults_for: For how long there are faults, in seconds.
        policy: How the schedule is drawn; None: half of the seeds each of random and pct.
    """

    name: str
    description: str
    faults_for: Dial
    reaches: tuple[str, ...] = ()
    dials: Mapping[str, Dials] = {}
    odds: Mapping[FaultClass, Dial] = {}
    faults: tuple[ScenarioFault, ...] = ()
    policy: Dial | None = None

    def plan(self, seed: int) -> RunPlan:
        """The plan of a seed."""
        streams = Streams(seed)
        faults_s = _number(self.faults_for.draw(streams.of("faults_for")))
        worker = self._drawn("worker", streams)
        lease_s = worker.pop("visibility_timeout", None)
        worker_plan = msgspec.convert(worker, WorkerPlan)
        if lease_s is None:
            lease_s = worker_plan.max_runtime_s + LEASE_MARGIN_S
        return RunPlan(
            seed=seed,
            scenario=self.name,
            workload=msgspec.convert(self._drawn("workload", streams), Workload),
            worker=worker_plan,
            queue=_queue(self._drawn("queue", streams), _number(lease_s)),
            backend=BackendPlan(gathers_acks=True),  # as most queues do
            latency=msgspec.convert(self._drawn("latency", streams), Latency),
            odds={
                kind: _number(dial.draw(streams.of("odds", kind.value))) for kind, dial in self.odds.items()
            },
            faults=tuple(
                fault
                for number, rule in enumerate(self.faults)
                for fault in rule.faults(streams.of("faults", number), faults_s)
            ),
            faults_s=faults_s,
            policy=self._policy(streams),
            monitor=self._optional("monitor", MonitorPlan, streams),
            producer=self._optional("producer", ProducerPlan, streams),
        )

    @property
    def classes(self) -> tuple[FaultClass, ...]:
        """The classes that are on for some seed at least."""
        kinds = [kind for kind, dial in self.odds.items() if dial.most > 0]
        return tuple(dict.fromkeys((*kinds, *(fault.kind for fault in self.faults))))

    def _drawn(self, section: str, streams: Streams) -> dict[str, Value]:
        dials = self.dials.get(section, {})
        return {field: dial.draw(streams.of(section, field)) for field, dial in dials.items()}

    def _optional(self, section: str, kind: type[P], streams: Streams) -> P | None:
        """A part that is there only if the scenario names it."""
        return msgspec.convert(self._drawn(section, streams), kind) if section in self.dials else None

    def _policy(self, streams: Streams) -> Literal["turn", "random", "pct"]:
        dial = self.policy or Dial(("random", "pct"))
        drawn = dial.draw(streams.of("policy"))
        return "turn" if drawn == "turn" else "pct" if drawn == "pct" else "random"


def _queue(drawn: dict[str, Value], lease_s: float) -> QueueOptions:
    """The queue of a plan; the lease is clipped to what the queue allows, as the worker would."""
    options = QUEUES[str(drawn.pop("semantics", "sqs"))]
    fields = {**structs.asdict(options), **drawn}
    longest_s = min(fields["lease_s_max"], fields["lease_total_s_max"])
    return msgspec.convert({**fields, "lease_s": min(lease_s, longest_s)}, QueueOptions)


def _number(value: Value) -> float:
    return value if isinstance(value, int | float) else 0.0
