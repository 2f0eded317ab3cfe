from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from cloud_tasks.core.events import Event, EventRecord, TaskCompleted, TaskException
from cloud_tasks.core.task import Json
from cloud_tasks.sinks.worker_events import WorkerEvents
from cloud_tasks.sinks.worker_messages import (
    ERROR_CHARACTERS_MAX,
    RESULT_BYTES_MAX,
    TRACEBACK_CHARACTERS_MAX,
    Message,
    TaskMessage,
    encoder,
)
from fakes.clock import VirtualClock

DECODE: dict[str, Callable[[bytes], Any]] = {"json": msgspec.json.decode, "msgpack": msgspec.msgpack.decode}
VALUE: Json = {"a": [1, 2.5, None, "é"]}


def end(task_id: str = "t1") -> dict[str, Any]:
    return {"task_id": task_id, "elapsed_time": 1.0, "retry": False, "attempt": 1}


def completed(result: Json | msgspec.Raw) -> TaskCompleted:
    return TaskCompleted(**end(), result=result, retry_requested=False)


def translated(event: Event) -> Message:
    message = WorkerEvents("w1", [], 0, VirtualClock()).translate(EventRecord("2026", "h", event))
    assert message is not None
    return message


@pytest.mark.parametrize("form", ["json", "msgpack"])
def test_messages_are_bounded(form: str) -> None:
    encode = encoder(form)
    long = "x" * 1_000_000
    exception = TaskException(**end(), exception=f"start{long}end", exception_kind="raised")
    failed = translated(exception)
    big = translated(completed([long]))
    fits = translated(completed("y" * (RESULT_BYTES_MAX - 2)))
    told = DECODE[form](encode(failed))
    assert len(told["error"]) == ERROR_CHARACTERS_MAX
    assert told["error"].startswith("startx")
    assert len(told["traceback"]) == TRACEBACK_CHARACTERS_MAX
    assert told["traceback"].endswith("xend")
    assert DECODE[form](encode(big))["result"] is None
    assert DECODE[form](encode(fits))["result"] == "y" * (RESULT_BYTES_MAX - 2)


@pytest.mark.parametrize("form", ["json", "msgpack"])
@pytest.mark.parametrize(
    "result", [msgspec.Raw(b'{"a":[1,2.5,null,"\xc3\xa9"]}'), {"a": [1, 2.5, None, "é"]}]
)
def test_results_arrive_in_both_forms(form: str, result: Json | msgspec.Raw) -> None:
    message = translated(completed(result))
    told = DECODE[form](encoder(form)(message))
    assert list(told) == list(TaskMessage.__struct_fields__)
    assert told["result"] == VALUE


@pytest.mark.parametrize("form", ["json", "msgpack"])
def test_text_that_utf8_cannot_hold_is_escaped(form: str) -> None:
    exception = TaskException(**end("t\udc80"), exception="ValueError: \ud800", exception_kind="raised")
    message = translated(exception)
    told = DECODE[form](encoder(form)(message))
    assert (told["task_id"], told["error"]) == ("t\\udc80", "ValueError: \\ud800")


def test_a_number_that_messagepack_cannot_hold_is_left_out() -> None:
    result = msgspec.Raw(b"[100000000000000000000000]")
    message = translated(completed(result))
    assert msgspec.msgpack.decode(encoder("msgpack")(message))["result"] is None
    assert msgspec.json.decode(encoder("json")(message))["result"] == [10**23]
