"""How a task of the server becomes one of ours, and an outcome the result that the server is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, TypeAlias

import msgspec

from cloud_tasks.core.outcomes import cause_of
from cloud_tasks.core.task import EndKind, Json, MalformedTask, Outcome, OutcomeKind, Task

ServerTask: TypeAlias = Mapping[str, Json]
Update: TypeAlias = dict[str, object]
"""The fields of a result, as the API names them: `status`, `outputData` and so on."""

COMPLETED, FAILED, TERMINAL = "COMPLETED", "FAILED", "FAILED_WITH_TERMINAL_ERROR"
IN_PROGRESS = "IN_PROGRESS"
COMPLETED_WITH_ERRORS = "COMPLETED_WITH_ERRORS"
"""What the server makes of the failure of an optional task."""
REASON_CHARACTERS_MAX = 500
"""Servers cut `reasonForIncompletion` at this length; the whole of it goes to the task's log."""


class Form(Protocol):
    """What stands between the server's words and ours."""

    def task_of(self, told: ServerTask) -> Task | MalformedTask:
        """What the worker runs for a task of the server."""
        ...

    def update_of(self, outcome: Outcome) -> Update:
        """What the server is told of an attempt that has come to its end."""
        ...


class PlainForm:
    """The function gets the task's input as its data, and what it returns is the task's output.

    An output that is no mapping is put into one, under "result".
    """

    def task_of(self, told: ServerTask) -> Task | MalformedTask:
        """The task with its input."""
        data = told.get("inputData") or {}
        task_id = str(told["taskId"])
        if not isinstance(data, dict):
            return MalformedTask(msgspec.json.encode(data), "the input is not an object", task_id)
        return Task(task_id, data)

    def update_of(self, outcome: Outcome) -> Update:
        """COMPLETED with the output, unless a retry is asked for or it did not return."""
        if outcome.kind is not OutcomeKind.COMPLETED or outcome.retry_requested:
            return failure_of(outcome)
        return {"status": COMPLETED, "outputData": output_of(result_of(outcome))}


def result_of(outcome: Outcome) -> Json:
    """What the function returned."""
    result = None if outcome.end is None else outcome.end.result
    if isinstance(result, msgspec.Raw):
        decoded: Json = msgspec.json.decode(result)
        return decoded
    return result


def output_of(result: Json) -> dict[str, Json]:
    """A result as the mapping that an output has to be."""
    if result is None:
        return {}
    return result if isinstance(result, dict) else {"result": result}


def failure_of(outcome: Outcome) -> Update:
    """An attempt that failed: FAILED if it is to be tried again, as far as the task's definition lets it."""
    why = cause_of(outcome.end, outcome.reason) or _words(outcome)
    last = why.strip().splitlines()[-1] if why.strip() else outcome.kind.value
    update: Update = {
        "status": FAILED if outcome.retry_requested else TERMINAL,
        "reasonForIncompletion": last[:REASON_CHARACTERS_MAX],
    }
    if why.strip() != last:
        update["logs"] = [{"log": why}]
    result = result_of(outcome)
    if result is not None:
        update["outputData"] = output_of(result)
    return update


def _words(outcome: Outcome) -> str:
    if outcome.end is not None and outcome.end.kind is EndKind.RETURNED:
        return "the function asked for another attempt"
    return outcome.kind.value.replace("_", " ")
