"""dramatiq, in threads: what it runs fastest are plain functions.

After SIGKILL: nothing is lost; what a dead process had read is put back when others notice, a minute
later, that it is gone.
"""

# Its packages are in .venv-peers, where mypy does not look.
# mypy: disable-error-code="import-not-found, untyped-decorator"

from __future__ import annotations

import os

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from benchmarks.peers import tally

dramatiq.set_broker(RedisBroker(url=os.environ["BENCH_REDIS_URL"]))


@dramatiq.actor
def noop(number: int) -> None:
    """Do nothing."""
    tally.ran(number)


def fill(count: int) -> None:
    """Put them there."""
    for number in range(count):
        noop.send(number)
