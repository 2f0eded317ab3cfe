"""From the events of a run to what is worth telling: pure functions over JSON lines."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

_TEST_DIRECTORIES = {"test", "tests", "idle_test"}


@dataclasses.dataclass(frozen=True)
class Function:
    """A function with the file that holds it."""

    file: str
    name: str
    line: int
    lines: int
    complexity: int
    nesting: int

    @property
    def place(self) -> str:
        """File and line, as editors understand them."""
        return f"{self.file}:{self.line}"


@dataclasses.dataclass(frozen=True)
class Module:
    """What was found out about one file that can be parsed."""

    file: str
    measures: dict[str, Any]
    elapsed_s: float

    @property
    def is_test(self) -> bool:
        """Whether it belongs to the library's tests."""
        return is_test(self.file)

    @property
    def complexity(self) -> int:
        """Complexity of all its functions together."""
        return sum(self.measures["function_complexities"])

    def functions(self, ranking: str) -> list[Function]:
        """The functions that the file names under "longest" or "most_complex"."""
        keys = ("name", "line", "lines", "complexity", "nesting")
        return [Function(self.file, *(item[key] for key in keys)) for item in self.measures[ranking]]


@dataclasses.dataclass(frozen=True)
class Unparsed:
    """A file that cannot be parsed, and why."""

    file: str
    kind: str
    reason: str
    line: int | None


@dataclasses.dataclass(frozen=True)
class Lost:
    """A task that ended without a result, and how."""

    task_id: str
    event_type: str
    reason: str


@dataclasses.dataclass
class Findings:
    """Everything that the report is made of.

    Attributes:
        modules: Files that were measured, by name.
        unparsed: Files that cannot be parsed, by name.
        lost: Tasks without a result, by id.
        done_at_s: Seconds from the start at which each task was done, rising.
        tasks_s: Seconds that each task took, process and all.
        measuring_s: Seconds of those spent on measuring, over all tasks.
        simultaneous_tasks: How many tasks ran at a time; None where the events do not say.
    """

    modules: list[Module] = dataclasses.field(default_factory=list)
    unparsed: list[Unparsed] = dataclasses.field(default_factory=list)
    lost: list[Lost] = dataclasses.field(default_factory=list)
    done_at_s: list[float] = dataclasses.field(default_factory=list)
    tasks_s: list[float] = dataclasses.field(default_factory=list)
    measuring_s: float = 0.0
    simultaneous_tasks: int | None = None

    @property
    def files(self) -> int:
        """Number of files looked at."""
        return len(self.modules) + len(self.unparsed) + len(self.lost)

    @property
    def wall_s(self) -> float:
        """Seconds from the start until the last file was done."""
        return self.done_at_s[-1] if self.done_at_s else 0.0

    def total(self, measure: str) -> int:
        """The sum of one measure over all modules."""
        return sum(module.measures[measure] for module in self.modules)

    def lengths(self, *, tests: bool) -> list[int]:
        """Lengths of all functions, of the tests or of the library proper."""
        chosen = (module for module in self.modules if module.is_test == tests)
        return [length for module in chosen for length in module.measures["function_lengths"]]

    def functions(self, ranking: str, count: int | None = None) -> list[Function]:
        """The `count` functions, or all that are named, of the ranking "longest" or "most_complex"."""
        measure = "lines" if ranking == "longest" else "complexity"
        named = [function for module in self.modules for function in module.functions(ranking)]
        return sorted(named, key=lambda function: (-getattr(function, measure), function.place))[:count]

    def largest(self, count: int) -> list[Module]:
        """The `count` longest files."""
        return sorted(self.modules, key=lambda module: (-module.measures["lines"], module.file))[:count]

    def imported(self) -> Counter[str]:
        """How many modules import each top-level module."""
        return Counter(name for module in self.modules for name in module.measures["imports"])


@dataclasses.dataclass(frozen=True)
class Coverage:
    """Docstring coverage of one package."""

    package: str
    documented: int
    documentable: int

    @property
    def share(self) -> float:
        """From 0 to 1; 1 where there is nothing to document."""
        return self.documented / self.documentable if self.documentable else 1.0


def is_test(file: str) -> bool:
    """Whether a file lies in a directory of tests."""
    return not _TEST_DIRECTORIES.isdisjoint(file.split("/")[:-1])


def package_of(file: str) -> str:
    """The top-level package of a file; single modules are gathered under one name."""
    package, slash, _ = file.partition("/")
    return package if slash else "(single modules)"


def coverage_by_package(modules: Iterable[Module], documentable_min: int) -> list[Coverage]:
    """Coverage of every package with enough to document, tests left out, best first."""
    documented: Counter[str] = Counter()
    documentable: Counter[str] = Counter()
    for module in modules:
        if not module.is_test:
            documented[package_of(module.file)] += module.measures["documented"]
            documentable[package_of(module.file)] += module.measures["documentable"]
    rows = [Coverage(package, documented[package], count) for package, count in documentable.items()]
    large = [row for row in rows if row.documentable >= documentable_min]
    return sorted(large, key=lambda row: (-row.share, row.package))


def quantile(values: list[int] | list[float], share: float) -> float:
    """The value that a share of all values does not exceed; 0 for none."""
    ranked = sorted(values)
    return ranked[min(int(share * len(ranked)), len(ranked) - 1)] if ranked else 0


def power_bins(values: Sequence[float], count: int) -> list[int]:
    """How many values lie in [1, 2), [2, 4), [4, 8) and so on; the last bin takes all that is larger."""
    bins = [0] * count
    for value in values:
        bins[min(int(math.log2(max(value, 1))), count - 1)] += 1
    return bins


def last_run(lines: Iterable[str]) -> list[dict[str, Any]]:
    """The events of the last run in an event log, to which several runs may have been appended."""
    events = [json.loads(line) for line in lines if line.strip()]
    starts = [number for number, event in enumerate(events) if event["event_type"] == "worker_started"]
    return events[starts[-1] :] if starts else events


def gather(events: Iterable[dict[str, Any]]) -> Findings:
    """Sort the events of one run into findings."""
    findings = Findings()
    started: dt.datetime | None = None
    for event in events:
        moment = dt.datetime.fromisoformat(event["timestamp"])
        if event["event_type"] == "worker_started":
            findings.simultaneous_tasks = event.get("num_simultaneous_tasks")
            started = moment
        elif "task_id" in event:
            started = started or moment - dt.timedelta(seconds=event.get("elapsed_time") or 0.0)
            findings.done_at_s.append((moment - started).total_seconds())
            _take(findings, event)
    findings.modules.sort(key=lambda module: module.file)
    findings.unparsed.sort(key=lambda unparsed: unparsed.file)
    findings.lost.sort(key=lambda lost: lost.task_id)
    findings.done_at_s.sort()
    return findings


def _take(findings: Findings, event: dict[str, Any]) -> None:
    elapsed_s = event.get("elapsed_time") or 0.0
    findings.tasks_s.append(elapsed_s)
    if event["event_type"] != "task_completed":
        findings.lost.append(Lost(event["task_id"], event["event_type"], _why(event)))
        return
    result = event["result"]
    findings.measuring_s += result["measuring_s"]
    if result["parsed"]:
        findings.modules.append(Module(result["file"], result, elapsed_s))
    else:
        keys = ("file", "kind", "reason", "line")
        findings.unparsed.append(Unparsed(*(result[key] for key in keys)))


def _why(event: dict[str, Any]) -> str:
    told = event.get("exception") or event.get("signal") or event.get("reason") or event.get("stderr_tail")
    return str(told).strip().splitlines()[-1] if told else ""
