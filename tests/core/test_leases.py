"""Keeping a lease: when it is extended, when the run must end because it cannot be."""

from __future__ import annotations

from typing import Any

import pytest

from cloud_tasks.core import commands as do
from cloud_tasks.core import inputs as got
from cloud_tasks.core.capabilities import QueueCapabilities
from cloud_tasks.core.events import NonFatalException, TaskInterrupted
from cloud_tasks.core.policy import Backoff
from cloud_tasks.core.task import HandBack
from tests.core.driving import CLOUD, RETURNED, TERMINATED, Driver, lease, one, only

LEASE_S = 30.0
LONG = 1e6


def leased(capabilities: QueueCapabilities = CLOUD, **settings: Any) -> Driver:
    """A driver with one run, whose lease was asked for at 0."""
    driver = Driver(capabilities, max_runtime_s=LONG, **settings)
    driver.start(lease(duration_s=LEASE_S))
    return driver


def answer(driver: Driver, took_s: float = 0.0, duration_s: float = LEASE_S) -> list[do.Command]:
    """The extension that is under way was granted."""
    asked = driver.asked(do.Extend)[-1].lease
    newer = lease(receipt=f"{asked.receipt}+", duration_s=duration_s)
    return driver.tell(got.Extended(1, newer, driver.now - took_s))


def test_a_lease_is_extended_at_half_time_for_as_long_as_the_run_goes_on() -> None:
    driver = leased()
    for round_number in range(1, 6):
        assert not only(driver.wait(LEASE_S / 2 - 0.1), do.Extend)
        extend = one(driver.wait(0.1), do.Extend)
        assert (extend.attempt_id, extend.seconds) == (1, LEASE_S)
        assert driver.now == round_number * LEASE_S / 2
        answer(driver)
    assert not driver.asked(do.StopRun)


def test_a_lease_counts_from_before_the_call_that_gave_it() -> None:
    driver = Driver(max_runtime_s=LONG, now=100.0)
    driver.receive(lease(duration_s=LEASE_S), took_s=10.0)
    assert not only(driver.wait_until(104.9), do.Extend)
    one(driver.wait_until(107.0), do.Extend)
    answer(driver, took_s=2.0)
    assert not only(driver.wait_until(119.9), do.Extend)
    one(driver.wait_until(120.0), do.Extend)


def test_a_lease_that_never_ends_is_left_alone() -> None:
    driver = Driver(max_runtime_s=60.0)
    driver.start(lease())
    assert driver.machine.next_wakeup() == 60.0


def test_a_lease_that_turns_out_never_to_end_is_left_alone() -> None:
    driver = leased()
    driver.wait(LEASE_S / 2)
    driver.tell(got.Extended(1, lease(receipt="r2"), driver.now))
    assert driver.wait(LONG / 2) == []


def test_a_lease_that_cannot_be_renewed_ends_the_run_before_it_ends() -> None:
    driver = leased(QueueCapabilities(renewable=False))
    asked = driver.wait(LEASE_S)
    assert [type(command) for command in asked] == [do.StopRun, do.KillRun]
    assert not driver.asked(do.Extend)


def test_the_settlement_uses_the_newest_receipt() -> None:
    driver = leased()
    driver.wait(LEASE_S / 2)
    answer(driver)
    assert one(driver.finish(1), do.Ack).lease.receipt == "r1+"


@pytest.mark.parametrize("granted", [True, False])
def test_the_settlement_waits_for_an_extension_that_is_under_way(granted: bool) -> None:  # noqa: FBT001
    driver = leased()
    driver.wait(LEASE_S / 2)
    driver.end(1)
    assert not only(driver.store(1), do.Ack)
    if granted:
        answer(driver)
    else:
        driver.tell(got.ExtendFailed(1, "no answer"))
    assert one(driver.log, do.Ack).lease.receipt == ("r1+" if granted else "r1")
    assert not only(driver.wait(LONG), do.Extend)


def test_a_lease_is_kept_while_the_event_is_being_stored_and_no_longer() -> None:
    driver = leased()
    driver.end(1)
    one(driver.wait(LEASE_S / 2), do.Extend)
    driver.tell(got.ExtendFailed(1, "no answer"))
    one(driver.wait(1.0), do.Extend)
    answer(driver)
    one(driver.wait(LEASE_S / 2), do.Extend)
    answer(driver)
    driver.store(1)
    assert not only(driver.wait(LONG), do.Extend)
    driver.tell(got.SettleFailed(1, "no answer"))
    assert not only(driver.wait(LONG), do.Extend)


def test_a_failed_extension_is_tried_again_until_the_run_must_end() -> None:
    driver = leased(settle_backoff=Backoff(base_s=100.0, cap_s=100.0))
    driver.wait(LEASE_S / 2)
    while not driver.asked(do.StopRun):
        if len(driver.asked(do.Extend)) > len(only_failures(driver)):
            driver.tell(got.ExtendFailed(1, "no answer"))
        moment = driver.machine.next_wakeup()
        assert moment is not None
        driver.wait_until(moment)
    assert driver.now == 27.0
    assert 5 <= len(driver.asked(do.Extend)) <= 60
    driver.tell(got.RunEnded(1, TERMINATED))
    told = [r.event for r in driver.asked(do.Record) if isinstance(r.event, NonFatalException)]
    assert [event.exception for event in told] == ["the lease of task a is not extended yet: no answer"]


def only_failures(driver: Driver) -> list[None]:
    """One entry for each extension that has failed."""
    attempt = driver.machine._state.attempts[1]
    return [None] * attempt.extend_failures


def test_a_run_that_ignores_the_end_of_its_lease_is_dead_when_the_lease_ends() -> None:
    for lease_s in (2.0, 30.0, 600.0):
        driver = Driver(max_runtime_s=LONG)
        driver.start(lease(duration_s=lease_s))
        asked = driver.wait(lease_s)
        assert [type(command) for command in asked if not isinstance(command, do.Extend)] == [
            do.StopRun,
            do.KillRun,
        ]


@pytest.mark.parametrize("end", [TERMINATED, RETURNED])
def test_a_lost_lease_is_never_settled(end: object) -> None:
    driver = leased()
    driver.wait(LEASE_S / 2)
    one(driver.tell(got.LeaseLost(1, "somebody else has it")), do.StopRun)
    asked = driver.end(1, end)  # type: ignore[arg-type]
    record = one(asked, do.Record)
    assert record.event == TaskInterrupted(
        task_id="a", elapsed_time=LEASE_S / 2, retry=True, attempt=1, reason="lease_lost"
    )
    driver.wait(LONG)
    assert not [c for c in driver.log if isinstance(c, do.Ack | do.Nack | do.DeadLetter)]
    assert driver.machine.running == 0


def test_what_the_queue_hears_of_lost_leases_ends_those_runs_and_no_others() -> None:
    driver = Driver(slots=3)
    driver.start(*(lease(name, receipt=f"r-{name}") for name in "abc"))
    asked = driver.tell(got.LeasesLost(frozenset(("r-a", "r-c", "unknown")), "the connection was lost"))
    assert [command.attempt_id for command in only(asked, do.StopRun)] == [1, 3]
    record = one(driver.end(1, TERMINATED), do.Record)
    assert isinstance(record.event, TaskInterrupted)
    assert record.event.reason == "lease_lost"
    one(driver.end(2), do.Record)
    one(driver.store(2), do.Ack)


def test_of_a_task_that_is_being_settled_the_answer_says_whether_its_lease_was_lost() -> None:
    driver = leased()
    driver.end(1)
    assert driver.tell(got.LeasesLost(frozenset(("r1",)), "the connection was lost")) == []
    one(driver.store(1), do.Ack)
    driver.tell(got.LeaseLost(1, "out of date"))
    assert not driver.machine._state.attempts


def test_a_lost_lease_kills_a_run_that_does_not_end() -> None:
    driver = leased()
    driver.wait(LEASE_S / 2)
    driver.tell(got.LeaseLost(1, "somebody else has it"))
    one(driver.wait(2.0), do.KillRun)


def test_extensions_stay_within_the_longest_lease() -> None:
    driver = leased(QueueCapabilities(lease_s_max=20.0))
    assert one(driver.wait(LEASE_S / 2), do.Extend).seconds == 20.0


def test_a_message_is_not_held_for_longer_than_its_backend_allows() -> None:
    driver = leased(QueueCapabilities(lease_s_max=600.0, lease_total_s_max=40.0))
    assert one(driver.wait(LEASE_S / 2), do.Extend).seconds == 25.0
    answer(driver, duration_s=25.0)
    asked = driver.wait(LONG)
    assert [type(command) for command in asked] == [do.StopRun, do.KillRun]
    assert len(driver.asked(do.Extend)) == 1


def test_a_message_that_was_held_for_too_long_is_not_extended_by_less_than_nothing() -> None:
    driver = leased(QueueCapabilities(lease_s_max=600.0, lease_total_s_max=40.0))
    driver.end(1)
    driver.now = 45.0
    assert not only(driver.tell(got.TimeReached()), do.Extend)
    one(driver.store(1), do.Ack)


# --- A lease that was given up, and is ours after all


FENCED = QueueCapabilities(lease_s_max=600.0, delay_s_max=900.0, fenced=True)


def given_up(capabilities: QueueCapabilities) -> Driver:
    """A run whose lease could not be renewed in time; the extension is still under way."""
    driver = leased(capabilities)
    one(driver.wait(LEASE_S / 2), do.Extend)
    one(driver.wait(LEASE_S / 2), do.StopRun)
    return driver


def test_a_lease_that_is_extended_late_is_handed_back_when_its_run_is_over() -> None:
    driver = given_up(FENCED)
    driver.end(1, TERMINATED)
    driver.store(1)
    driver.wait(20.0)
    nack = one(answer(driver, duration_s=LEASE_S), do.Nack)
    assert (nack.lease.receipt, nack.delay_s, nack.reason) == ("r1+", 0.0, HandBack.INTERRUPTED)
    driver.tell(got.Settled(1))
    assert not driver.machine._state.attempts


def test_what_is_handed_back_then_does_not_count_as_an_attempt() -> None:
    driver = given_up(FENCED)
    driver.end(1, TERMINATED)
    driver.store(1)
    one(answer(driver, duration_s=LEASE_S), do.Nack)
    driver.tell(got.Settled(1))
    again = driver.receive(lease(receipt="r2", duration_s=LEASE_S))
    assert one(again, do.StartRun).attempt == 1


def test_an_answer_that_comes_when_it_runs_here_again_counts_nothing_anew() -> None:
    driver = given_up(FENCED)
    driver.end(1, TERMINATED)
    driver.store(1)
    assert one(driver.receive(lease(receipt="r2", duration_s=LEASE_S)), do.StartRun).attempt == 2
    one(answer(driver, duration_s=LEASE_S), do.Nack)
    driver.end(2, TERMINATED)
    driver.tell(got.LeaseLost(2, "others have it"))
    again = driver.receive(lease(receipt="r3", duration_s=LEASE_S))
    assert one(again, do.StartRun).attempt == 3


def test_its_event_comes_first() -> None:
    driver = given_up(FENCED)
    driver.end(1, TERMINATED)
    assert not only(answer(driver, duration_s=LEASE_S), do.Nack)
    one(driver.store(1), do.Nack)


def test_while_its_run_ends_it_is_ours_again() -> None:
    driver = given_up(FENCED)
    driver.wait(LEASE_S)
    answer(driver, duration_s=LEASE_S)
    record = one(driver.end(1, TERMINATED), do.Record)
    assert isinstance(record.event, TaskInterrupted)
    assert record.event.reason == "its lease was extended too late"
    assert one(driver.store(1), do.Nack).lease.receipt == "r1+"


def test_a_result_that_comes_meanwhile_counts() -> None:
    driver = given_up(FENCED)
    answer(driver, duration_s=LEASE_S)
    driver.end(1, RETURNED)
    one(driver.store(1), do.Ack)


def test_a_late_answer_of_a_queue_that_takes_old_receipts_proves_nothing() -> None:
    driver = given_up(QueueCapabilities(lease_s_max=600.0))
    driver.end(1, TERMINATED)
    driver.store(1)
    driver.wait(20.0)
    assert not only(answer(driver, duration_s=LEASE_S), do.Nack)
    assert not driver.machine._state.attempts


@pytest.mark.parametrize("no", [got.ExtendFailed(1, "no answer"), got.LeaseLost(1, "somebody else has it")])
def test_an_answer_that_says_no_ends_it(no: got.Input) -> None:
    driver = given_up(FENCED)
    driver.end(1, TERMINATED)
    driver.store(1)
    assert driver.machine._state.attempts
    assert not only(driver.tell(no), do.Nack)
    assert not driver.machine._state.attempts


def test_handing_it_back_is_tried_once() -> None:
    driver = given_up(FENCED)
    driver.end(1, TERMINATED)
    driver.store(1)
    one(answer(driver, duration_s=LEASE_S), do.Nack)
    driver.tell(got.SettleFailed(1, "no answer"))
    assert not driver.machine._state.attempts


def test_an_answer_about_an_attempt_that_is_forgotten_is_nothing() -> None:
    driver = leased(FENCED)
    driver.finish(1)
    assert driver.tell(got.Extended(1, lease(receipt="r2", duration_s=LEASE_S), driver.now)) == []
