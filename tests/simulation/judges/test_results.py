"""A server that decides about retries is told every result: histories that keep this promise."""

from __future__ import annotations

from fakes.history import FactKind
from simulation.judges import excuses
from tests.simulation.judges.conductor_story import DONE, FAILED, ConductorStory
from tests.simulation.judges.story import TASK, A, B, completed

NONE: set[str] = set()
TOLD = FactKind.ACKED


def test_a_result_is_told() -> None:
    story = ConductorStory().returned().tell_server(TOLD)
    assert story.end() == NONE
    assert story.bench.checks["S21"]


def test_an_attempt_that_failed_is_acked_and_comes_again() -> None:
    story = ConductorStory().failed().tell_server(FactKind.NACKED, "retry", FAILED)
    story.hold(attempt=2)
    story.wait(1).finish().record(completed(attempt=2))
    assert story.tell_server(TOLD).end() == NONE


def test_a_result_that_waits_on_disk_is_told_later() -> None:
    story = ConductorStory().returned().keep().wait(20).arrive()
    story.fact(TOLD, TASK, A)
    assert story.remove().end() == NONE


def test_the_next_worker_of_the_machine_tells_it() -> None:
    story = ConductorStory().returned().keep()
    story.crash().wait(5)
    story.take(B).calm().worker(B).wait(20)
    story.arrive().fact(TOLD, TASK, A)
    assert story.remove().end() == NONE


def test_a_task_may_time_out_while_its_result_waits() -> None:
    story = ConductorStory().returned().keep().wait(29)
    story.expire()
    assert story.broken == NONE
    assert story.bench.excuses[excuses.SETTLING] == 1
    story.arrive().remove()
    assert story.broken == NONE


def test_a_machine_that_is_gone_tells_nothing() -> None:
    story = ConductorStory().returned().keep().machine_gone()
    story.crash().wait(29).expire()
    story.calm().wait(900)
    assert "S21" not in story.end()


def test_nobody_is_there_to_tell_it() -> None:
    story = ConductorStory().returned().keep().calm()
    story.crash().wait(900)
    assert "S21" not in story.end()


def test_a_hand_back_that_comes_late_is_the_servers_own_doing() -> None:
    story = ConductorStory().returned()
    story.expire(reason="unfenced")
    assert story.broken == NONE
    assert story.bench.excuses[excuses.UNFENCED] == 1


def test_a_result_that_comes_too_late_was_told() -> None:
    story = ConductorStory().returned()
    story.issue("ack", outcome=DONE)
    story.wait(30).expire()
    assert story.arrive().answer("ack").broken == NONE
