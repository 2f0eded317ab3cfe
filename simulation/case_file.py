"""Reads cases from YAML, and tells every mistake with its place."""

from __future__ import annotations

import re

import msgspec
import yaml
from msgspec import Struct, structs
from yaml.nodes import MappingNode, Node, SequenceNode

from cloud_tasks.config_file.nodes import Text
from cloud_tasks.errors import ConfigurationError, Problem
from fakes.plan_text import PlanReading, parse_plan, read_plan_file
from simulation.case_bounds import impossible
from simulation.cases import Case
from simulation.faults import Fault
from simulation.judges.panel import INVARIANTS
from simulation.plan import RunPlan

_FREE = frozenset({"odds"})
"""Mappings whose keys are no fields, and are checked as values."""
_WHERE = re.compile(r"(?P<what>.*?) - at (?:`key` in )?`(?P<path>\$[^`]*)`", re.DOTALL)
_STEP = re.compile(r"\.(\w+)|\[(\d+|\.\.\.)\]")


class _FaultEntry(Fault, frozen=True, kw_only=True):
    words: str = ""


class _CaseFile(Struct, frozen=True, kw_only=True):
    invariant: str
    what: str = ""
    code: str = ""
    mutant: str = ""
    plan: RunPlan = RunPlan()
    faults: tuple[_FaultEntry, ...] = ()


def load_case(path: str) -> Case:
    """Read the file of a case.

    Raises:
        ConfigurationError: It cannot be read, or is none; carries what is wrong with it.
    """
    return parse_case(read_plan_file(path, "the case"), path)


def parse_case(data: bytes, name: str) -> Case:
    """Read a case.

    Args:
        data: The YAML.
        name: What to call it.

    Raises:
        ConfigurationError: It is none; carries what is wrong with it.
    """
    text, root = parse_plan(data, name)
    if not isinstance(root, MappingNode):
        raise ConfigurationError(
            Problem(f"`{name}` is no case: expected a mapping with `invariant` and `plan`")
        )
    reading = _Reading(text)
    reading.check_keys(root, _CaseFile)
    if reading.problems:
        raise ConfigurationError(*reading.problems)
    file = reading.convert(root, data)
    reading.check_values(root, file)
    if reading.problems:
        raise ConfigurationError(*reading.problems)
    faults = tuple(
        Fault(kind=one.kind, whom=one.whom, which=one.which, at_s=one.at_s, size=one.size)
        for one in file.faults
    )
    plan = structs.replace(file.plan, faults=faults)
    return Case(plan=plan, invariant=file.invariant, what=file.what, code=file.code, mutant=file.mutant)


class _Reading(PlanReading):
    def __init__(self, text: Text) -> None:
        super().__init__(text)
        self._lines = text

    def check_keys(self, node: MappingNode, kind: type[Struct]) -> None:
        """Tell keys that are unknown or there twice, here and below."""
        fields = {field.name: field.type for field in structs.fields(kind)}
        for entry in self.known_entries(node, tuple(fields)):
            below = _struct_in(fields[entry.name])
            if below is None or entry.name in _FREE:
                continue
            for item in entry.value.value if isinstance(entry.value, SequenceNode) else [entry.value]:
                if isinstance(item, MappingNode):
                    self.check_keys(item, below)

    def convert(self, root: Node, data: bytes) -> _CaseFile:
        """The values in it.

        Raises:
            ConfigurationError: One is not of its kind.
        """
        try:
            return msgspec.convert(yaml.safe_load(data), _CaseFile)
        except msgspec.ValidationError as error:
            found = _WHERE.fullmatch(str(error))
            what, path = (str(error), "$") if found is None else (found["what"], found["path"])
            place = self._lines.place(_node_at(root, path))
            problem = Problem(f"`{path.removeprefix('$.')}`: {what[:1].lower()}{what[1:]}", place=place)
            raise ConfigurationError(problem) from None

    def check_values(self, root: Node, file: _CaseFile) -> None:
        """Tell values that no run could follow from."""
        if file.invariant not in INVARIANTS:
            told = f"there is no invariant {file.invariant!r}: they are {', '.join(INVARIANTS)}"
            self.tell(f"`invariant`: {told}", _node_at(root, "$.invariant"))
        for path, message in impossible(file.plan, file.faults):
            self.tell(f"`{path}`: {message}", _node_at(root, f"$.{path}"))
        if file.plan.producer is not None and file.plan.backend.name != "model":
            told = f"producers are played on the model alone, not on {file.plan.backend.name}"
            self.tell(f"`plan.producer`: {told}", _node_at(root, "$.plan.producer"))


def _struct_in(kind: object) -> type[Struct] | None:
    """The struct that a field holds, or holds several of."""
    if isinstance(kind, type) and issubclass(kind, Struct):
        return kind
    inner = (_struct_in(argument) for argument in getattr(kind, "__args__", ()))
    return next((found for found in inner if found is not None), None)


def _node_at(root: Node, path: str) -> Node:
    """Where a value stands, or the innermost mapping that should have it."""
    node = root
    for key, index in _STEP.findall(path):
        if isinstance(node, MappingNode):
            below = next((value for name, value in node.value if name.value == key), None)
        elif isinstance(node, SequenceNode) and index.isdecimal() and int(index) < len(node.value):
            below = node.value[int(index)]
        else:
            below = None
        if below is None:
            return node
        node = below
    return node
