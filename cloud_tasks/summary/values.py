"""The summary of a run, as frozen values."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from msgspec import Struct

EXIT_STATUS_OF_SIGNAL = {"SIGINT": 130, "SIGTERM": 143}


class OutcomeCounts(Struct, frozen=True, kw_only=True):
    """Number of attempts per outcome; a task that was tried twice is counted twice.

    Attributes:
        completed: The function returned.
        exception: It raised, or returned what it must not return, or ran into its memory limit.
        timed_out: It took longer than `--max-runtime`.
        exited: Its process ended without a result.
        interrupted: Given up through no fault of its own.
        dead_lettered: Put aside without being run.
        skipped: Handed back unseen (`--tasks-to-skip`).
    """

    completed: int = 0
    exception: int = 0
    timed_out: int = 0
    exited: int = 0
    interrupted: int = 0
    dead_lettered: int = 0
    skipped: int = 0


class RunTimes(Struct, frozen=True, kw_only=True):
    """How long the attempts took, in seconds; percentiles within 0.1 % once there are thousands."""

    min_s: float
    mean_s: float
    median_s: float
    p90_s: float
    p95_s: float
    p99_s: float
    max_s: float


class SlowTask(Struct, frozen=True):
    """One of the slowest attempts.

    Attributes:
        task_id: Whose it was.
        elapsed_s: How long it took, in seconds.
        outcome: How it ended; a name from `OutcomeCounts`.
    """

    task_id: str
    elapsed_s: float
    outcome: str


class FailureGroup(Struct, frozen=True):
    """Attempts that failed in the same way.

    Attributes:
        outcome: A name from `OutcomeCounts`.
        error: Type of the exception, name of the signal or the like.
        message: What came with it; "" where several messages were put together.
        count: How many there were.
        task_id: One of them.
    """

    outcome: str
    error: str
    message: str
    count: int
    task_id: str


class Summary(Struct, frozen=True, kw_only=True):
    """What a run of the worker came to.

    Attributes:
        worker_id: Identity of this start of the worker.
        reason: Why it ended, as in the event `worker_stopped`.
        signal: Name of the signal that ended it; "" if none did.
        elapsed_s: How long it ran, in seconds.
        tasks_total: Number of tasks in the source; None where that is not known.
        counts: Number of attempts per outcome.
        failed: Number of tasks that ended for good in exception, timed_out, exited or dead_lettered.
        retried: Number of attempts after which the task went back to the queue to be tried again.
        unfinished: Number of tasks of a local source that are not done although they were to be.
        run_times: How long the attempts took; None if none ran to an end.
        slowest: The slowest attempts, the slowest first.
        failures: How attempts failed, the most frequent way first.
        problems: What went wrong with the worker itself or with its source, a line each.
        errors_survived: Number of errors that the worker met and went on from.
    """

    worker_id: str
    reason: str
    elapsed_s: float
    signal: str = ""
    tasks_total: int | None = None
    counts: OutcomeCounts = OutcomeCounts()
    failed: int = 0
    retried: int = 0
    unfinished: int = 0
    run_times: RunTimes | None = None
    slowest: tuple[SlowTask, ...] = ()
    failures: tuple[FailureGroup, ...] = ()
    problems: tuple[str, ...] = ()
    errors_survived: int = 0

    @property
    def finished(self) -> int:
        """Number of attempts that ran to an end of their own."""
        counts = self.counts
        return counts.completed + counts.exception + counts.timed_out + counts.exited

    @property
    def throughput_per_s(self) -> float:
        """Finished attempts per second of the whole run."""
        return self.finished / self.elapsed_s if self.elapsed_s > 0 else 0.0

    @property
    def exit_status(self) -> int:
        """0 all well, 1 something failed or is left undone, 130 and 143 for SIGINT and SIGTERM."""
        if self.signal:
            return EXIT_STATUS_OF_SIGNAL.get(self.signal, 1)
        bad = self.failed or self.unfinished or self.problems or self.reason == "source_failed"
        return 1 if bad else 0

    def to_json(self, exit_status: int | None = None) -> bytes:
        """Everything as one JSON object on one line, `throughput_per_s` and `exit_status` included.

        Args:
            exit_status: That of the process; None: it ends as this run did.
        """
        fields = msgspec.structs.asdict(self)
        fields["throughput_per_s"] = self.throughput_per_s
        fields["exit_status"] = self.exit_status if exit_status is None else exit_status
        return msgspec.json.encode(fields)


def status_of_workers(ends: Iterable[Summary]) -> int:
    """The exit status of workers whose failed tasks are kept elsewhere: 0, unless some had to be left behind.

    Then it is 130 or 143 after SIGINT or SIGTERM, and 1 otherwise.
    """
    left_behind = next((end for end in ends if end.problems), None)
    return 0 if left_behind is None else EXIT_STATUS_OF_SIGNAL.get(left_behind.signal, 1)
