"""Working a queue off in this very process, without a supervisor: for scripts and tests."""

from __future__ import annotations

import os
import socket
from math import inf

from cloud_tasks.clock import SystemClock
from cloud_tasks.compose.garbage import garbage_looked_for_rarely
from cloud_tasks.compose.naming import new_worker_id
from cloud_tasks.compose.queue_workers_lines import log
from cloud_tasks.compose.running import failures_told_to
from cloud_tasks.compose.signals import SignalWatch
from cloud_tasks.compose.transports import open_transport
from cloud_tasks.core.machine import MachineSettings
from cloud_tasks.core.policy import RetryPolicy
from cloud_tasks.core.task import Json
from cloud_tasks.errors import Problem, ProgramError
from cloud_tasks.interfaces import InstanceIdentity, QueueDriver
from cloud_tasks.metadata.static import StaticMetadata
from cloud_tasks.queue_workers.base import AsyncTaskWorker
from cloud_tasks.queue_workers.child import work_on
from cloud_tasks.queue_workers.limits import plain_limit
from cloud_tasks.queues.rate_limit import RateLimit, rate_limited
from cloud_tasks.runners.inline import InlineRunner
from cloud_tasks.runners.program import Program
from cloud_tasks.runners.worker_data import WorkerData
from cloud_tasks.shell import ShellSettings, WorkerShell
from cloud_tasks.sinks.tee import TeeSink

LEASE_S = 300.0
POLL_S = 0.2
GRACE_S = 30.0


async def work_off(worker: AsyncTaskWorker, url: str) -> int:
    """Have the worker work on what is in its queue, until it is empty; returns how many payloads it has done.

    Raises:
        ConfigurationError: The address cannot be used.
        QueueUnavailableError: Nobody answers there.
        ProgramError: The worker's limiter gives no limit.
    """
    clock = SystemClock()
    driver = open_transport(url, clock, POLL_S)
    try:
        await driver.connect()
        await driver.inspector(worker.queue).create()
        shell = await _shell(worker, driver, clock)
        with (
            SignalWatch(shell.request_shutdown),
            failures_told_to(shell, loop_is_shared=False),
            garbage_looked_for_rarely(),
        ):
            summary = await shell.run()
        return summary.counts.completed
    finally:
        await driver.disconnect()


async def _shell(worker: AsyncTaskWorker, driver: QueueDriver, clock: SystemClock) -> WorkerShell:
    def call(task_id: str, data: dict[str, Json], worker_data: WorkerData) -> tuple[bool, None]:
        del task_id, worker_data
        work_on(worker, data)
        return False, None

    runner = InlineRunner(Program(call, WorkerData()), 1)
    await runner.open()
    queue, limit = driver.tasks(worker.queue, LEASE_S), _limit(worker)
    hostname = socket.gethostname()
    return WorkerShell(
        MachineSettings(
            slots=1,
            max_runtime_s=inf,
            grace_s=GRACE_S,
            retry=RetryPolicy(keep_failed=True),
            idle_exit_s=0.0,
            poll_wait_s=POLL_S,
        ),
        ShellSettings(worker_id=new_worker_id(hostname), hostname=hostname, pid=os.getpid()),
        queue=queue if limit is None else rate_limited(queue, limit, clock, driver.inspector(worker.queue)),
        runner=runner,
        sink=TeeSink([]),
        metadata=StaticMetadata(InstanceIdentity("", hostname), None, None, clock),
        clock=clock,
        observer=_Told(),
    )


def _limit(worker: AsyncTaskWorker) -> RateLimit | None:
    limit = worker.get_limiter()
    try:
        return None if limit is None else RateLimit(*plain_limit(limit))
    except ValueError as error:
        raise ProgramError(Problem(f"the worker `{worker.name}` cannot be used: {error}")) from None


class _Told:
    """Logs what the shell has to say."""

    def task_started(self, task_id: str) -> None:
        """The worker logs it."""

    def task_progress(self, task_id: str, done: float, total: float | None) -> None:
        """Nobody shows it."""

    def worker_message(self, text: str) -> None:
        """Log it."""
        log.warning("%s", text)
