from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_tasks.core.message import decode_task, encode_task
from cloud_tasks.core.task import MalformedTask, Task

texts = st.text(st.characters(exclude_categories=["Cs"]))
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)
task_ids = texts.filter(lambda text: bool(text) and "/" not in text and "\0" not in text)


@given(task_ids, st.dictionaries(texts, documents, max_size=4))
def test_a_task_comes_back_as_it_went(task_id: str, data: dict[str, None]) -> None:
    task = Task(task_id, data)
    assert decode_task(encode_task(task)) == task


@given(st.binary(max_size=60))
def test_f14_no_bytes_whatever_raise(raw: bytes) -> None:
    task = decode_task(raw)
    assert isinstance(task, Task) or task.raw == raw


def test_other_members_are_ignored() -> None:
    assert decode_task(b'{"retries": 3, "data": {}, "task_id": "a"}') == Task("a", {})


@pytest.mark.parametrize(
    ("raw", "reason", "task_id"),
    [
        (b"", "truncated", ""),
        (b'{"task_id": "a", "data": {"x": ', "truncated", ""),
        (b"[]", "Expected `object`", ""),
        (b'{"data": {}}', "task_id", ""),
        (b'{"task_id": "a"}', "data", "a"),
        (b'{"task_id": 7, "data": {}}', "Expected `str`, got `int`", ""),
        (b'{"task_id": "a", "data": []}', "Expected `object`, got `array`", "a"),
        (b'{"task_id": "", "data": {}}', "not a task id", ""),
        (b'{"task_id": "a/b", "data": {}}', "not a task id", "a/b"),
        (b'{"task_id": "a\\u0000", "data": {}}', "not a task id", "a\0"),
        (b'{"task_id": "a", "data": {"x": NaN}}', "malformed", ""),
        (b'{"task_id": "a\xff", "data": {}}', "utf-8", ""),
        (b'{"task_id": "a", "data": {"x":' + b"[" * 9999 + b"]" * 9999 + b"}}", "depth", ""),
        (b'{"task_id": "a", "data": {"x":' + b"9" * 9999 + b"}}", "out of range", "a"),
    ],
)
def test_what_is_no_task_is_kept_with_its_reason(raw: bytes, reason: str, task_id: str) -> None:
    task = decode_task(raw)
    assert isinstance(task, MalformedTask)
    assert task.raw == raw
    assert reason in task.reason
    assert task.task_id == task_id


def test_text_that_utf8_cannot_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="surrogates"):
        encode_task(Task("a", {"x": "\ud800"}))


def test_data_that_is_too_deep_is_refused() -> None:
    data: dict[str, object] = {}
    for _ in range(9999):
        data = {"x": data}
    with pytest.raises(ValueError, match="too deep"):
        encode_task(Task("a", data))  # type: ignore[arg-type]


def test_data_that_is_not_json_is_refused() -> None:
    with pytest.raises(TypeError, match="object"):
        encode_task(Task("a", {"x": object()}))  # type: ignore[dict-item]


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_numbers_that_json_has_not_are_refused(number: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        encode_task(Task("a", {"x": [{"y": number}], "z": None}))


def test_a_null_is_a_value_like_any_other() -> None:
    task = Task("a", {"x": [None, 1.5, {"y": None}], "text": "null"})
    assert decode_task(encode_task(task)) == task
