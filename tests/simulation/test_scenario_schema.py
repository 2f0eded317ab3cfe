"""The schema and the reader say the same of faults."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml

from cloud_tasks.errors import ConfigurationError
from simulation.scenario_file import LIBRARY, parse_scenario, scenario_names
from simulation.scenario_schema import json_schema

Schema = Mapping[str, Any] | bool
TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,), "array": (list,), "string": (str,), "boolean": (bool,),
    "number": (int, float), "integer": (int,), "null": (type(None),),
}  # fmt: skip
SCHEMA = json_schema()


def accepts(schema: Schema, value: object) -> bool:
    """Whether a value keeps to a schema: as much of JSON Schema as ours is made of."""
    if isinstance(schema, bool):
        return schema
    if "if" in schema:
        branch = "then" if accepts(schema["if"], value) else "else"
        if not accepts(schema.get(branch, True), value):
            return False
    return (
        _is_of_type(schema, value)
        and ("enum" not in schema or value in schema["enum"])
        and ("const" not in schema or value == schema["const"])
        and all(accepts(one, value) for one in schema.get("allOf", []))
        and ("anyOf" not in schema or any(accepts(one, value) for one in schema["anyOf"]))
        and ("oneOf" not in schema or sum(accepts(one, value) for one in schema["oneOf"]) == 1)
        and (not isinstance(value, int | float) or _is_within(schema, value))
        and (not isinstance(value, str) or re.search(schema.get("pattern", ""), value) is not None)
        and (not isinstance(value, list) or all(accepts(schema.get("items", True), one) for one in value))
        and (not isinstance(value, dict) or _has_keys(schema, value))
    )


def _is_of_type(schema: Mapping[str, Any], value: object) -> bool:
    names = schema.get("type", list(TYPES))
    names = [names] if isinstance(names, str) else names
    return any(isinstance(value, TYPES[name]) for name in names)


def _is_within(schema: Mapping[str, Any], value: float) -> bool:
    return (
        value >= schema.get("minimum", value)
        and value <= schema.get("maximum", value)
        and ("exclusiveMinimum" not in schema or value > schema["exclusiveMinimum"])
    )


def _has_keys(schema: Mapping[str, Any], value: Mapping[str, object]) -> bool:
    properties = schema.get("properties", {})
    if not all(key in value for key in schema.get("required", [])):
        return False
    return all(
        accepts(properties.get(key, schema.get("additionalProperties", True)), one)
        for key, one in value.items()
    )


def is_read(scenario: Mapping[str, object]) -> bool:
    try:
        parse_scenario(yaml.safe_dump(scenario).encode(), "mine")
    except ConfigurationError:
        return False
    return True


FAULTS: dict[str, bool] = {
    "{kind: worker_stop, at: 30s, for: [10s, 2m]}": True,
    "{kind: worker_stop, per_hour: 20, for: 10, which: 2, times: 3}": True,
    "{kind: worker_stop, at: 30s, for: 10s, whom: worker-1}": False,
    "{kind: worker_stop, whom: worker-1, for: 10s}": False,
    "{kind: worker_stop, at: 30s, for: -2s}": False,
    "{kind: worker_stop, at: 30s, for: -2}": False,
    "{kind: worker_stop, at: -30s, for: 2}": False,
    "{kind: worker_stop, at: 30s, per_hour: 2, for: 2}": False,
    "{kind: worker_stop, for: 2}": False,
    "{kind: worker_stop, at: 30s}": False,
    "{kind: sigterm, at: 30s}": True,
    "{kind: sigterm, at: 30s, for: 2}": False,
    "{kind: notice, at: 30s}": True,
    "{kind: wall_step, at: 30s, by: -3600}": True,
    "{kind: wall_step, at: 30s, for: 3600}": False,
    "{kind: request_lost, whom: ack of task-7}": True,
    "{kind: request_lost, whom: ack of task-7, which: 2}": True,
    "{kind: request_lost, which: 2}": False,
    "{kind: request_lost, whom: ack of task-7, at: 3}": False,
    "{kind: request_lost, whom: ack of task-7, times: 3}": False,
    "{kind: slow_call, whom: ack of task-7, for: 20s}": True,
    "{kind: slow_call, whom: ack of task-7}": False,
    "{kind: clock_drift, whom: worker-1, drift_ppm: 500}": True,
    "{kind: clock_drift, whom: worker-1, drift_ppm: 501}": False,
    "{kind: clock_drift, whom: worker-1, for: 3}": False,
    "{at: 3}": False,
}


@pytest.mark.parametrize(("text", "right"), FAULTS.items())
def test_a_fault_is_right_for_editors_where_it_is_for_the_reader(text: str, right: bool) -> None:  # noqa: FBT001 - a parameter of pytest
    scenario = {"description": "One fault.", "faults": [yaml.safe_load(text)]}
    assert is_read(scenario) is right
    assert accepts(SCHEMA, scenario) is right


@pytest.mark.parametrize("name", scenario_names())
def test_editors_find_no_fault_with_the_library(name: str) -> None:
    data = yaml.safe_load((LIBRARY / f"{name}.yaml").read_text(encoding="utf-8"))
    assert accepts(SCHEMA, data)


def test_a_duration_below_nothing_is_none() -> None:
    scenario = {"description": "x", "worker": {"max_runtime": "-3s"}}
    assert not is_read(scenario)
    assert not accepts(SCHEMA, scenario)


def enums(schema: object) -> Iterator[list[object]]:
    if isinstance(schema, dict):
        if isinstance(schema.get("enum"), list):
            yield schema["enum"]
        schema = list(schema.values())
    if isinstance(schema, list):
        for one in schema:
            yield from enums(one)


def test_what_there_is_to_choose_from_is_there_once() -> None:
    assert [choices for choices in enums(SCHEMA) if len({*choices}) != len(choices)] == []
