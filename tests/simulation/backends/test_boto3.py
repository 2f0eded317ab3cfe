"""boto3 inline and in virtual time: retries, time-outs, long polls and batches."""

from __future__ import annotations

import pytest
from msgspec import structs

from simulation.faults import Fault, FaultClass
from simulation.happenings import CallAnswered, CallIssued, Happening, QueueChanged, RunBegan
from simulation.plan import BackendPlan, WorkerPlan, Workload
from tests.simulation.backends.plans import FAKES, MOTO, lived, plan_on


def answers(seen: list[Happening], operation: str) -> list[CallAnswered]:
    return [one for one in seen if isinstance(one, CallAnswered) and one.operation == operation]


def took_s(seen: list[Happening], answered: CallAnswered) -> float:
    asked = next(
        one
        for one in seen
        if isinstance(one, CallIssued) and (one.worker, one.number) == (answered.worker, answered.number)
    )
    return answered.at - asked.at


def on_first(kind: FaultClass, operation: str, times: int = 1, size: float = 0.0) -> list[Fault]:
    """A fault that strikes the first requests of a kind."""
    return [
        Fault(kind=kind, whom=f"{operation} of worker-1", which=which, size=size)
        for which in range(1, times + 1)
    ]


@pytest.mark.parametrize("kind", [FaultClass.THROTTLED, FaultClass.REQUEST_LOST, FaultClass.REPLY_LOST])
def test_boto3_tries_once_more_by_itself_and_its_pause_takes_time(kind: FaultClass) -> None:
    report, seen = lived(plan_on(FAKES, *on_first(kind, "delete_message_batch"), tasks=1))
    assert report.violations == ()
    assert report.effective == {kind: 1}
    (ack,) = answers(seen, "ack")
    assert not ack.error
    assert took_s(seen, ack) > 0.02


def test_after_two_attempts_it_is_for_the_worker() -> None:
    faults = on_first(FaultClass.THROTTLED, "delete_message_batch", times=2)
    report, seen = lived(plan_on(FAKES, *faults, tasks=1))
    assert report.violations == ()
    assert [one.error for one in answers(seen, "ack")] == ["QueueUnavailableError", ""]


def test_a_reply_that_takes_too_long_is_given_up_and_has_its_effect() -> None:
    faults = on_first(FaultClass.SLOW_CALL, "receive_message", times=2, size=80.0)
    report, seen = lived(plan_on(FAKES, *faults, tasks=1))
    assert report.violations == ()
    first = answers(seen, "receive")[0]
    assert first.error == "QueueUnavailableError"
    assert took_s(seen, first) == pytest.approx(60.0, abs=1.5)
    delivered = [
        one.at for one in seen if isinstance(one, QueueChanged) and one.fact.kind.value == "delivered"
    ]
    assert delivered[0] == pytest.approx(40.0, abs=1.0)
    assert len(delivered) >= 2


def test_a_long_poll_ends_when_a_message_comes_and_not_before() -> None:
    report, seen = lived(plan_on(FAKES, tasks=8, over_s=100.0))
    assert report.violations == ()
    sent = [one.at for one in seen if isinstance(one, QueueChanged) and one.fact.kind.value == "sent"]
    began = [one.at for one in seen if isinstance(one, RunBegan)]
    assert all(begun - came < 1.5 for came, begun in zip(sent, began, strict=True))
    assert len(answers(seen, "receive")) < 60


@pytest.mark.parametrize("backend", [FAKES, MOTO], ids=["fakes", "moto"])
def test_one_entry_of_a_batch_fails_and_the_others_do_not(backend: BackendPlan) -> None:
    fault = Fault(kind=FaultClass.REQUEST_LOST, whom="ack of task-2")
    report, seen = lived(plan_on(backend, fault))
    assert report.violations == ()
    assert report.effective == {FaultClass.REQUEST_LOST: 1}
    assert [one.task_id for one in answers(seen, "ack") if one.error] == ["task-2"]


def test_more_calls_than_threads_wait_for_their_turn() -> None:
    """Eight requests are under way at most; each but the last is held up for ten seconds here."""
    faults = on_first(FaultClass.SLOW_CALL, "send_message", times=12, size=10.0)
    plan = plan_on(FAKES, *faults, tasks=0)
    plan = structs.replace(
        plan,
        workload=Workload(tasks=0, malformed=12),
        worker=WorkerPlan(workers=1, num_simultaneous_tasks=12),
    )
    report, seen = lived(plan)
    assert report.violations == ()
    buried = [one.at for one in answers(seen, "dead_letter")]
    assert buried[0] < 15.0 < buried[-1]
