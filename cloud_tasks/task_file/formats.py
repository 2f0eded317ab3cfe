"""Which reader reads a file: decided by the end of its name."""

from __future__ import annotations

from cloud_tasks.diagnostics import near
from cloud_tasks.errors import Problem, TaskFileError
from cloud_tasks.task_file.items import ItemReader
from cloud_tasks.task_file.json_lines import JsonLinesReader
from cloud_tasks.task_file.json_reader import JsonListReader
from cloud_tasks.task_file.limits import Limits
from cloud_tasks.task_file.window import ByteSource

_JSON = (".json",)
_JSON_LINES = (".jsonl", ".ndjson")
_YAML = (".yaml", ".yml")
SUFFIXES = (*_JSON, *_JSON_LINES, *_YAML)


def check_suffix(suffix: str, name: str) -> None:
    """Refuse a file whose name does not say what it holds.

    Raises:
        TaskFileError: The suffix is none of `SUFFIXES`.
    """
    if suffix.lower() in SUFFIXES:
        return
    likely = near(suffix, SUFFIXES) if suffix else None
    raise TaskFileError(
        Problem(
            f"`{name}`: the name of a task file ends in one of {', '.join(SUFFIXES)}",
            hint="" if likely is None else f"did you mean `{likely}`?",
            helps=("JSON: .json; one JSON task a line: .jsonl or .ndjson; YAML: .yaml or .yml",),
        )
    )


def reader_for(suffix: str, source: ByteSource, name: str, limits: Limits) -> ItemReader:
    """A reader of the format that `suffix` stands for, from the start of `source`."""
    if suffix in _YAML:
        # PyYAML takes a while to import, and most task files do without it.
        from cloud_tasks.task_file.yaml_reader import YamlReader

        return YamlReader(source, name, limits)
    if suffix in _JSON_LINES:
        return JsonLinesReader(source, name, limits)
    return JsonListReader(source, name, limits)
