"""Reads scenarios from YAML, and tells every mistake with its place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from yaml.nodes import MappingNode, Node, ScalarNode

from cloud_tasks.config_file.nodes import Entry, Text, is_null, kind_of
from cloud_tasks.diagnostics import near
from cloud_tasks.errors import ConfigurationError, Problem
from fakes.plan_text import parse_plan, read_plan_file
from simulation.faults import FaultClass
from simulation.scenario import Dial, Scenario, ScenarioFault
from simulation.scenario_dials import DialReading
from simulation.scenario_keys import (
    AT_MOMENTS,
    FAULT,
    FAULTS_FOR,
    KIND,
    OPTIONAL,
    POLICY,
    SECTIONS,
    TOP_LEVEL,
    WHOM,
)
from simulation.sizes import SIZES
from simulation.sometimes import POINTS

LIBRARY = Path(__file__).parent / "scenarios"
"""Where the scenarios are that come with the simulation."""


_EXAMPLE = "a fault looks like this: `- {kind: worker_crash, at: 30s}`"
_WHOM = re.compile(
    r"((receive|extend|ack|nack|dead_letter|event|send|send_events) of )?(task|worker)-[1-9]\d*"
    r"|((read_events|remove_events) of )?monitor-[1-9]\d*|((send|peek) of )?producer-[1-9]\d*"
    r"|receive by worker-[1-9]\d*|monitor|producer|read_events",
    re.ASCII,
)
_SIZE_KEYS = tuple(dict.fromkeys(size.key for size in SIZES.values()))


def scenario_names() -> list[str]:
    """The scenarios that come with the simulation."""
    return sorted(path.stem for path in LIBRARY.glob("*.yaml"))


def load_scenario(path_or_name: str) -> Scenario:
    """Read a scenario: one that comes with the simulation, by its name, or a file.

    Raises:
        ConfigurationError: There is none, or it is none; carries all that is wrong with it.
    """
    names = scenario_names()
    path = LIBRARY / f"{path_or_name}.yaml" if path_or_name in names else Path(path_or_name)
    if not path.exists():
        like = near(path_or_name, names)
        raise ConfigurationError(
            Problem(
                f"there is no scenario `{path_or_name}`, and no such file",
                hint=f"did you mean `{like}`?" if like else "",
                helps=(f"scenarios: {', '.join(names)}",),
            )
        )
    return parse_scenario(read_plan_file(str(path), "the scenario"), path.stem, str(path))


def parse_scenario(data: bytes, name: str, source: str = "") -> Scenario:
    """Read a scenario.

    Args:
        data: The YAML.
        name: Its name.
        source: Where it comes from, for messages; its name if that is "".

    Raises:
        ConfigurationError: It is none; carries all that is wrong with it.
    """
    text, root = parse_plan(data, source or name)
    reading = _Reading(text)
    scenario = reading.scenario(root, name)
    if scenario is None or reading.problems:
        raise ConfigurationError(*reading.problems)
    return scenario


class _Reading(DialReading):
    def __init__(self, text: Text) -> None:
        super().__init__(text)
        self._source = text.source

    def scenario(self, root: Node | None, name: str) -> Scenario | None:
        if not isinstance(root, MappingNode):
            if root is None:
                self.problems.append(Problem(f"`{self._source}` holds no scenario"))
            else:
                self.tell(f"expected a mapping of keys like `workload:`, got {kind_of(root)}", root)
            return None
        given = {entry.name: entry for entry in self.known_entries(root, TOP_LEVEL)}
        there = [each for each in SECTIONS if each in given or each not in OPTIONAL]
        sections = {each: self._section(given, each) for each in there}
        faults_for = self.dial(FAULTS_FOR, given.get("faults_for")) or Dial((FAULTS_FOR.option.default,))
        self._check_lease(given, sections)
        odds = sections.pop("odds")
        return Scenario(
            name=name,
            description=self._description(root, given.get("description")),
            reaches=tuple(self._reaches(given.get("reaches"))),
            dials=sections,
            odds={FaultClass(kind): dial for kind, dial in odds.items()},
            faults=tuple(self._faults(given.get("faults"), faults_for)),
            faults_for=faults_for,
            policy=self.dial(POLICY, given.get("policy")),
        )

    def _check_lease(self, given: dict[str, Entry], sections: dict[str, dict[str, Dial]]) -> None:
        """Refuse a lease that the queue could not give: nobody would be told that it was another."""
        lease = sections["worker"].get("visibility_timeout")
        for name, field in (("extension_max", "lease_s_max"), ("lease_total_max", "lease_total_s_max")):
            most = sections["queue"].get(field)
            if lease is not None and most is not None and lease.most > most.least:
                told = (
                    f"`visibility_timeout`: {lease.most:g} s, and the queue gives {most.least:g} s (`{name}`)"
                )
                self.tell(told, given["worker"].value, helps=(f"let `{name}` be as long as that, or longer",))

    def _description(self, root: Node, entry: Entry | None) -> str:
        if entry is None or is_null(entry.value):
            self.tell(
                "the scenario has no `description`", root, helps=("say in a sentence what it is about",)
            )
            return ""
        if not isinstance(entry.value, ScalarNode):
            self.tell(f"`description`: expected text, got {kind_of(entry.value)}", entry.value)
            return ""
        return " ".join(str(entry.value.value).split())

    def _reaches(self, entry: Entry | None) -> Iterator[str]:
        for node in self.items(entry):
            name = str(node.value)
            if isinstance(node, ScalarNode) and name in POINTS:
                yield name
            else:
                there = "simulation/scenarios/schema.json tells them all, and what they mean"
                self.tell_unlike(
                    f"`reaches`: there is no point {kind_of(node)}", node, name, [*POINTS], there
                )

    def _section(self, given: dict[str, Entry], name: str) -> dict[str, Dial]:
        node = given[name].value if name in given else None
        if node is None or is_null(node):
            return {}
        if not isinstance(node, MappingNode):
            self.tell(f"`{name}`: expected a mapping of keys with values, got {kind_of(node)}", node)
            return {}
        return self.dials(self.named(node, SECTIONS[name]), SECTIONS[name])

    # -- faults ------------------------------------------------------------------------------------------

    def _faults(self, entry: Entry | None, faults_for: Dial) -> Iterator[ScenarioFault]:
        for node in self.items(entry):
            if not isinstance(node, MappingNode):
                self.tell(f"expected a fault, got {kind_of(node)}", node, helps=(_EXAMPLE,))
                continue
            before = len(self.problems)
            given = self.named(node, (KIND, WHOM, *FAULT))
            kind = self.dial(KIND, given.get("kind"), one=True)
            whom = self.dial(WHOM, given.get("whom"), one=True)
            dials = self.dials(given, FAULT)
            if kind is None and len(self.problems) == before:
                self.tell("the fault has no `kind`", node, helps=(_EXAMPLE,))
            if kind is None or len(self.problems) > before:
                continue
            fault = ScenarioFault(
                FaultClass(kind.values[0]), "" if whom is None else str(whom.values[0]), dials
            )
            self._check(fault, node, given, faults_for)
            yield fault

    def _check(
        self, fault: ScenarioFault, node: MappingNode, given: dict[str, Entry], faults_for: Dial
    ) -> None:
        """Refuse what could not do what it says."""
        name, dials = fault.kind.value, fault.dials
        if fault.kind in AT_MOMENTS:
            if fault.whom:
                self.tell(
                    f"`{name}` strikes at a moment: give `at` or `per_hour`, not `whom`", given["whom"].key
                )
            elif ("at" in dials) == ("per_hour" in dials):
                self.tell(f"`{name}` strikes at a moment: give either `at` or `per_hour`", node)
            elif "at" in dials and dials["at"].least >= faults_for.most:
                self.tell("`at`: by then there are no faults any more (`faults_for`)", given["at"].value)
            self._check_size(fault, node, given)
            return
        if fault.whom and _WHOM.fullmatch(fault.whom) is None:
            helps = (
                "write `task-7`, `worker-1`, or a call such as `ack of task-7` or `receive of worker-1`",
            )
            self.tell("`whom`: there is nothing of that name", given["whom"].value, helps=helps)
        if not fault.whom or not dials.keys() <= {"which", *_SIZE_KEYS}:
            helps = (f"write for instance `{{kind: {name}, whom: task-7, which: 1}}`, or set its odds",)
            self.tell(
                f"`{name}` strikes on an occasion: give `whom`, and perhaps `which`",
                node,
                helps=helps,
            )
            return
        self._check_size(fault, node, given)

    def _check_size(self, fault: ScenarioFault, node: MappingNode, given: dict[str, Entry]) -> None:
        """Refuse a size that the class does not have, or with which it would do nothing."""
        name, size = fault.kind.value, SIZES.get(fault.kind)
        own = "" if size is None else size.key
        for key in (key for key in _SIZE_KEYS if key in fault.dials and key != own):
            instead = f": give `{own}` ({size.expected})" if size is not None else ""
            self.tell(f"`{name}` has no `{key}`{instead}", given[key].key)
            return
        if size is None:
            return
        dial = fault.dials.get(size.key)
        if dial is None:
            if size.needed:
                self.tell(f"`{name}` would do nothing: give `{size.key}` ({size.expected})", node)
            return
        nothing = dial.least == 0 if size.least == 0 else dial.least == dial.most == 0
        if not (size.holds(dial.least) and size.holds(dial.most)) or (nothing and size.needed):
            self.tell(f"`{size.key}` of `{name}`: expected {size.expected}", given[size.key].value)
