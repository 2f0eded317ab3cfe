"""The functions that our worker runs in the benchmarks: they do nothing."""

from __future__ import annotations

from benchmarks.peers import tally
from cloud_tasks.tasks import task


@task(queue="loop")
async def noop(number: int) -> None:
    """Do nothing, on the loop."""
    tally.ran(number)


@task(queue="pool", mode="pool")
def noop_in_pool(number: int) -> None:
    """Do nothing, in a process of the pool."""
    tally.ran(number)
