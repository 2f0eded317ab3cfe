"""How a worker ends: drain, grace, notice, and the last command."""

from __future__ import annotations

from typing import Any

import pytest

from cloud_tasks.core import commands as do
from cloud_tasks.core import inputs as got
from cloud_tasks.core.events import SpotTermination, TaskEvent, TaskInterrupted
from cloud_tasks.core.task import HandBack
from tests.core.driving import CLOUD, LOCAL, TERMINATED, Driver, lease, one, only

SHUTDOWN = got.ShutdownRequested()


def running(**settings: Any) -> Driver:
    """A driver with one run, and a receive under way."""
    driver = Driver(max_runtime_s=1000.0, **settings)
    driver.start(lease())
    return driver


def kinds(commands: list[do.Command]) -> list[type[do.Command]]:
    return [type(command) for command in commands]


def test_a_drain_lets_run_what_runs_and_takes_nothing_new() -> None:
    driver = running()
    asked = driver.tell(SHUTDOWN)
    assert asked == [do.NotifyRuns(shutdown=True), do.CancelReceive()]
    driver.tell(got.ReceiveCancelled())
    driver.wait(20.0)
    assert driver.finished is None
    one(driver.finish(1), do.Ack)
    assert driver.finished == do.Finish("shutdown")
    assert len(driver.asked(do.Receive)) == 2


def test_a_worker_that_has_nothing_to_do_ends_at_once() -> None:
    driver = Driver()
    driver.tell(SHUTDOWN)
    assert driver.finished is None, "the receive is still under way"
    driver.tell(got.ReceiveCancelled())
    assert driver.finished == do.Finish("shutdown")


@pytest.mark.parametrize("capabilities", [CLOUD, LOCAL])
def test_f12_what_arrives_after_the_request_to_end_is_handed_back(capabilities: object) -> None:
    driver = Driver(capabilities)  # type: ignore[arg-type]
    driver.tell(SHUTDOWN)
    asked = driver.receive(lease("a"), lease("b"))
    assert [(nack.lease.key, nack.reason) for nack in only(asked, do.Nack)] == [
        ("a", HandBack.INTERRUPTED),
        ("b", HandBack.INTERRUPTED),
    ]
    assert driver.finished is None
    driver.tell(got.Settled(1), got.Settled(2))
    assert driver.finished == do.Finish("shutdown")
    assert not driver.asked(do.StartRun)
    assert not driver.asked(do.Record)


def test_f12_what_arrives_after_a_notice_is_handed_back() -> None:
    driver = Driver()
    driver.tell(got.NoticeReceived(None, "i-1"))
    assert one(driver.receive(lease()), do.Nack).reason is HandBack.INTERRUPTED


@pytest.mark.parametrize("fact", [got.ReceiveFailed("no route"), got.SourceEnded(), got.SourceFailed("boom")])
def test_a_receive_that_fails_during_a_drain_is_over_too(fact: got.Input) -> None:
    driver = Driver()
    driver.tell(SHUTDOWN)
    driver.tell(fact)
    assert driver.finished is not None
    assert driver.finished.reason == "shutdown"


def test_f11_at_the_end_of_the_grace_period_runs_are_stopped_told_and_handed_back() -> None:
    driver = running(grace_s=30.0)
    driver.tell(SHUTDOWN, got.ReceiveCancelled())
    assert driver.wait(27.9) == []
    assert kinds(driver.wait(0.1)) == [do.StopRun]
    asked = driver.finish(1, TERMINATED)
    (event,) = [record.event for record in only(asked, do.Record)]
    assert event == TaskInterrupted(task_id="a", elapsed_time=28.0, retry=True, attempt=1, reason="shutdown")
    assert one(asked, do.Nack).reason is HandBack.INTERRUPTED
    assert driver.finished == do.Finish("shutdown")


def test_f11_a_run_that_ignores_all_is_killed_and_handed_back_in_time() -> None:
    driver = running(grace_s=30.0)
    driver.tell(SHUTDOWN, got.ReceiveCancelled())
    assert kinds(driver.wait(29.0)) == [do.StopRun, do.KillRun]
    one(driver.finish(1, TERMINATED), do.Nack)
    assert driver.finished == do.Finish("shutdown")


def test_when_time_is_up_the_worker_ends_and_says_what_it_leaves() -> None:
    driver = running(grace_s=30.0, slots=3)
    driver.start(lease("b"))
    driver.end(2)
    driver.start(lease("c"))
    driver.tell(got.RunEnded(3, TERMINATED))
    driver.store(3)
    driver.tell(got.Settled(3), SHUTDOWN)
    asked = driver.wait(30.0)
    assert asked[-1] == do.Finish("shutdown", abandoned=("a", "b"))
    assert {kill.attempt_id for kill in only(asked, do.KillRun)} == {1, 3}


def test_f11_a_worker_that_stood_still_beyond_its_grace_period_tells_and_hands_back() -> None:
    driver = running(grace_s=30.0)
    driver.tell(SHUTDOWN, got.ReceiveCancelled())
    driver.now = 100.0
    assert kinds(driver.tell(got.TimeReached())) == [do.StopRun, do.KillRun]
    driver.wait(0.9)
    asked = driver.finish(1, TERMINATED)
    assert [type(record.event) for record in only(asked, do.Record)] == [TaskInterrupted]
    assert one(asked, do.Nack).reason is HandBack.INTERRUPTED
    assert driver.finished == do.Finish("shutdown")


def test_f11_it_does_not_stay_for_ever() -> None:
    driver = running(grace_s=30.0)
    driver.tell(SHUTDOWN, got.ReceiveCancelled())
    driver.now = 100.0
    driver.tell(got.TimeReached())
    assert driver.wait(0.9) == []
    assert driver.wait(0.1) == [do.Finish("shutdown", abandoned=("a",))]


@pytest.mark.parametrize(("requests", "killed_after_s"), [(1, 29.0), (2, 0.0)])
def test_f11_a_worker_that_stood_still_after_it_had_killed_hands_back_too(
    requests: int, killed_after_s: float
) -> None:
    driver = running(grace_s=30.0)
    driver.tell(*[SHUTDOWN] * requests, got.ReceiveCancelled())
    driver.wait(killed_after_s)
    assert len(driver.asked(do.KillRun)) == 1
    driver.now = 100.0
    driver.tell(got.TimeReached())
    driver.wait(0.9)
    assert driver.finished is None
    one(driver.finish(1, TERMINATED), do.Nack)
    assert driver.finished == do.Finish("shutdown")


def test_f11_a_worker_that_is_frozen_again_and_again_ends() -> None:
    driver = running(grace_s=30.0)
    driver.tell(SHUTDOWN, got.ReceiveCancelled())
    driver.wait(29.0)
    driver.now = 100.0
    driver.tell(got.TimeReached())
    assert driver.finished is None
    driver.now = 200.0
    assert driver.tell(got.TimeReached()) == [do.Finish("shutdown", abandoned=("a",))]


def test_nothing_comes_after_the_last_command() -> None:
    driver = running(grace_s=30.0)
    driver.tell(SHUTDOWN)
    assert kinds(driver.wait(30.0))[-1] is do.Finish
    later: list[got.Input] = [
        got.RunEnded(1, TERMINATED),
        got.ReceiveCancelled(),
        SHUTDOWN,
        got.TimeReached(),
    ]
    assert driver.tell(*later) == []
    assert driver.machine.next_wakeup() is None


def test_nothing_comes_after_the_last_command_even_if_it_is_due_by_then() -> None:
    driver = Driver(max_runtime_s=1000.0, grace_s=5.0)
    driver.start(lease(duration_s=11.6))
    driver.tell(SHUTDOWN)
    driver.wait(4.6)
    driver.now = 5.9  # the lease is to be renewed after 5.8 s
    assert kinds(driver.tell(got.TimeReached())) == [do.Finish]


def test_a_second_request_at_the_very_end_gives_no_second_last_command() -> None:
    driver = running(grace_s=0.0)
    driver.tell(SHUTDOWN)
    driver.now = 1.0
    assert kinds(driver.tell(SHUTDOWN)) == [do.Finish]


def test_the_second_request_kills_at_once() -> None:
    driver = running()
    driver.tell(SHUTDOWN, got.ReceiveCancelled())
    driver.wait(1.0)
    assert kinds(driver.tell(SHUTDOWN)) == [do.StopRun, do.KillRun]
    one(driver.finish(1, TERMINATED), do.Nack)
    assert driver.finished == do.Finish("shutdown")


def test_after_the_second_request_the_worker_is_gone_within_a_second() -> None:
    driver = running()
    driver.tell(SHUTDOWN, SHUTDOWN)
    assert driver.wait(1.0)[-1] == do.Finish("shutdown", abandoned=("a",))


def test_a_second_request_near_the_end_of_the_grace_period_still_kills_at_once() -> None:
    driver = running(grace_s=2.0)
    driver.tell(SHUTDOWN)
    driver.wait(1.7)
    assert kinds(driver.tell(SHUTDOWN)) == [do.KillRun]
    assert driver.wait(0.3)[-1] == do.Finish("shutdown", abandoned=("a",))


def test_a_third_request_changes_nothing() -> None:
    driver = running()
    driver.tell(SHUTDOWN, SHUTDOWN)
    assert driver.tell(SHUTDOWN) == []


def test_no_grace_at_all_kills_at_once_and_leaves_a_second_to_hand_back() -> None:
    driver = running(grace_s=0.0)
    assert kinds(driver.tell(SHUTDOWN)) == [do.NotifyRuns, do.CancelReceive, do.StopRun, do.KillRun]
    driver.tell(got.ReceiveCancelled())
    driver.wait(0.9)
    one(driver.finish(1, TERMINATED), do.Nack)
    assert driver.finished == do.Finish("shutdown")


def test_a_request_before_the_worker_is_open_ends_it_as_soon_as_it_is() -> None:
    driver = Driver(opened=False)
    assert driver.tell(SHUTDOWN) == [do.NotifyRuns(shutdown=True)]
    assert driver.tell(got.Opened()) == [do.Finish("shutdown")]


def test_a_worker_that_never_opens_ends_all_the_same() -> None:
    driver = Driver(opened=False, grace_s=5.0)
    driver.tell(SHUTDOWN)
    assert driver.wait(5.0) == [do.Finish("shutdown")]


# -- the machine goes away -----------------------------------------------------------------------------------


def test_a_notice_is_told_and_drains() -> None:
    driver = running()
    asked = driver.tell(got.NoticeReceived(None, "i-1"))
    assert asked == [
        do.Record(SpotTermination(instance_id="i-1")),
        do.NotifyRuns(termination=True),
        do.CancelReceive(),
    ]
    driver.tell(got.ReceiveCancelled())
    assert driver.wait(500.0) == [], "nobody knows how much time is left"
    one(driver.finish(1), do.Ack)
    assert driver.finished == do.Finish("spot_termination")


def test_a_notice_with_a_time_hands_back_before_it() -> None:
    driver = running()
    driver.tell(got.NoticeReceived(120.0, "i-1"), got.ReceiveCancelled())
    assert kinds(driver.wait(118.0)) == [do.StopRun]
    asked = driver.finish(1, TERMINATED)
    (event,) = [record.event for record in only(asked, do.Record)]
    assert isinstance(event, TaskInterrupted)
    assert event.reason == "spot_termination"
    one(asked, do.Nack)
    assert driver.finished == do.Finish("spot_termination")


def test_a_notice_that_comes_too_late_kills_at_once() -> None:
    driver = running()
    assert kinds(driver.tell(got.NoticeReceived(-5.0, "i-1")))[-2:] == [do.StopRun, do.KillRun]


def test_a_second_notice_is_not_told_again_but_its_time_counts() -> None:
    driver = running()
    driver.tell(got.NoticeReceived(None, "i-1"))
    assert driver.tell(got.NoticeReceived(30.0, "i-1")) == []
    assert kinds(driver.wait(28.0)) == [do.StopRun]


@pytest.mark.parametrize(
    ("notice_s", "grace_s", "stopped_at", "reason"),
    [
        (120.0, 30.0, 28.0, "shutdown"),
        (10.0, 30.0, 8.0, "spot_termination"),
        (None, 30.0, 28.0, "shutdown"),
    ],
)
def test_a_notice_and_a_request_to_end_whatever_comes_first_counts(
    notice_s: float | None, grace_s: float, stopped_at: float, reason: str
) -> None:
    driver = running(grace_s=grace_s)
    driver.tell(got.NoticeReceived(notice_s, "i-1"), SHUTDOWN, got.ReceiveCancelled())
    while not driver.asked(do.StopRun):
        moment = driver.machine.next_wakeup()
        assert moment is not None
        driver.wait_until(moment)
    assert driver.now == stopped_at
    driver.finish(1, TERMINATED)
    (event,) = [r.event for r in driver.asked(do.Record) if isinstance(r.event, TaskEvent)]
    assert isinstance(event, TaskInterrupted)
    assert event.reason == reason
    assert driver.finished == do.Finish("shutdown")


def test_a_notice_during_a_drain_does_not_rename_it() -> None:
    driver = running()
    driver.tell(SHUTDOWN, got.NoticeReceived(5.0, "i-1"), got.ReceiveCancelled())
    driver.finish(1)
    assert driver.finished == do.Finish("shutdown")
