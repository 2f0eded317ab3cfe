"""`WorkerData`: what a task is told about its worker. Task processes import it: nothing heavy here."""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

TERMINATION_FLAG = 0
SHUTDOWN_FLAG = 1
FLAGS_SIZE_BYTES = 2
"""Layout of the page of flags that the worker shares with every task process."""
_LOOK_S = 0.05
"""How often one who waits for a flag looks at it."""


class NoticeEvent:
    """A flag that the worker sets once and for all, as an event: to be looked at, or waited for."""

    def __init__(self, seen: Callable[[], bool]) -> None:
        """Take note of how it is looked at."""
        self._seen = seen

    def is_set(self) -> bool:
        """Whether it has come."""
        return self._seen()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it has come, for so many seconds at most (None: without end); whether it has.

        Holds up the thread that calls it; on an event loop, look at `is_set` now and then.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while not self._seen():
            left_s = _LOOK_S if deadline is None else deadline - time.monotonic()
            if left_s <= 0:
                return self._seen()
            time.sleep(min(left_s, _LOOK_S))
        return True


class WorkerData:
    """Settings of the worker and the state of the machine, as seen from a task.

    Times are seconds, sizes are GB, unless the name says otherwise. What nobody set is None.

    Attributes:
        args: Everything from the command line, the program's own arguments included.
        provider: "AWS", "GCP", "AZURE" or None.
        project_id: Project (GCP).
        job_id: Job; names the queue where no queue name is given.
        queue_name: Task queue.
        exactly_once_queue: Whether the queue is to deliver exactly once.
        event_log_to_queue: Whether events go to a queue.
        event_log_queue_name: Its name.
        event_log_to_file: Whether events go to a file.
        event_log_file: Its name.
        keepalive_interval: Seconds between keep-alive events; 0: none.
        instance_type: Instance type.
        num_cpus: Number of vCPUs.
        memory_gb: Memory.
        local_ssd_gb: Local SSD.
        boot_disk_gb: Boot disk.
        is_spot: Whether the machine may be taken away at any time.
        price_per_hour: USD an hour.
        num_simultaneous_tasks: How many tasks run at a time.
        max_runtime: Seconds after which a task is stopped.
        max_memory_allowed_per_task: Address space of a task.
        shutdown_grace_period: Seconds from a shutdown request until tasks are killed.
        retry_on_exit: Whether a task whose process exits is tried again.
        retry_on_exception: Whether a task that raises is tried again.
        retry_on_timeout: Whether a task that takes too long is tried again.
        simulate_spot_termination_after: Seconds until a simulated termination notice.
        simulate_spot_termination_delay: Seconds from that notice until tasks are killed.
        attempt: Number of this attempt at the task, from 1.
        deadline: When the task will be stopped, on the clock of `time.monotonic()`; None: never.
        handed_down: What task functions need to dispatch others; "" elsewhere.
    """

    def __init__(self) -> None:
        """All settings at their defaults; the worker fills in the rest."""
        self.args: argparse.Namespace | None = None
        self.provider: str | None = None
        self.project_id: str | None = None
        self.job_id: str | None = None
        self.queue_name: str | None = None
        self.exactly_once_queue: bool = False
        self.event_log_to_queue: bool = False
        self.event_log_queue_name: str | None = None
        self.event_log_to_file: bool = False
        self.event_log_file: str | None = None
        self.keepalive_interval: float = 60.0
        self.instance_type: str | None = None
        self.num_cpus: int | None = None
        self.memory_gb: float | None = None
        self.local_ssd_gb: float | None = None
        self.boot_disk_gb: float | None = None
        self.is_spot: bool = False
        self.price_per_hour: float | None = None
        self.num_simultaneous_tasks: int = 1
        self.max_runtime: float = 600
        self.max_memory_allowed_per_task: float | None = None
        self.shutdown_grace_period: float = 30
        self.retry_on_exit: bool = False
        self.retry_on_exception: bool = False
        self.retry_on_timeout: bool = False
        self.handed_down: str = ""
        self.simulate_spot_termination_after: float | None = None
        self.simulate_spot_termination_delay: float | None = None
        self.attempt: int = 1
        self.deadline: float | None = None
        self._flags: bytearray | memoryview | None = None
        self._report_progress: Callable[[float, float | None], None] | None = None

    @property
    def received_termination_notice(self) -> bool:
        """Whether the provider has announced that it will take the machine away."""
        return self._flags is not None and self._flags[TERMINATION_FLAG] != 0

    @property
    def received_shutdown_request(self) -> bool:
        """Whether the worker was asked to end (SIGINT, SIGTERM)."""
        return self._flags is not None and self._flags[SHUTDOWN_FLAG] != 0

    @property
    def termination_event(self) -> NoticeEvent:
        """`received_termination_notice` as an event, which a task can wait for."""
        return NoticeEvent(lambda: self.received_termination_notice)

    @property
    def shutdown_event(self) -> NoticeEvent:
        """`received_shutdown_request` as an event, which a task can wait for."""
        return NoticeEvent(lambda: self.received_shutdown_request)

    def progress(self, done: float, total: float | None = None) -> None:
        """Tell how far the task is, for the worker's display.

        Cheap to call often: what comes faster than twenty times a second is left out, but for the last.

        Args:
            done: How much is done, in units of your choice.
            total: How much there is in all; None if that is not known.
        """
        report = self._report_progress  # looked at once: it goes when the run ends, and threads may go on
        if report is not None:
            report(done, total)
