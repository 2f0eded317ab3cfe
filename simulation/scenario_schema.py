"""The JSON schema of scenarios, for editors: made from the keys."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from cloud_tasks.config.option import Kind
from cloud_tasks.config_file.schema import value_schema
from simulation.scenario_file import LIBRARY
from simulation.scenario_keys import FAULT, FAULTS_FOR, KIND, MEANINGS, POLICY, SECTIONS, WHOM, Key
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
    return {"type": "object", "required": [KIND.name], **schema}


def _mapping(keys: Iterable[Key]) -> dict[str, Any]:
    return {"additionalProperties": False, "properties": {key.name: _dial(key) for key in keys}}


def _dial(key: Key) -> dict[str, Any]:
    """A value, or what it is drawn from."""
    value = value_schema(key.option)
    drawn: dict[str, Any] = {"type": "array", "items": value, "minItems": 1}
    if key.option.kind not in _LISTS:
        drawn |= {"minItems": 2, "maxItems": 2}
    return _described(key, {"anyOf": [value, drawn, {"type": "null"}]})


def _one(key: Key) -> dict[str, Any]:
    return _described(key, value_schema(key.option))


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
