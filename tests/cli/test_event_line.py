from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_tasks.cli.event_line import NotAnEventError, json_line, line, read_event

TASK = {
    "event_type": "task_completed",
    "task_id": "t1",
    "task_name": "tasks.add",
    "queue": "default",
    "worker_id": "w1",
    "timestamp": "2026-01-02T03:04:05.678901+00:00",
    "attempt": 1,
    "duration_ms": 12,
    "result": 3,
    "error": None,
    "traceback": None,
}
WORKER = {
    "event_type": "worker_heartbeat",
    "worker_id": "w1",
    "hostname": "h",
    "timestamp": "2026-01-02T03:04:05.678901+00:00",
    "freq": 60.0,
    "active": 3,
    "processed": 120,
    "queues": ["high", "default"],
    "sw_ident": "cloud_tasks",
    "sw_ver": "1",
    "uptime_seconds": 9,
}
FIELDS = sorted({*TASK, *WORKER})
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def test_a_task_and_a_worker_in_a_line() -> None:
    assert line(TASK) == "03:04:05.678  task_completed    tasks.add t1  default  12 ms"
    again = {**TASK, "event_type": "task_retrying", "attempt": 2, "error": "ValueError: no 7\nsecond"}
    assert line(again) == (
        "03:04:05.678  task_retrying     tasks.add t1  default  attempt 2  12 ms  ValueError: no 7\\nsecond"
    )
    assert line(WORKER) == "03:04:05.678  worker_heartbeat  w1  active 3, processed 120  high,default"


@pytest.mark.parametrize("encode", [msgspec.json.encode, msgspec.msgpack.encode])
def test_both_ways_of_writing_are_read(encode: Any) -> None:
    assert read_event(encode(TASK)) == TASK
    assert json.loads(json_line(read_event(encode(TASK)))) == TASK


@pytest.mark.parametrize(
    "body", [b"", b"hello", b"[1]", b"7", b"{", b'{"a":', b"\xff\x00", b"\x93\x01\x02\x03", b"{" * 100_000]
)
def test_what_is_no_event(body: bytes) -> None:
    with pytest.raises(NotAnEventError) as raised:
        read_event(body)
    assert str(raised.value).isprintable()
    assert len(str(raised.value)) < 10_000


def test_nothing_steers_the_terminal() -> None:
    hostile = "\x1b]0;gone\x07\x9b2J\u202egnp.exe\r\n\U000e0001"
    event = {**TASK, "task_name": hostile, "error": hostile, "timestamp": hostile, hostile: hostile}
    assert line(event).isprintable()
    assert json_line(event).isprintable()
    assert json.loads(json_line(event)) == event


def test_a_line_is_not_endless() -> None:
    assert len(line({**TASK, "task_name": "x" * 1_000_000})) <= 1_000
    assert len(line({**TASK, "error": "x" * 1_000_000})) <= 300


@settings(max_examples=40)
@given(st.dictionaries(st.sampled_from(FIELDS), VALUES))
def test_any_event_is_shown(event: dict[str, Any]) -> None:
    kind = event.get("event_type")
    for shown in (line(event), line({**event, "event_type": f"worker_{kind}"}), json_line(event)):
        assert shown.isprintable()


@given(st.binary())
def test_any_message_is_read_or_refused(body: bytes) -> None:
    try:
        event = read_event(body)
    except NotAnEventError:
        return
    assert line(event).isprintable()
    assert json_line(event).isprintable()


def test_numbers_of_any_length() -> None:
    body = b'{"event_type":"task_x","attempt":' + b"9" * 10_000 + b"}"
    try:
        event = read_event(body)
    except NotAnEventError:
        return
    assert line(event).isprintable()
