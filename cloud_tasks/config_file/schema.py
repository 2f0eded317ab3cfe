"""The JSON schema of the configuration file, for editors."""

from __future__ import annotations

from typing import Any

from cloud_tasks.config.checks import CLOUD_NAME
from cloud_tasks.config.durations import SECONDS_PER_UNIT
from cloud_tasks.config.numbers import NUMBER_PATTERN
from cloud_tasks.config.option import Kind, Option
from cloud_tasks.config.table import DURATION_S_MAX
from cloud_tasks.config_file.keys import BY_KEY, PROVIDER_SECTIONS, Key, keys_of

_UNITS = "".join(SECONDS_PER_UNIT)
_DURATION_PATTERN = f"^{NUMBER_PATTERN}[{_UNITS}]?$"
_CLOUD_NAMES = ("job_id", "queue_name")


def json_schema() -> dict[str, Any]:
    """The schema, as JSON Schema 2020-12. It refuses nothing that a person would want to write."""
    sections = {name: _section(name) for name in ("run", *PROVIDER_SECTIONS)}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Configuration of cloud_tasks",
        "type": ["object", "null"],
        "additionalProperties": False,
        "properties": {"provider": _property(BY_KEY["provider"]), **sections},
    }


def _section(name: str) -> dict[str, Any]:
    return {
        "type": ["object", "null"],
        "additionalProperties": False,
        "properties": {key.name: _property(key) for key in keys_of(name)},
    }


def _property(key: Key) -> dict[str, Any]:
    option = key.option
    value = value_schema(option)
    if key.many:
        value = {"anyOf": [value, {"type": "array", "minItems": 1, "items": value}]}
    described: dict[str, Any] = {"description": option.help, **value}
    if option.default is not None:
        described["default"] = option.default
    return described


def value_schema(option: Option) -> dict[str, Any]:
    """What an option takes, as JSON Schema."""
    match option.kind:
        case Kind.SWITCH:
            return {"type": "boolean"}
        case Kind.CHOICE:
            return {"enum": [spelt for choice in option.choices for spelt in (choice, choice.lower())]}
        case Kind.INTEGER | Kind.NUMBER:
            return {"type": "integer" if option.kind is Kind.INTEGER else "number", **_bounds(option)}
        case Kind.DURATION:
            number = {"type": "number", **_bounds(option), "maximum": DURATION_S_MAX}
            return {"anyOf": [number, {"type": "string", "pattern": _DURATION_PATTERN}]}
        case _:
            pattern = {"pattern": f"^{CLOUD_NAME.pattern}$"} if option.name in _CLOUD_NAMES else {}
            return {"type": "string", "minLength": 1, **pattern}


def _bounds(option: Option) -> dict[str, float]:
    bounds = {"minimum": option.minimum, "exclusiveMinimum": option.above, "maximum": option.maximum}
    return {name: bound for name, bound in bounds.items() if bound is not None}
