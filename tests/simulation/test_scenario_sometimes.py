"""Sometimes-points: each is reached by a history that is in its situation, and not by one that nearly is."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cloud_tasks.core.task import EndKind, RunEnd
from fakes.history import Fact, FactKind
from simulation.happenings import EndAsked, Happening
from simulation.job.happenings import (
    EventMoved,
    EventTakenIn,
    MonitorEnded,
    MonitorKilled,
    ProducerEnded,
    ProducerKilled,
    TaskSent,
)
from simulation.sometimes import POINTS, Sometimes
from tests.simulation.judges.story import (
    PLAN,
    Story,
    asked_again,
    completed,
    dead,
    exited,
    interrupted,
    raised,
    timed_out,
)

A, B = "worker-1", "worker-2"
TASK, OTHER = "task-1", "task-2"
LIMIT_S = PLAN.worker.max_runtime_s
TERMINATED = RunEnd(kind=EndKind.EXITED, exit_code=-15, signal="SIGTERM")
KILLED = RunEnd(kind=EndKind.EXITED, exit_code=-9, signal="SIGKILL")
LOST, DOWN = "LeaseLostError", "QueueUnavailableError"
Telling = Callable[[Story], object]


def ask_to_end(story: Story, why: str = "sigterm", worker: str = A) -> Story:
    story.history.tell(EndAsked(at=story.now, worker=worker, why=why, within_s=20.0))
    return story


def busy(story: Story, tasks: int) -> Story:
    for number in range(tasks):
        story.send(f"busy-{number}").hold(f"busy-{number}")
    return story


def failing(story: Story, calls: int) -> Story:
    for _ in range(calls):
        story.issue("receive", "").answer("receive", "", error=DOWN)
    return story.issue("receive", "").answer("receive", "", count=1)


def delivered(story: Story, key: str, original: str = "", count: int = 1) -> Story:
    """A monitor gets a message of the event queue."""
    fact = Fact(FactKind.DELIVERED, story.now, key, f"{key}#{count}", count)
    return also(story, EventMoved(at=story.now, fact=fact, original=original or key))


def also(story: Story, *happenings: Happening) -> Story:
    for happening in happenings:
        story.history.tell(happening)
    return story


def taken_in(effect: str) -> Happening:
    return EventTakenIn(at=0.0, effect=effect, event_type="task_completed", task_id=TASK)


def monitor_ended(finished: int) -> Happening:
    return MonitorEnded(at=0.0, asked=False, total=3, finished=finished)


SENT = TaskSent(at=0.0, worker="producer-1", task_id=TASK, call=1)
LOAD_KILLED = ProducerKilled(at=0.0, worker="producer-1")
LOADED = ProducerEnded(at=0.0, worker="producer-2", unsent=0)

HISTORIES: dict[str, tuple[Telling, Telling]] = {
    "lease_extended": (
        lambda s: s.hold().extend(),
        lambda s: s.hold().issue("extend").answer("extend", error=DOWN),
    ),
    "lease_expired_while_running": (
        lambda s: s.hold().expire(),
        lambda s: s.hold().finish().expire(),
    ),
    "delivered_twice": (
        lambda s: s.hold().expire(reason="duplicate"),
        lambda s: s.hold().expire(),
    ),
    "two_ran_at_once": (
        lambda s: s.hold().expire().hold(worker=B),
        lambda s: s.hold().finish().expire().hold(worker=B),
    ),
    "ran_again": (
        lambda s: s.hold().finish().expire().hold(worker=B),
        lambda s: s.hold().finish().send(OTHER).hold(OTHER),
    ),
    "zombie_woke": (
        lambda s: s.hold().halt().expire().go_on(),
        lambda s: s.hold().halt().go_on().expire(),
    ),
    "all_slots_taken": (
        lambda s: busy(s, PLAN.worker.num_simultaneous_tasks),
        lambda s: busy(s, PLAN.worker.num_simultaneous_tasks - 1),
    ),
    "ignored_sigterm": (
        lambda s: s.hold().term().wait(2).kill().finish(end=KILLED),
        lambda s: s.hold().term().finish(end=TERMINATED).kill(),
    ),
    "ended_at_deadline": (
        lambda s: s.hold().wait(LIMIT_S - 0.001).finish(),
        lambda s: s.hold().wait(LIMIT_S).term().finish(end=TERMINATED),
    ),
    "outlived_by_something": (
        lambda s: s.hold().over().wait(1).gone(),
        lambda s: s.hold().over().gone(),
    ),
    "timed_out": (lambda s: s.record(timed_out()), lambda s: s.record(exited())),
    "asked_again": (
        lambda s: s.record(asked_again(retry=True)),
        lambda s: s.record(asked_again(retry=False)).record(completed()),
    ),
    "interrupted_too_often": (
        lambda s: s.record(dead(reason="interrupted 2 times, the last time by: shutdown")),
        lambda s: s.record(dead()).record(interrupted()),
    ),
    "failed_for_good": (
        lambda s: s.record(raised()),
        lambda s: s.record(raised(retry=True)).record(completed()).record(interrupted()),
    ),
    "succeeded_after_failure": (
        lambda s: s.record(completed(attempt=2)),
        lambda s: s.record(completed(attempt=1)).record(asked_again(attempt=2, retry=True)),
    ),
    "let_go": (
        lambda s: s.record(interrupted(reason="lease_lost")),
        lambda s: s.record(interrupted(reason="shutdown")),
    ),
    "could_not_start": (
        lambda s: s.record(interrupted(reason="cannot fork")),
        lambda s: s.record(interrupted(reason="lease_lost")).record(interrupted(reason="spot_termination")),
    ),
    "ack_reply_lost": (
        lambda s: s.hold().finish().issue("ack").fact(FactKind.ACKED, TASK, A).answer("ack", error=DOWN),
        lambda s: s.hold().finish().issue("ack").answer("ack", error=DOWN),
    ),
    "extend_reply_lost": (
        lambda s: s.hold().issue("extend").fact(FactKind.EXTENDED, TASK, A).answer("extend", error=DOWN),
        lambda s: s.hold().extend().issue("extend").answer("extend", error=DOWN),
    ),
    "settled_too_late": (
        lambda s: s.hold().finish().expire().issue("ack").answer("ack", error=LOST),
        lambda s: s.hold().finish().issue("ack").answer("ack", error=DOWN),
    ),
    "extended_too_late": (
        lambda s: s.hold().expire().issue("extend").answer("extend", error=LOST),
        lambda s: s.hold().issue("extend").answer("extend", error=DOWN),
    ),
    "retry_handed_back": (
        lambda s: s.hold().finish().nack(reason="retry"),
        lambda s: s.hold().finish().nack(reason="interrupted"),
    ),
    "unfinished_handed_back": (
        lambda s: s.hold().finish().nack(reason="interrupted"),
        lambda s: s.hold().finish().nack(reason="retry"),
    ),
    "dead_lettered": (lambda s: s.deliver().bury(), lambda s: s.deliver().nack()),
    "event_stored_after_failure": (
        lambda s: s.fail_store().record(completed()),
        lambda s: s.fail_store(B).record(completed()),
    ),
    "killed_before_settlement": (
        lambda s: s.hold().finish().record(completed()).crash(),
        lambda s: s.hold().complete().record(interrupted(OTHER, "lease_lost")).crash(),
    ),
    "receive_under_way_at_notice": (
        lambda s: ask_to_end(s.issue("receive", ""), "notice"),
        lambda s: ask_to_end(s.issue("receive", "").answer("receive", ""), "notice"),
    ),
    "receive_under_way_at_sigterm": (
        lambda s: ask_to_end(s.issue("receive", "")),
        lambda s: ask_to_end(s.issue("receive", "", B)),
    ),
    "running_when_asked_to_end": (
        lambda s: ask_to_end(s.hold()),
        lambda s: ask_to_end(s.hold().finish()),
    ),
    "arrived_after_the_end": (
        lambda s: ask_to_end(s.issue("receive", "")).answer("receive", "", count=1),
        lambda s: ask_to_end(s.issue("receive", "")).answer("receive", "", count=0),
    ),
    "asked_twice_to_end": (
        lambda s: ask_to_end(ask_to_end(s), "notice"),
        lambda s: ask_to_end(ask_to_end(s), worker=B),
    ),
    "ended_before_the_kill": (
        lambda s: ask_to_end(s, "notice").exit(),
        lambda s: ask_to_end(s).exit(),
    ),
    "killed_after_notice": (
        lambda s: ask_to_end(s, "notice").crash(),
        lambda s: ask_to_end(s).crash(),
    ),
    "killed_while_running": (lambda s: s.hold().crash(), lambda s: s.hold().finish().crash()),
    "killed_young": (lambda s: s.wait(59).crash(), lambda s: s.wait(61).crash()),
    "ended_idle": (lambda s: s.exit(reason="idle"), lambda s: s.exit(reason="shutdown")),
    "ended_after_its_number": (lambda s: s.exit(reason="max_num_tasks"), lambda s: s.exit(reason="idle")),
    "half_the_fleet_gone": (
        lambda s: s.wait(100).crash(A).wait(59).crash(B),
        lambda s: s.wait(100).crash(A).wait(61).crash(B),
    ),
    "found_nothing": (
        lambda s: s.issue("receive", "").answer("receive", ""),
        lambda s: s.issue("receive", "").answer("receive", "", count=1),
    ),
    "receive_failed": (
        lambda s: s.issue("receive", "").answer("receive", "", error=DOWN),
        lambda s: s.hold().issue("extend").answer("extend", error=DOWN),
    ),
    "settlement_failed": (
        lambda s: s.hold().finish().issue("ack").answer("ack", error=DOWN),
        lambda s: s.hold().issue("extend").answer("extend", error=DOWN),
    ),
    "recovered": (lambda s: failing(s, 5), lambda s: failing(s, 4)),
    "event_came_again": (
        lambda s: delivered(delivered(s, "1"), "2", original="1"),
        lambda s: delivered(delivered(s, "1"), "2"),
    ),
    "event_overtaken": (
        lambda s: delivered(delivered(s, "2"), "1"),
        lambda s: delivered(delivered(s, "2"), "1", count=2),
    ),
    "event_too_late": (lambda s: also(s, taken_in("late")), lambda s: also(s, taken_in("applied"))),
    "monitor_killed": (
        lambda s: also(s, MonitorKilled(at=0.0)),
        lambda s: also(s, MonitorKilled(at=0.0, where="in a transaction")),
    ),
    "monitor_killed_while_storing": (
        lambda s: also(s, MonitorKilled(at=0.0, where="in a transaction")),
        lambda s: also(s, MonitorKilled(at=0.0)),
    ),
    "job_followed_to_its_end": (
        lambda s: also(s, MonitorKilled(at=0.0), monitor_ended(3)),
        lambda s: also(s, monitor_ended(3), MonitorKilled(at=0.0), monitor_ended(2)),
    ),
    "load_killed": (lambda s: also(s, SENT, LOAD_KILLED), lambda s: also(s, LOAD_KILLED, SENT)),
    "load_went_on": (lambda s: also(s, SENT, LOAD_KILLED, LOADED), lambda s: also(s, SENT, LOADED)),
    "task_sent_twice": (lambda s: also(s, SENT, SENT), lambda s: also(s, SENT)),
}


def counted(tell: Telling) -> dict[str, int]:
    story = Story()
    sometimes = Sometimes(PLAN)
    sometimes.listen(story.history)
    tell(story.worker(A).worker(B).send())
    return sometimes.counts


@pytest.mark.parametrize("point", POINTS)
def test_a_point_is_counted_where_its_situation_is_and_nowhere_else(point: str) -> None:
    reached, nearly = HISTORIES[point]
    assert counted(reached)[point] == 1
    assert counted(nearly)[point] == 0
