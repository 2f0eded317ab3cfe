"""Plans for a backend: what was drawn for a queue of any kind is fitted to what this one can do."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

from msgspec import structs

from fakes.queue_options import QueueOptions
from simulation.plan import BackendPlan, RunPlan
from simulation.shares import share_of

BackendName = Literal["model", "sqs", "pubsub", "conductor"]
BACKENDS: tuple[BackendName, ...] = ("model", "sqs", "pubsub", "conductor")
_DAY_S = 86_400.0
_SQS_S = 1.0, 43_200.0
_PUBSUB_S = 10.0, 600.0
_CONDUCTOR_S = 1.0, 43_200.0
_YEAR_S = 365 * _DAY_S
SQS_RECEIVES = 1, 1_000
PUBSUB_ATTEMPTS = 5, 100
_LATE_ANSWER = "the adapter itself hands back what a receive brings that was given up"
_LATE_UPDATE = "the server takes no notice of what comes too late, and says nothing"
BEYOND_REACH: dict[BackendName, dict[str, str]] = {
    "model": {},
    "sqs": {"arrived_after_the_end": _LATE_ANSWER},
    "pubsub": {
        "arrived_after_the_end": _LATE_ANSWER,
        "extended_too_late": "late extensions are passed over in silence, unless delivery is exactly once",
        "settled_too_late": "late acks are passed over in silence, unless delivery is exactly once",
    },
    "conductor": {
        "arrived_after_the_end": _LATE_ANSWER,
        "extended_too_late": _LATE_UPDATE,
        "settled_too_late": _LATE_UPDATE,
        "settlement_failed": "a result that the server cannot be told waits on disk, settled for the worker",
    },
}
"""Situations that no run has to reach on a backend, and why."""
RECEIVES_MAX = 100
"""After how many deliveries the service itself buries a message, where the plan does not say."""


def on_backend(plan: RunPlan, name: BackendName) -> RunPlan:
    """The same plan on a backend; what that has besides is drawn from the seed."""
    if name == "model":
        return plan if plan.backend.name == name else structs.replace(plan, backend=BackendPlan())
    if name == "conductor":
        return legal(structs.replace(plan, backend=BackendPlan(name=name, server="fakes")))
    exactly_once = _toss(plan.seed, "exactly once")
    server: Literal["moto", "fakes"] = "moto" if name == "pubsub" or _toss(plan.seed, "server") else "fakes"
    backend = BackendPlan(name=name, exactly_once=exactly_once, server=server)
    return legal(structs.replace(plan, backend=backend))


def _toss(seed: int, what: str) -> bool:
    return share_of(seed, what) < 0.5  # noqa: PLR2004 - one half


def legal(plan: RunPlan) -> RunPlan:
    """The plan with a queue that the backend can be: leases of whole seconds, within its limits.

    What is legal stays as it is. No service counts interruptions apart or renews a receipt when a lease is
    extended; retention is left at the days that the adapter sets; producers are played on the model alone.
    """
    backend = plan.backend
    if backend.name == "model":
        return plan
    options = _OPTIONS[backend.name](plan)
    if options == plan.queue and plan.producer is None:
        return plan
    return structs.replace(plan, queue=options, producer=None)


def _sqs(plan: RunPlan) -> QueueOptions:
    return QueueOptions(
        lease_s=_whole(plan.queue.lease_s, *_SQS_S),
        lease_s_max=_SQS_S[1],
        lease_total_s_max=_SQS_S[1],
        delay_s_max=_SQS_S[1],
        max_receive_count=_within(plan.queue.max_receive_count, *SQS_RECEIVES),
        counts_interruptions=False,
        settles_after_expiry=not plan.backend.exactly_once,
    )


def _pubsub(plan: RunPlan) -> QueueOptions:
    return QueueOptions(
        lease_s=_whole(plan.queue.lease_s, *_PUBSUB_S),
        lease_s_max=_PUBSUB_S[1],
        lease_total_s_max=7 * _DAY_S,
        delay_s_max=_PUBSUB_S[1],
        wait_s_max=90.0,
        batch_size_max=1_000,
        message_size_bytes_max=10_000_000,
        max_receive_count=_within(plan.queue.max_receive_count, *PUBSUB_ATTEMPTS),
        counts_interruptions=False,
        settles_after_expiry=not plan.backend.exactly_once,
    )


def _conductor(plan: RunPlan) -> QueueOptions:
    """Leases are response time-outs, and last as long as they are extended; nothing else is ours to say."""
    return QueueOptions(
        lease_s=_whole(plan.queue.lease_s, *_CONDUCTOR_S),
        lease_s_max=_YEAR_S,
        lease_total_s_max=_YEAR_S,
        delay_s_max=0.0,
        wait_s_max=5.0,
        batch_size_max=100,
        message_size_bytes_max=None,
        counts_interruptions=False,
    )


_OPTIONS: dict[str, Callable[[RunPlan], QueueOptions]] = {
    "sqs": _sqs,
    "pubsub": _pubsub,
    "conductor": _conductor,
}


def _whole(seconds: float, least: float, most: float) -> float:
    return float(min(max(math.ceil(seconds), least), most))


def _within(count: int | None, least: int, most: int) -> int:
    return RECEIVES_MAX if count is None else min(max(count, least), most)
