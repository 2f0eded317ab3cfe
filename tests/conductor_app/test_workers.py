"""Workers as classes and as plain functions."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Mapping
from typing import Any

import pytest

from cloud_tasks.conductor import NonRetryableError, Task, TaskResult, Worker, WorkerAbc, worker_task
from cloud_tasks.conductor_app.calling import call_worker, hand_down, run_worker, run_worker_on_loop
from cloud_tasks.conductor_app.workers import decorated_workers
from cloud_tasks.errors import ConfigurationError
from cloud_tasks.runners.worker_data import WorkerData

TOLD = {"taskId": "t1", "workflowInstanceId": "w1", "inputData": {"a": 2, "b": 3}}


class Sums(WorkerAbc):
    def execute(self, task: Task) -> TaskResult:
        result = self.get_task_result_from_task(task)
        result.status = "COMPLETED"
        result.add_output_data("sum", task.input_data["a"] + task.input_data["b"])
        return result


class Says(WorkerAbc):
    """Returns what it is told to."""

    says: Any = None

    def execute(self, task: Task) -> TaskResult:
        if isinstance(self.says, Exception):
            raise self.says
        answer: TaskResult = self.says
        return answer


def saying(says: object) -> Says:
    worker = Says("says")
    worker.says = says
    return worker


def add(a: int, b: int, c: int = 0) -> int:
    return a + b + c


def whole(task: Task) -> TaskResult:
    return TaskResult(status="COMPLETED", output_data={"of": task.task_id})


def by_input(data: dict[str, Any]) -> dict[str, Any]:
    return {"keys": sorted(data)}


def unannotated(data):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN201 - as a user may write it
    return len(data)


def one_number(a: int) -> int:
    return a * 10


def everything(**values: int) -> int:
    return sum(values.values())


async def waits(a: int, b: int) -> dict[str, int]:
    await asyncio.sleep(0)
    return {"product": a * b}


def run(worker: WorkerAbc, told: Mapping[str, Any] = TOLD) -> Any:
    return run_worker(worker, told, WorkerData())


def test_a_class_with_execute() -> None:
    assert run(Sums("sums")) == (False, {"status": "COMPLETED", "outputData": {"sum": 5}})


def test_what_the_published_class_tells_of_itself() -> None:
    worker = Sums(task_definition_name="sums")
    assert worker.get_task_definition_name() == "sums"
    assert worker.get_polling_interval_in_seconds() == 0.1
    assert worker.get_domain() is None
    assert worker.get_identity()
    assert not worker.paused()
    result = worker.get_task_result_from_task(Task("t1", "w1"))
    assert (result.task_id, result.workflow_instance_id, result.worker_id) == (
        "t1",
        "w1",
        worker.get_identity(),
    )
    assert Sums(["first", "second"]).get_task_definition_name() == "first"


@pytest.mark.parametrize(
    ("function", "output"),
    [
        (add, {"result": 5}),
        (whole, {"of": "t1"}),
        (by_input, {"keys": ["a", "b"]}),
        (unannotated, {"result": 2}),
        (one_number, {"result": 20}),
        (everything, {"result": 5}),
    ],
)
def test_a_plain_function_gets_what_it_asks_for(function: Any, output: object) -> None:
    assert run(Worker("sums", function)) == (False, {"status": "COMPLETED", "outputData": output})


class OnLoop(WorkerAbc):
    runner = "async"

    async def execute(self, task: Task) -> TaskResult:
        return self.get_task_result_from_task(task)


class Waits:
    async def __call__(self) -> None:
        """Give way to others."""


class OwnExecute(Worker):
    def execute(self, task: Task) -> TaskResult:
        return self.get_task_result_from_task(task)


def test_what_cannot_be_called_is_refused_in_words() -> None:
    with pytest.raises(ConfigurationError, match="the function of a worker is 5, which cannot be called"):
        Worker("sums", 5)  # type: ignore[arg-type] # that is the mistake


def test_a_function_of_the_interpreter_that_does_not_say_what_it_takes_gets_the_input() -> None:
    assert Worker("sums", time.sleep).execute_function is time.sleep
    assert run(Worker("sums", max)) == (False, {"status": "COMPLETED", "outputData": {"result": "b"}})


def test_who_runs_on_the_loop_has_to_give_way() -> None:
    assert OnLoop("a").is_coroutine
    assert Worker("a", functools.partial(waits, 1)).is_coroutine
    assert Worker("a", Waits()).runner == "async"
    assert not Worker("a", len).is_coroutine
    assert not OwnExecute("a", waits).is_coroutine


async def test_a_coroutine_function_is_awaited() -> None:
    answer = await run_worker_on_loop(Worker("sums", waits), TOLD, WorkerData())
    assert answer == (False, {"status": "COMPLETED", "outputData": {"product": 6}})


def test_a_coroutine_function_runs_on_the_loop_unless_told_otherwise() -> None:
    assert Worker("sums", waits).runner == "async"
    assert Worker("sums", add).runner == "process"
    assert Worker("sums", waits, runner="process").runner == "process"


def test_a_missing_input_is_told_by_the_function_itself() -> None:
    with pytest.raises(TypeError, match="'b'"):
        run(Worker("sums", add), {**TOLD, "inputData": {"a": 1}})


@pytest.mark.parametrize(("status", "again"), [("FAILED", True), ("IN_PROGRESS", True), ("COMPLETED", False)])
def test_what_comes_again_is_said_to_be(status: str, *, again: bool) -> None:
    assert run(saying(TaskResult(status=status))) == (again, {"status": status})


def test_an_error_that_is_for_good() -> None:
    assert run(saying(NonRetryableError("no such file"))) == (
        False,
        {"status": "FAILED_WITH_TERMINAL_ERROR", "reasonForIncompletion": "no such file"},
    )


def test_another_error_is_left_to_the_worker() -> None:
    with pytest.raises(KeyError):
        run(saying(KeyError("a")))


@pytest.mark.parametrize(
    ("says", "message"),
    [(None, "returned NoneType"), ({"a": 1}, "returned dict"), (TaskResult(), "has no status")],
)
def test_what_is_no_result_is_reported_as_such(says: object, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        run(saying(says))


def test_a_class_without_execute_says_so() -> None:
    with pytest.raises(TypeError, match="WorkerAbc has no method `execute`"):
        run(WorkerAbc("sums"))


def test_a_worker_goes_to_a_task_process_with_what_it_holds() -> None:
    worker_data = WorkerData()
    worker_data.handed_down = hand_down(saying(TaskResult(status="COMPLETED", output_data={"x": 1})))
    assert call_worker("t1", TOLD, worker_data) == (False, {"status": "COMPLETED", "outputData": {"x": 1}})


def test_a_decorated_function_stays_a_function_and_is_found() -> None:
    decorated = worker_task("decorated", poll_interval_millis=250, domain="d", thread_count=3)(add)
    assert decorated is add
    (worker,) = [one for one in decorated_workers() if one.task_definition_name == "decorated"]
    assert worker.get_polling_interval_in_seconds() == 0.25
    assert (worker.domain, worker.thread_count) == ("d", 3)
    assert run(worker) == (False, {"status": "COMPLETED", "outputData": {"result": 5}})
