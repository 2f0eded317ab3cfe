"""Celery with the prefork pool.

After SIGKILL: with `acks_late` nothing is lost; what a dead worker had taken is put back an hour later, and
what a process of the pool was running is put back at once.
"""

# Its packages are in .venv-peers, where mypy does not look.
# mypy: disable-error-code="import-not-found, untyped-decorator"

from __future__ import annotations

import os

from celery import Celery

from benchmarks.peers import tally

app = Celery("on_celery", broker=os.environ["BENCH_REDIS_URL"])
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    worker_prefetch_multiplier=50,  # 100 for two processes; the default is 4 for each
    worker_send_task_events=False,
)


@app.task(name="noop")
def noop(number: int) -> None:
    """Do nothing."""
    tally.ran(number)


def fill(count: int) -> None:
    """Put them there."""
    with app.producer_or_acquire() as producer:
        for number in range(count):
            noop.apply_async((number,), producer=producer)
