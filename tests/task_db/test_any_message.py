"""Whatever is on the queue is stored byte for byte, and breaks nothing."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cloud_tasks.core.events import EVENT_CLASSES
from cloud_tasks.task_db import EventBook, read_report
from tests.task_db.jobs import ended, keep_alive, make_job, row, rows, statuses

TYPES = [str(one.__struct_config__.tag) for one in EVENT_CLASSES]
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([2**63, -(2**70), 10**400])
    | st.floats()
    | st.text(st.characters(exclude_categories=()))
    | st.sampled_from(
        ["t0", "2026-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
FIELDS = (
    "timestamp",
    "hostname",
    "task_id",
    "retry",
    "attempt",
    "elapsed_time",
    "result",
    "exception",
    "exit_code",
    "reason",
    "instance_id",
)
EVENTS = st.fixed_dictionaries(
    {"event_type": st.sampled_from(TYPES) | st.text()},
    optional=dict.fromkeys(FIELDS, VALUES),
).map(lambda event: json.dumps(event).encode())
DEEP = b'{"event_type":"task_completed","task_id":"t0","result":' + b"[" * 5000 + b"]" * 5000 + b"}"


@settings(max_examples=30)
@given(st.lists(EVENTS | st.binary() | st.text().map(str.encode), max_size=5))
@example([DEEP])
@example([b'{"event_type":"task_completed","task_id":"t0","result":' + b"[" * 400 + b"]" * 400 + b"}"])
@example([b'{"event_type":"task_completed","task_id":"t0","result":NaN,"hostname":"\\ud800"}'])
def test_any_message_is_stored_and_breaks_nothing(bodies: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = make_job(Path(folder) / "job.db", ["t0"])
        with EventBook(path) as book:
            effects = [one.effect for one in book.apply(bodies)]
            list(book.events(0))
            assert [book.find(body) is not None for body in bodies] == [
                effect != "keep_alive" for effect in effects
            ]
        read_report(path)
        stored = [raw for (raw,) in rows(path, "SELECT raw_event FROM events ORDER BY id")]
    kept = [body for body, effect in zip(bodies, effects, strict=True) if effect != "keep_alive"]
    assert [raw if isinstance(raw, bytes) else raw.encode() for raw in stored] == kept


@pytest.mark.parametrize(
    ("body", "effect"),
    [
        (b"", "no_event"),
        (b"hello", "no_event"),
        (b"\xff\x00", "no_event"),
        (b"[1]", "no_event"),
        (b"{}", "no_event"),
        (b'{"event_type": 1}', "no_event"),
        (b'{"task_id": "a", "data": {}}', "no_event"),
        (b'{"event_type": "task_abducted", "task_id": "a"}', "unknown_type"),
        (b'{"event_type": "task_completed"}', "unknown_task"),
        (ended("not-mine"), "unknown_task"),
        (keep_alive("h"), "keep_alive"),
    ],
)
def test_what_is_no_event_of_this_job_changes_no_task(tmp_path: Path, body: bytes, effect: str) -> None:
    path = make_job(tmp_path / "job.db", ["a"])
    with EventBook(path) as book:
        assert [one.effect for one in book.apply([body])] == [effect]
        expected = {} if effect == "keep_alive" else {effect: 1}
        assert book.snapshot().effects == expected
    assert statuses(path) == {"a": "in_queue_original"}


@pytest.mark.parametrize(
    ("retry", "status"),
    [
        (None, "completed"),
        (False, "completed"),
        (0, "completed"),
        (True, "completed_with_retry"),
        (1, "completed_with_retry"),
    ],
)
def test_f28_a_retry_that_is_no_boolean_is_read_as_python_does(
    tmp_path: Path, retry: Any, status: str
) -> None:
    path = make_job(tmp_path / "job.db", ["a"])
    event = {"event_type": "task_completed", "task_id": "a", "retry": retry}
    with EventBook(path) as book:
        book.apply([json.dumps(event).encode()])
    assert row(path, "a")["status"] == status


def test_the_same_event_in_other_words_is_a_duplicate(tmp_path: Path) -> None:
    path = make_job(tmp_path / "job.db", ["a"])
    body = ended("a")
    other = json.dumps(dict(reversed(json.loads(body).items())), indent=1).encode()
    with EventBook(path) as book:
        assert [one.effect for one in book.apply([body, other, body])] == [
            "applied",
            "duplicate",
            "duplicate",
        ]
