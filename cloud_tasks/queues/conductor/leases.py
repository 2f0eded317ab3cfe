"""Leases of Conductor tasks: all that is needed to settle one is in its key and receipt."""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct

from cloud_tasks.core.task import Json, Lease
from cloud_tasks.errors import LeaseLostError
from cloud_tasks.queues.conductor.forms import Form, ServerTask

Delivery: TypeAlias = tuple[str, float]


class Held(Struct, frozen=True):
    """What a receipt says.

    Attributes:
        task_id: The server's name for this attempt of the task; a retry has another.
        workflow_id: The workflow that it belongs to.
        response_timeout_s: How long the server waits for news of it, in seconds; 0: for ever.
        poll_count: How often it had been handed out, this time included.
    """

    task_id: str
    workflow_id: str
    response_timeout_s: float
    poll_count: float

    @property
    def delivery(self) -> Delivery:
        """Which time it was handed out: the same task of the server may be held a second time."""
        return self.task_id, self.poll_count


def lease_of(told: ServerTask, form: Form, waited_s: float) -> Lease:
    """The lease for a task that a poll brought.

    Args:
        told: The task, as the server tells it.
        form: Makes our task of it.
        waited_s: How long before the poll the call began that the lease is counted from, in seconds.
    """
    task_id, workflow_id = str(told["taskId"]), str(told.get("workflowInstanceId") or "")
    timeout_s = number_of(told.get("responseTimeoutSeconds"))
    # The task's own name in its workflow stays the same over retries, and is another in each turn of a loop.
    name = told.get("referenceTaskName") or told.get("seq") or task_id
    return Lease(
        form.task_of(told),
        f"{workflow_id}/{name}",
        f"{number_of(told.get('pollCount')):g}:{timeout_s:g}:{task_id}",
        timeout_s + waited_s if timeout_s > 0 else None,
        delivery_count=int(number_of(told.get("retryCount"))) + 1,
        queue=str(told.get("taskDefName") or told.get("taskType") or ""),
    )


def held_of(lease: Lease) -> Held:
    """What the server has to be told of whose task it is.

    Raises:
        LeaseLostError: The receipt is none of ours.
    """
    parts = lease.receipt.split(":", 2)
    if len(parts) != 3:  # noqa: PLR2004 - as written above
        raise LeaseLostError(f"{lease.receipt!r} is no receipt of a Conductor task")
    return Held(parts[2], lease.key.partition("/")[0], float(parts[1]), float(parts[0]))


def number_of(value: Json) -> float:
    """A number that the server may leave out."""
    return float(value) if isinstance(value, int | float) else 0.0
