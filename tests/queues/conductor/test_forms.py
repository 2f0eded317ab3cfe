"""From the server's tasks to ours, and from outcomes to results."""

from __future__ import annotations

import msgspec
import pytest

from cloud_tasks.conductor_app.form import WholeForm
from cloud_tasks.core.task import EndKind, Json, MalformedTask, Outcome, OutcomeKind, RunEnd, Task
from cloud_tasks.queues.conductor.forms import PlainForm, failure_of

TOLD: dict[str, Json] = {"taskId": "t1", "inputData": {"a": 1}, "taskDefName": "sums", "retryCount": 0}


def returned(result: Json, *, retry: bool = False, raw: bool = False) -> Outcome:
    value = msgspec.Raw(msgspec.json.encode(result)) if raw else result
    end = RunEnd(EndKind.RETURNED, retry=retry, result=value)
    return Outcome(OutcomeKind.COMPLETED, retry_requested=retry, end=end)


RAISED = RunEnd(EndKind.RAISED, exception="Traceback (most recent call last):\n  ...\nValueError: no")
KILLED = RunEnd(EndKind.EXITED, exit_code=-9, signal="SIGKILL", stderr_tail="last words")


def test_the_plain_form_gives_the_input() -> None:
    assert PlainForm().task_of(TOLD) == Task("t1", {"a": 1})
    assert PlainForm().task_of({"taskId": "t2", "inputData": None}) == Task("t2", {})


def test_an_input_that_is_no_object_is_no_task() -> None:
    bad = PlainForm().task_of({"taskId": "t2", "inputData": [1]})
    assert isinstance(bad, MalformedTask)
    assert (bad.raw, bad.task_id) == (b"[1]", "t2")


@pytest.mark.parametrize("raw", [True, False])
@pytest.mark.parametrize(
    ("result", "output"), [({"sum": 3}, {"sum": 3}), (7, {"result": 7}), (None, {}), ([1], {"result": [1]})]
)
def test_what_a_function_returns_is_the_output(result: Json, output: Json, *, raw: bool) -> None:
    update = PlainForm().update_of(returned(result, raw=raw))
    assert update == {"status": "COMPLETED", "outputData": output}


def test_a_function_that_asks_for_a_retry_fails() -> None:
    update = PlainForm().update_of(returned({"so": "far"}, retry=True))
    assert update == {
        "status": "FAILED",
        "reasonForIncompletion": "the function asked for another attempt",
        "outputData": {"so": "far"},
    }


@pytest.mark.parametrize(("retry", "status"), [(True, "FAILED"), (False, "FAILED_WITH_TERMINAL_ERROR")])
def test_what_was_raised_is_the_reason_and_the_traceback_is_logged(status: str, *, retry: bool) -> None:
    update = failure_of(Outcome(OutcomeKind.EXCEPTION, retry_requested=retry, end=RAISED))
    assert update == {
        "status": status,
        "reasonForIncompletion": "ValueError: no",
        "logs": [{"log": RAISED.exception}],
    }


def test_how_a_process_ended_is_told() -> None:
    update = failure_of(Outcome(OutcomeKind.EXITED, retry_requested=True, end=KILLED))
    assert update["reasonForIncompletion"] == "last words"
    assert update["logs"] == [{"log": "ended by SIGKILL\nlast words"}]


def test_a_reason_is_no_longer_than_a_server_keeps() -> None:
    outcome = Outcome(OutcomeKind.TIMED_OUT, retry_requested=True, reason="x" * 9000)
    assert failure_of(outcome)["reasonForIncompletion"] == "x" * 500


def test_the_whole_form_gives_the_task_and_takes_the_result() -> None:
    assert WholeForm().task_of(TOLD) == Task("t1", TOLD)
    result: Json = {"status": "IN_PROGRESS", "callbackAfterSeconds": 30, "outputData": {"at": 5}}
    assert WholeForm().update_of(returned(result, retry=True, raw=True)) == result
    assert (
        WholeForm().update_of(Outcome(OutcomeKind.EXCEPTION, retry_requested=True, end=RAISED))["status"]
        == "FAILED"
    )
