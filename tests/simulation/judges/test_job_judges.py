"""The judges of the task database: each promise broken by hand, and just kept."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from msgspec import structs

from cloud_tasks.core.events import EventRecord, KeepAlive, TaskEvent, WorkerStarted, WorkerStopped
from cloud_tasks.core.task import Task
from cloud_tasks.loading import TaskBook
from cloud_tasks.task_db import EventBook
from fakes.clock import VirtualClock
from fakes.history import Fact, FactKind
from simulation.faults import Fault, FaultClass
from simulation.happenings import Happening, QueueChanged
from simulation.history import History
from simulation.job.happenings import (
    EventAccepted,
    EventMoved,
    MonitorEnded,
    MonitorFailed,
    ProducerEnded,
    ProducerKilled,
    RunMeant,
    SendAnswered,
    TaskSent,
)
from simulation.judges.following import FollowingJudge
from simulation.judges.judge import Bench
from simulation.judges.loading import LoadingJudge
from simulation.plan import MonitorPlan, ProducerPlan, RunPlan, WorkerPlan, Workload
from tests.simulation.judges.story import Story, completed, dead, exited, interrupted

PLAN = RunPlan(workload=Workload(tasks=2), monitor=MonitorPlan(), producer=ProducerPlan())
NONE: set[str] = set()
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - a directory of its own is made there
LOAD, NEXT_LOAD = "producer-1", "producer-2"


class Job:
    """Tells a history to a judge, and writes into the database what a monitor would.

    Attributes:
        database: The database; two tasks are in it, which are said to be in the queue.
        output: The file of events.
        followed: Whether all was taken in in time.
    """

    def __init__(self, directory: Path, *, confirmed: bool = True) -> None:
        self.database, self.output = directory / "job.db", directory / "events.jsonl"
        self.followed = True
        self._bench = Bench(PLAN, lambda: 0.0)
        self._history = History()
        self._told = 0
        tasks = [Task("task-1", {}), Task("task-2", {})]
        with TaskBook(self.database, VirtualClock()) as book:
            book.add(tasks)
            if confirmed:
                book.confirm([task.task_id for task in tasks])

    def followed_by(self) -> Job:
        """Judge the monitor."""
        self._judge: FollowingJudge | LoadingJudge = FollowingJudge(
            self._bench, self.database, self.output, lambda: self.followed
        )
        self._judge.listen(self._history)
        return self

    def loaded_by(self) -> Job:
        """Judge the producer."""
        self._judge = LoadingJudge(self._bench, self.database)
        self._judge.listen(self._history)
        return self

    def tell(self, *happenings: Happening) -> Job:
        """Something happens."""
        for happening in happenings:
            self._history.tell(happening)
        return self

    def hear(self, event: TaskEvent | WorkerStarted | KeepAlive, times: int = 1) -> bytes:
        """The event queue accepts an event, and delivers it so often."""
        self._told += 1
        record = EventRecord(f"2026-01-01T00:00:{self._told:02}+00:00", "worker-1", event)
        key = str(self._told)
        self.tell(EventAccepted(at=0.0, key=key, record=record, body=record.encode()))
        for _ in range(times):
            self._move(FactKind.DELIVERED, key)
        return record.encode()

    def remove(self, number: int) -> Job:
        """An event is removed from its queue."""
        return self._move(FactKind.ACKED, str(number))

    def _move(self, kind: FactKind, key: str) -> Job:
        fact = Fact(kind, 0.0, key, f"{key}#1", 1)
        return self.tell(EventMoved(at=0.0, fact=fact, original=key))

    def store(self, *bodies: bytes) -> Job:
        """The monitor stores events."""
        with EventBook(self.database) as book:
            book.apply(bodies)
        return self

    def write(self, *bodies: bytes) -> Job:
        """The monitor writes events into the file."""
        self.output.write_bytes(b"".join(body + b"\n" for body in bodies))
        return self

    def spoil(self, statement: str) -> Job:
        """The database is not as it should be."""
        with closing(sqlite3.connect(self.database)) as db, db:
            db.execute(statement)
        return self

    def settle(self, task_id: str, kind: FactKind = FactKind.ACKED, reason: str = "") -> Job:
        """The message of a task leaves the queue."""
        return self.tell(
            QueueChanged(at=0.0, fact=Fact(kind, 0.0, "9", "9#1", 1, None, reason), task_id=task_id)
        )

    def end(self) -> set[str]:
        """All is over; returns the invariants that were not kept."""
        self._judge.finish()
        return {violation.invariant for violation in self._bench.violations}


@pytest.fixture
def directory() -> Iterator[Path]:
    """In memory where there is such a place: databases wait for their disk."""
    in_memory = SHARED_MEMORY if SHARED_MEMORY.is_dir() else None
    with TemporaryDirectory(dir=in_memory) as name:
        yield Path(name)


@pytest.fixture
def job(directory: Path) -> Job:
    return Job(directory).followed_by()


@pytest.fixture
def load(directory: Path) -> Job:
    return Job(directory, confirmed=False).loaded_by()


def whole(job: Job) -> Job:
    """A task that came back once, and one that was completed; some of it twice, and out of order."""
    first, second = job.hear(exited("task-1")), job.hear(completed("task-1", attempt=2), times=2)
    third, fourth = job.hear(completed("task-2"), times=2), job.hear(interrupted("task-2"))
    job.store(second, third).store(first, third, fourth, second).write(second, third, first, fourth)
    return job.remove(1).remove(2).remove(3).remove(4).settle("task-1").settle("task-2")


# -- the monitor ---------------------------------------------------------------------------------------------


def test_a_job_that_was_followed_to_its_end(job: Job) -> None:
    whole(job).tell(MonitorEnded(at=0.0, asked=False, total=2, finished=2))
    assert job.end() == NONE


def test_keep_alives_are_not_stored_and_other_events_change_no_task(job: Job) -> None:
    whole(job)
    job.hear(KeepAlive(instance_id="i-1"))
    started = job.hear(WorkerStarted(worker_id="w", pid=1, version="1", num_simultaneous_tasks=1))
    job.store(started).remove(5).remove(6)
    job.output.write_bytes(job.output.read_bytes() + started + b"\n")
    assert job.end() == NONE


def test_an_event_that_is_removed_before_it_is_stored(job: Job) -> None:
    body = job.hear(completed("task-1"))
    job.remove(1).store(body).write(body)
    assert job.end() == {"S1"}


def test_an_event_that_was_never_stored(job: Job) -> None:
    job.hear(completed("task-1"))
    assert job.end() == {"S17"}


def test_an_event_that_nobody_has_told(job: Job) -> None:
    body = EventRecord("2026-01-01T00:00:00+00:00", "worker-1", interrupted("task-1")).encode()
    job.store(body).write(body)
    assert job.end() == {"S17"}


def test_an_event_that_is_stored_more_often_than_it_was_delivered(job: Job) -> None:
    body = job.hear(completed("task-1"), times=1)
    job.store(body, body).write(body)
    assert job.end() == {"S17"}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET effect = 'applied' WHERE effect = 'duplicate'",
        "UPDATE events SET effect = 'applied' WHERE effect = 'late'",
        "UPDATE tasks SET status = 'exception' WHERE task_id = 'task-1'",
        "UPDATE tasks SET status = 'exited_without_status_with_retry' WHERE task_id = 'task-1'",
        "UPDATE tasks SET attempt = 1 WHERE task_id = 'task-1'",
        "UPDATE events SET event_type = 'noted' WHERE event_type = 'task_interrupted'",
        "UPDATE machines SET last_heard = '2026-01-01T00:00:00+00:00'",
        "UPDATE machines SET terminated_at = '2026-01-01T00:00:00+00:00'",
        "DELETE FROM machines",
    ],
)
def test_a_database_that_does_not_say_what_its_events_say(job: Job, statement: str) -> None:
    assert whole(job).spoil(statement).end() == {"S17"}


@pytest.mark.parametrize(
    ("statement", "broken"),
    [
        ("UPDATE tasks SET status = 'dead_lettered' WHERE task_id = 'task-1'", {"S9", "S17"}),
        ("UPDATE tasks SET status = 'in_queue_original' WHERE task_id = 'task-2'", {"S17"}),
    ],
)
def test_a_database_that_does_not_say_what_became_of_a_message(
    job: Job, statement: str, broken: set[str]
) -> None:
    assert whole(job).spoil(statement).end() == broken


def test_what_is_put_aside_is_put_aside_in_the_database_too(job: Job) -> None:
    body = job.hear(dead("task-1"))
    job.store(body).write(body).settle("task-1", FactKind.DEAD_LETTERED)
    assert job.end() == NONE


def test_what_is_put_aside_in_the_database_alone(job: Job) -> None:
    body = job.hear(dead("task-1"))
    assert job.store(body).write(body).end() == {"S9"}


def test_a_settled_task_of_which_no_event_tells(job: Job) -> None:
    assert job.settle("task-1").end() == {"S17"}


def test_what_the_queue_has_put_aside_by_itself_is_told_by_nobody(job: Job) -> None:
    assert job.settle("task-1", FactKind.DEAD_LETTERED, "max_receive_count").end() == NONE


def test_what_the_queue_has_put_aside_before_a_worker_could_is_put_aside(job: Job) -> None:
    body = job.hear(dead("task-1"))
    job.store(body).write(body).settle("task-1", FactKind.DEAD_LETTERED, "max_receive_count")
    assert job.end() == NONE


def test_what_a_monitor_says_when_it_ends(job: Job) -> None:
    whole(job).tell(MonitorEnded(at=0.0, asked=True, total=2, finished=1))
    assert job.end() == {"S17"}


def test_a_monitor_that_ends_by_itself_too_early(job: Job) -> None:
    assert job.tell(MonitorEnded(at=0.0, asked=True, total=2, finished=0)).end() == NONE
    assert job.tell(MonitorEnded(at=0.0, asked=False, total=2, finished=0)).end() == {"S17"}


def test_a_monitor_that_ends_with_an_error(job: Job) -> None:
    assert job.tell(MonitorFailed(at=0.0, error="the database is locked")).end() == {"S19"}


def test_events_that_are_left_in_their_queue(job: Job) -> None:
    job.hear(completed("task-1"))
    job.followed = False
    assert job.settle("task-1").end() == {"L1"}


@pytest.mark.parametrize(
    "change",
    [
        lambda lines: lines[:-1],
        lambda lines: [*lines, lines[0]],
        lambda lines: lines[::-1],
        lambda lines: [lines[0][:20], *lines[1:]],
    ],
    ids=["short", "twice", "in_disorder", "torn"],
)
def test_a_file_that_is_not_as_the_database(job: Job, change: Callable[[list[bytes]], list[bytes]]) -> None:
    whole(job)
    job.write(*change(job.output.read_bytes().splitlines()))
    assert job.end() == {"S19"}


# -- the producer --------------------------------------------------------------------------------------------


def sent(task: int, call: int = 1, load: str = LOAD) -> TaskSent:
    return TaskSent(at=0.0, worker=load, task_id=f"task-{task}", call=call)


def answered(call: int, error: str = "", load: str = LOAD) -> SendAnswered:
    return SendAnswered(at=0.0, worker=load, call=call, error=error)


CONFIRM = "UPDATE tasks SET status = 'in_queue_original'"
LOADED = ProducerEnded(at=0.0, worker=LOAD, unsent=0)


def test_a_load_that_went_well(load: Job) -> None:
    load.tell(sent(1), sent(2), answered(1)).spoil(CONFIRM).tell(LOADED)
    assert load.end() == NONE


def test_a_task_that_is_said_to_be_in_the_queue_and_is_not(load: Job) -> None:
    load.tell(sent(1), answered(1)).spoil(CONFIRM).tell(LOADED)
    assert load.end() == {"S3"}


def test_a_task_that_is_still_pending_when_all_was_sent(load: Job) -> None:
    load.tell(sent(1), sent(2), answered(1), LOADED)
    assert load.end() == {"S3"}


def test_a_load_that_never_came_to_its_end(load: Job) -> None:
    load.tell(sent(1), answered(1, "QueueUnavailableError"))
    load.tell(ProducerEnded(at=0.0, worker=LOAD, unsent=1, error="QueueUnavailableError"))
    assert load.end() == {"L2"}


def test_a_task_that_is_sent_again_for_no_reason(load: Job) -> None:
    load.tell(sent(1), sent(2), answered(1), sent(1, 2), answered(2)).spoil(CONFIRM).tell(LOADED)
    assert load.end() == {"S3"}


@pytest.mark.parametrize(
    "excuse",
    [
        (answered(1, "QueueUnavailableError"),),
        (ProducerKilled(at=0.0, worker=LOAD),),
        (answered(1), ProducerKilled(at=0.0, worker=LOAD)),
        (ProducerEnded(at=0.0, worker=LOAD, unsent=2, error="QueueUnavailableError"),),
    ],
    ids=["nobody_answered", "killed", "killed_after_the_answer", "gave_up"],
)
def test_a_task_that_is_sent_again_with_an_excuse(load: Job, excuse: tuple[Happening, ...]) -> None:
    load.tell(sent(1), sent(2), *excuse, sent(1, 1, NEXT_LOAD), answered(1, load=NEXT_LOAD))
    load.spoil(CONFIRM).tell(ProducerEnded(at=0.0, worker=NEXT_LOAD, unsent=0))
    assert load.end() == NONE


def test_a_call_of_a_load_that_was_killed_comes_to_the_queue_after_that_of_the_next(load: Job) -> None:
    load.tell(sent(2), ProducerKilled(at=0.0, worker=LOAD), sent(1, 1, NEXT_LOAD))
    load.tell(answered(1, load=NEXT_LOAD), sent(1, 2)).spoil(CONFIRM)
    load.tell(ProducerEnded(at=0.0, worker=NEXT_LOAD, unsent=0))
    assert load.end() == NONE


# -- what events that are slow excuse ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [FaultClass.SINK_SLOW, FaultClass.EVENTS_SLOW])
def test_a_worker_may_end_with_a_task_whose_event_was_slow(kind: FaultClass) -> None:
    def ended(plan: RunPlan) -> set[str]:
        story = Story(structs.replace(plan, worker=WorkerPlan(max_attempts=3)))
        story.worker().send().hold().wait(1).finish().hear(within_s=2.0).wait(3)
        return story.exit().broken

    assert "S14" in ended(PLAN)
    assert "S14" not in ended(structs.replace(PLAN, odds={kind: 0.1}))
    assert "S14" not in ended(structs.replace(PLAN, faults=(Fault(kind=kind),)))


@pytest.mark.parametrize(("late_s", "broken"), [(1.0, {"S17"}), (3.0, NONE)])
def test_what_nobody_could_confirm_in_time_need_not_be_counted(late_s: float, broken: set[str]) -> None:
    story = Story().worker().send().hold().hear(within_s=2.0).finish().wait(late_s).record(completed())
    end = WorkerStopped(worker_id="worker-1", reason="shutdown", elapsed_time=1.0, counts={})
    assert story.record(end).broken & {"S17"} == broken


# -- tasks that are in the queue twice -----------------------------------------------------------------------


@pytest.mark.parametrize(("key", "broken"), [("2", NONE), ("1", {"S5"})])
def test_a_worker_may_run_two_messages_at_a_time_and_neither_twice(key: str, broken: set[str]) -> None:
    story = Story().worker().send().hold().send().deliver()
    story.history.tell(RunMeant(at=0.0, worker="worker-1", run=2, key=key))
    assert story.request().broken == broken


def test_two_workers_may_run_the_messages_of_one_task_at_a_time() -> None:
    story = Story().worker("worker-1").worker("worker-2").send().hold(worker="worker-1").send()
    story.deliver(worker="worker-2")
    story.history.tell(RunMeant(at=0.0, worker="worker-2", run=2, key="2"))
    assert story.run(worker="worker-2").broken == NONE


@pytest.mark.parametrize(("within_s", "broken"), [(20.0, NONE), (40.0, {"S10"})])
def test_a_worker_whose_time_is_over_keeps_no_lease(within_s: float, broken: set[str]) -> None:
    story = Story().worker().send().hold().wait(5).finish().hear(within_s=within_s).wait(26).expire()
    assert story.broken & {"S10"} == broken


@pytest.mark.parametrize(("waits_s", "broken"), [(28.0, {"S14"}), (31.0, NONE)])
def test_what_a_worker_need_not_hand_back_once_its_lease_is_over(waits_s: float, broken: set[str]) -> None:
    story = Story().worker().send().hold().finish().hear(within_s=60.0).wait(waits_s).exit()
    assert story.broken & {"S14"} == broken
