from __future__ import annotations

import json
from collections import OrderedDict
from pathlib import Path
from types import MappingProxyType

import pytest

from cloud_tasks.core.task import MalformedTask, Task
from cloud_tasks.task_file import task_from_item


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"x": [1, 2.5, None, True, "é", {"y": (1, 2)}]},
        OrderedDict(a=1),
        MappingProxyType({"a": 1}),
    ],
)
def test_what_json_can_hold_is_a_task(data: dict[str, object]) -> None:
    task = task_from_item({"task_id": "a", "data": data, "other": object()})
    assert isinstance(task, Task)
    assert task.task_id == "a"
    assert task.data is data


def test_a_task_is_looked_at_too() -> None:
    assert task_from_item(Task("a", {"x": 1})) == Task("a", {"x": 1})
    assert isinstance(task_from_item(Task("", {})), MalformedTask)


LOOP: list[object] = []
LOOP.append(LOOP)


class Hostile:
    def __repr__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        ("three", 'expected a mapping with `task_id` and `data`, got the string "three"'),
        (None, "got null"),
        ({"data": {}}, "no `task_id`"),
        ({}, "no `task_id` and no `data`"),
        ({"task_id": "a"}, "no `data`"),
        ({"task_id": "", "data": {}}, "it is empty"),
        ({"task_id": 3, "data": {}}, "expected a string, got the integer 3"),
        ({"task_id": "a/b", "data": {}}, "holds `/`"),
        ({"task_id": "a\0", "data": {}}, "holds a NUL character"),
        ({"task_id": "\ud800", "data": {}}, "it holds a lone surrogate"),
        ({"task_id": "a", "data": [1]}, "`data`: expected a mapping, got a list of 1"),
        ({"task_id": "a", "data": {"x": [0, float("nan")]}}, "`data.x[1]`: nan has no place in JSON"),
        ({"task_id": "a", "data": {"x": Path("y")}}, "`data.x`: JSON cannot hold a value of type"),
        ({"task_id": "a", "data": {"x": {1: 2}}}, "`data.x`: keys are strings, got the integer 1"),
        ({"task_id": "a", "data": {"x": "\ud800"}}, "`data.x`: it holds a lone surrogate"),
        ({"task_id": "a", "data": {"x": LOOP}}, "nested too deep"),
        ({"task_id": "a", "data": {"x": Hostile()}}, "`data.x`: JSON cannot hold a value of type Hostile"),
    ],
)
def test_what_is_no_task_says_why(item: object, reason: str) -> None:
    task = task_from_item(item)
    assert isinstance(task, MalformedTask)
    assert reason in task.reason
    json.loads(task.raw)


def test_a_malformed_item_keeps_its_id_and_its_words() -> None:
    task = task_from_item({"task_id": "a", "data": {"x": {3}, "y": 1}})
    assert isinstance(task, MalformedTask)
    assert task.task_id == "a"
    assert json.loads(task.raw) == {"task_id": "a", "data": {"x": "{3}", "y": 1}}
