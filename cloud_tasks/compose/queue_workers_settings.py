"""What `cloud_tasks workers` is told: settings from files, variables and the command line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import yaml
from msgspec import Struct
from yaml.nodes import MappingNode, Node

from cloud_tasks.compose.queue_workers_keys import BY_NAME, NAMES, SCHEDULED, SETTINGS, WORKERS, Scalar
from cloud_tasks.compose.queue_workers_table import Assignment, read_assignments
from cloud_tasks.compose.scheduling import schedules_of
from cloud_tasks.config.problems import nearest, quoted
from cloud_tasks.config.redact import redact
from cloud_tasks.config.values import BadValueError
from cloud_tasks.config_file.nodes import Text, entries, is_null, kind_of
from cloud_tasks.errors import ConfigurationError, Place, Problem
from cloud_tasks.scheduler.schedule import Schedule

SIZE_BYTES_MAX = 1_048_576
_REQUIRE = "asynctask_workers_require"


class WorkersSettings(Struct, frozen=True, kw_only=True):
    """Everything settled.

    Attributes:
        values: Settings with a single value, by name.
        places: Where each of them was set last; nothing for one that nobody set.
        assignments: Who works on which queue.
        schedules: When which worker is given what.
    """

    values: Mapping[str, Scalar]
    places: Mapping[str, Place]
    assignments: Mapping[str, Assignment]
    schedules: tuple[Schedule, ...]

    def text(self, name: str) -> str | None:
        """The text of a setting; None where it has none."""
        value = self.values[name]
        return None if value is None else str(value)

    def number(self, name: str) -> float | None:
        """The number of a setting; None where it has none."""
        value = self.values[name]
        return float(value) if isinstance(value, int | float) else None

    def seconds(self, name: str) -> float:
        """The duration of a setting that always has one."""
        return (self.number(name) or 0.0) / 1000

    def switch(self, name: str) -> bool:
        """Whether a setting is on."""
        return self.values[name] is True

    def all_assignments(self) -> dict[str, Assignment]:
        """Who works on which queue, those of schedules included."""
        scheduled = {
            one.queue: Assignment(one.worker, one.place, command=one.command) for one in self.schedules
        }
        return {**scheduled, **self.assignments}

    @property
    def packages(self) -> tuple[str, ...]:
        """What is imported, each once."""
        named = self.values[_REQUIRE]
        return tuple(dict.fromkeys(named)) if isinstance(named, tuple) else ()


def read_settings(
    files: Sequence[str],
    environ: Mapping[str, str],
    set_texts: Sequence[str],
    packages: Sequence[str] = (),
) -> WorkersSettings:
    """Read everything; later beats earlier, and for workers it does so queue by queue.

    Args:
        files: Names of configuration files, in YAML.
        environ: Variables: each setting has one, its name in capitals.
        set_texts: What the command line sets, each as "PARAM=VALUE".
        packages: What else is to be imported.

    Raises:
        ConfigurationError: Something cannot be used; with every problem and its place.
    """
    reading = _Reading()
    for path in files:
        reading.file(path)
    for name in NAMES:
        if text := environ.get(name.upper(), "").strip():
            reading.assignment(name, text, name.upper())
    for set_text in set_texts:
        name, equals, value = set_text.partition("=")
        if equals:
            reading.assignment(name.strip(), value, f"--set {name.strip()}")
        else:
            reading.problems.append(Problem(f"--set: expected PARAM=VALUE, got {quoted(set_text)}"))
    reading.require(packages)
    return reading.done()


class _Reading:
    """One pass over everything."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self._values: dict[str, Scalar] = {setting.name: setting.default for setting in SETTINGS}
        self._places: dict[str, Place] = {}
        self._assignments: dict[str, Assignment] = {}
        self._scheduled: list[tuple[Text, Node]] = []

    def done(self) -> WorkersSettings:
        schedules: list[Schedule] = []
        try:
            schedules = schedules_of(self._scheduled)
        except ConfigurationError as error:
            self.problems += error.problems
        if self.problems:
            raise ConfigurationError(*self.problems)
        return WorkersSettings(
            values=self._values,
            places=self._places,
            assignments=self._assignments,
            schedules=tuple(schedules),
        )

    def file(self, path: str) -> None:
        try:
            data = Path(path).read_bytes()
            content = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            self.problems.append(Problem(f"{quoted(path)} is not UTF-8"))
        except OSError as error:
            reason = error.strerror or str(error)
            self.problems.append(Problem(f"cannot read configuration file {quoted(path)}: {reason}"))
        else:
            if len(data) > SIZE_BYTES_MAX:
                self.problems.append(Problem(f"{quoted(path)} is too large for a configuration file"))
                return
            text = Text(path, content)
            root = self._root(text)
            if root is not None and not is_null(root):
                self._mapping(text, root)

    def assignment(self, name: str, value: str, source: str) -> None:
        """One setting whose value stands on the command line or in a variable."""
        text = Text(source, value)
        if name not in NAMES:
            self.problems.append(_unknown(name, None))
            return
        root = self._root(text)
        if root is not None:
            self._setting(text, name, root)

    def require(self, packages: Iterable[str]) -> None:
        for name in packages:
            self.assignment(_REQUIRE, name, "--require")

    def _root(self, text: Text) -> Node | None:
        try:
            return text.root()
        except yaml.MarkedYAMLError as error:
            what = ", ".join(str(part) for part in (error.context, error.problem) if part)
            self.problems.append(Problem(f"not YAML: {what}", place=text.place_of_error(error)))
        except (yaml.YAMLError, RecursionError) as error:
            self.problems.append(Problem(f"{quoted(text.source)} is not YAML: {redact(str(error))}"))
        return None

    def _mapping(self, text: Text, root: Node) -> None:
        if not isinstance(root, MappingNode):
            message = f"the file: expected a mapping of settings, got {kind_of(root)}"
            self.problems.append(Problem(message, place=text.place(root)))
            return
        for entry in entries(text, root, self.problems):
            if entry.name in NAMES:
                self._setting(text, entry.name, entry.value)
            else:
                self.problems.append(_unknown(entry.name, text.place(entry.key)))

    def _setting(self, text: Text, name: str, node: Node) -> None:
        if name == WORKERS:
            read_assignments(text, node, self._assignments, self.problems)
        elif name == SCHEDULED:
            self._scheduled.append((text, node))
        else:
            self._scalar(text, name, node)

    def _scalar(self, text: Text, name: str, node: Node) -> None:
        setting = BY_NAME[name]
        if is_null(node):
            self._values[name] = setting.default
            return
        try:
            value = setting.read(node)
        except BadValueError as error:
            message = f"`{name}`: expected {error.expected}, got {redact(kind_of(node))}"
            self.problems.append(Problem(message, place=text.place(node), helps=error.helps))
            return
        before = self._values[name]
        added = isinstance(value, tuple) and isinstance(before, tuple)
        self._values[name] = (*before, *value) if added else value  # type: ignore[misc] # both are tuples
        self._places[name] = text.place(node)


def _unknown(name: str, place: Place | None) -> Problem:
    near = nearest(name, NAMES)
    hint = f"did you mean `{near}`?" if near else ""
    helps = () if near else (f"settings: {', '.join(NAMES)}",)
    return Problem(f"unknown setting `{name}`", place=place, hint=hint, helps=helps)
