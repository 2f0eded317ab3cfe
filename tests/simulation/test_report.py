"""The page of a run: what ended, and what did not."""

from __future__ import annotations

from cloud_tasks.core.task import EndKind, RunEnd
from fakes.history import Fact, FactKind
from simulation.faults import Fault, FaultClass
from simulation.happenings import (
    Happening,
    QueueChanged,
    RunBegan,
    RunGone,
    RunOver,
    WorkerBegan,
    WorkerContinued,
    WorkerEnded,
    WorkerKilled,
    WorkerStopped,
)
from simulation.report import page
from simulation.report.lane import Bar
from simulation.report.lanes import Lanes

WHO = "worker-1"
LEASE = Fact(at=1.0, kind=FactKind.DELIVERED, key="m-1", receipt="r-1", delivery_count=2)
BEGAN: tuple[Happening, ...] = (
    WorkerBegan(at=0.0, worker=WHO),
    QueueChanged(at=1.0, worker=WHO, fact=LEASE, task_id="task-1"),
    RunBegan(at=2.0, worker=WHO, task_id="task-1", attempt=1, run=1),
)
STOPPED = WorkerStopped(at=3.0, worker=WHO)
OVER = RunOver(at=4.0, worker=WHO, task_id="task-1", run=1, end=RunEnd(EndKind.RETURNED))
END = WorkerBegan(at=9.0, worker="worker-2")


def test_what_is_open_at_the_end_has_a_bar_to_the_end() -> None:
    lanes = Lanes((*BEGAN, STOPPED, END))
    assert lanes.workers[WHO].bars == [
        Bar(0.0, 9.0, "life", "alive, to the end"),
        Bar(3.0, 9.0, "stopped", "stopped, to the end"),
    ]
    assert lanes.messages["task-1"].bars == [
        Bar(1.0, 9.0, "lease", "lease of worker-1, delivery 2, to the end")
    ]
    assert lanes.runs["task-1"].bars == [Bar(2.0, 9.0, "bad", "attempt on worker-1, to the end")]


def test_what_a_run_left_over_has_a_bar_until_it_is_gone_or_to_the_end() -> None:
    good = Bar(2.0, 4.0, "good", "attempt on worker-1: returned")
    assert Lanes((*BEGAN, OVER, END)).runs["task-1"].bars == [
        good,
        Bar(4.0, 9.0, "left", "left over on worker-1, to the end"),
    ]
    gone = RunGone(at=5.0, worker=WHO, task_id="task-1", run=1)
    assert Lanes((*BEGAN, OVER, gone, END)).runs["task-1"].bars == [
        good,
        Bar(4.0, 5.0, "left", "left over on worker-1"),
    ]


def test_who_is_killed_while_it_is_stopped_is_stopped_no_longer_than_that() -> None:
    lanes = Lanes((*BEGAN, STOPPED, WorkerKilled(at=5.0, worker=WHO), END))
    assert lanes.workers[WHO].bars == [
        Bar(0.0, 5.0, "killed", "killed"),
        Bar(3.0, 5.0, "stopped", "stopped"),
    ]


def test_a_stop_is_drawn_over_the_life_that_it_is_a_part_of() -> None:
    went_on = WorkerContinued(at=5.0, worker=WHO), WorkerEnded(at=8.0, worker=WHO, reason="drained")
    text = page((*BEGAN, STOPPED, *went_on), (), (), title="x", quiet_s=1.0)
    assert text.index('<rect class="life"') < text.index('<rect class="stopped"')


def test_a_fault_that_strikes_on_an_occasion_shows_no_time() -> None:
    faults = (
        Fault(kind=FaultClass.WORKER_CRASH, at_s=3.25),
        Fault(kind=FaultClass.REPLY_LOST, whom="ack of task-1", which=2),
    )
    text = page(BEGAN, (), faults, title="x", quiet_s=1.0)
    assert "<td>worker_crash<td><td>1<td>3.250<td>0" in text
    assert "<td>reply_lost<td>ack of task-1<td>2<td><td>0" in text
