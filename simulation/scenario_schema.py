"""The JSON schema of scenarios, for editors: made from the keys."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from cloud_tasks.config.option import Kind
from cloud_tasks.config_file.schema import value_schema
from simulation.faults import FaultClass
from simulation.scenario_file import LIBRARY
from simulation.scenario_keys import (
    AT_MOMENTS,
    FAULT,
    FAULTS_FOR,
    KIND,
    MEANINGS,
    POLICY,
    SECTIONS,
    WHOM,
    Key,
)
from simulation.sizes import SIZES
from simulation.sometimes import POINTS

_LISTS = (Kind.CHOICE, Kind.SWITCH)
"""Kinds of which a list is a choice, not a range."""


def json_schema() -> dict[str, Any]:
    """The schema, as JSON Schema 2020-12."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A scenario of the simulation of cloud_tasks",
        "type": "object",
        "additionalProperties": False,
        "required": ["description"],
        "properties": {
            "description": {"type": "string", "description": "What it is about, for people."},
            "reaches": {
                "type": ["array", "null"],
                "description": "Situations that some seed must come into, or the run is vacuous.",
                "items": {"anyOf": [{"const": name, "description": text} for name, text in POINTS.items()]},
            },
            **{
                name: {"type": ["object", "null"], "description": MEANINGS[name], **_mapping(keys)}
                for name, keys in SECTIONS.items()
            },
            "faults": {
                "type": ["array", "null"],
                "description": "Faults that strike at moments, or on one occasion alone.",
                "items": _fault(),
            },
            FAULTS_FOR.name: _dial(FAULTS_FOR),
            POLICY.name: _dial(POLICY),
        },
    }


def _fault() -> dict[str, Any]:
    schema = _mapping(FAULT)
    schema["properties"] = {KIND.name: _one(KIND), WHOM.name: _one(WHOM), **schema["properties"]}
    return {"type": "object", "required": [KIND.name], **schema, "allOf": [_when(), *_how_large()]}


def _when() -> dict[str, Any]:
    """At a moment, or on an occasion: what each takes, and does not take."""
    return {
        "if": _is_one_of(AT_MOMENTS),
        "then": {
            "properties": {WHOM.name: False},
            "oneOf": [{"required": ["at"]}, {"required": ["per_hour"]}],
        },
        "else": {"properties": {"at": False, "per_hour": False, "times": False}, "required": [WHOM.name]},
    }


def _how_large() -> Iterator[dict[str, Any]]:
    """For each key of a size, which classes take it, and which do nothing without it."""
    for key in dict.fromkeys(size.key for size in SIZES.values()):
        sizes = {kind: size for kind, size in SIZES.items() if size.key == key}
        yield {"if": _is_one_of(sizes), "else": {"properties": {key: False}}}
        needed = [kind for kind, size in sizes.items() if size.needed]
        yield {"if": _is_one_of(needed), "then": {"required": [key]}}


def _is_one_of(kinds: Iterable[FaultClass]) -> dict[str, Any]:
    return {"properties": {KIND.name: {"enum": [kind.value for kind in kinds]}}, "required": [KIND.name]}


def _mapping(keys: Iterable[Key]) -> dict[str, Any]:
    return {"additionalProperties": False, "properties": {key.name: _dial(key) for key in keys}}


def _dial(key: Key) -> dict[str, Any]:
    """A value, or what it is drawn from."""
    value = _value(key)
    drawn: dict[str, Any] = {"type": "array", "items": value, "minItems": 1}
    if key.option.kind not in _LISTS:
        drawn |= {"minItems": 2, "maxItems": 2}
    return _described(key, {"anyOf": [value, drawn, {"type": "null"}]})


def _one(key: Key) -> dict[str, Any]:
    return _described(key, _value(key))


def _value(key: Key) -> dict[str, Any]:
    """One value. No time here is below 0, and what there is to choose from is there once."""
    schema = value_schema(key.option)
    if "enum" in schema:
        schema["enum"] = list(dict.fromkeys(schema["enum"]))
    for one in schema.get("anyOf", []):
        if "pattern" in one:
            one["pattern"] = f"^(?!-){one['pattern'].removeprefix('^')}"
    return schema


def _described(key: Key, schema: dict[str, Any]) -> dict[str, Any]:
    described = {"description": key.option.help, **schema}
    if key.option.default is not None:
        described["default"] = key.option.default
    return described


def main() -> None:
    """Write the schema beside the library."""
    path = LIBRARY / "schema.json"
    path.write_text(json.dumps(json_schema(), indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
