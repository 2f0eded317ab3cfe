"""The classes of the events."""

from __future__ import annotations

import json

from cloud_tasks.core.events import EVENT_CLASSES, EventRecord, KeepAlive, TaskCompleted, WorkerStopped


def test_an_event_knows_its_type() -> None:
    assert KeepAlive(instance_id="i-1").event_type == "keep_alive"


def test_every_type_is_there_once() -> None:
    tags = [event.__struct_config__.tag for event in EVENT_CLASSES]
    assert len(set(tags)) == len(tags)


def test_text_that_cannot_be_stored_is_escaped_wherever_it_is() -> None:
    stopped = WorkerStopped(worker_id="\ud800", reason="idle", elapsed_time=0.0, counts={"x": 1})
    assert json.loads(EventRecord("t", "here", stopped).encode())["worker_id"] == "\\ud800"
    completed = TaskCompleted(
        task_id="\ud800",
        elapsed_time=0.0,
        retry=False,
        attempt=1,
        result=["\udfff", 1],
        retry_requested=False,
    )
    assert json.loads(EventRecord("t", "here", completed).encode())["result"] == ["\\udfff", 1]
