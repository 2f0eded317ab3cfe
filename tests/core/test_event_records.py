"""Events as lines."""

from __future__ import annotations

import json

import msgspec

from cloud_tasks.core.events import EventRecord, TaskCompleted, TaskException


def test_a_record_is_one_json_object_with_the_common_fields_first() -> None:
    event = TaskCompleted(
        task_id="a", elapsed_time=0.5, retry=False, attempt=1, result={"x": [1, None]}, retry_requested=False
    )
    line = EventRecord("2026-01-01T00:00:00+00:00", "here", event).encode()
    fields = json.loads(line)
    assert list(fields)[:3] == ["timestamp", "hostname", "event_type"]
    assert fields["event_type"] == "task_completed"
    assert fields["result"] == {"x": [1, None]}
    assert b"\n" not in line


def test_a_result_that_was_never_decoded_is_stored_as_it_came() -> None:
    event = TaskCompleted(
        task_id="a",
        elapsed_time=0.5,
        retry=False,
        attempt=1,
        result=msgspec.Raw(b'{"deep": [1, 2]}'),
        retry_requested=False,
    )
    assert json.loads(EventRecord("t", "h", event).encode())["result"] == {"deep": [1, 2]}


def test_text_that_utf8_cannot_hold_does_not_make_an_event_impossible_to_store() -> None:
    event = TaskException(
        task_id="a",
        elapsed_time=0.5,
        retry=False,
        attempt=1,
        exception="ValueError: \ud800",
        exception_kind="raised",
    )
    assert json.loads(EventRecord("t", "h", event).encode())["exception"] == "ValueError: \\ud800"
