"""What holds for each task of the functions that this process knows."""

from __future__ import annotations

from msgspec.structs import replace

from cloud_tasks.core.policy import TaskRules
from cloud_tasks.core.task import Task
from cloud_tasks.errors import ConfigurationError, Problem
from cloud_tasks.task_app import registry
from cloud_tasks.task_app.calling import TASK
from cloud_tasks.task_app.options import TaskDefaults, TaskOptions, rules_of

_NO_NAME = "its data names no task function: there is no text under `task`"


class RuleBook:
    """Rules and ways of running, by the name of the function.

    Attributes:
        usual: What holds for a function that says nothing itself, and for one that is not known.
        lease_s: How long a lease is at first: as the shortest of them says, so that a task comes again in
            time even if its worker dies before it has said a word.
    """

    def __init__(self, defaults: TaskDefaults) -> None:
        """Look at every function that has been imported.

        Raises:
            ConfigurationError: Parameters have types that JSON cannot carry, or that cannot be found.
        """
        self.usual = rules_of("", TaskOptions(), defaults)
        self._rules: dict[str, TaskRules] = {}
        self._modes: dict[str, str] = {}
        self.lease_s = defaults.visibility_timeout
        problems: list[Problem] = []
        for definition in registry.all_definitions():
            try:
                definition.parameters.types()
            except ConfigurationError as error:
                problems += error.problems
            self._rules[definition.name] = rules_of(definition.name, definition.options, defaults)
            self._modes[definition.name] = definition.mode
            self.lease_s = min(self.lease_s, self._rules[definition.name].lease_s or self.lease_s)
        if problems:
            raise ConfigurationError(*problems)

    def of(self, task: Task) -> TaskRules | str:
        """What holds for a task; or why it is none.

        A function that is not known here may be known to another worker, or to this one after the next
        deployment: such a task fails, and is tried again like any other.
        """
        name = task.data.get(TASK)
        if not isinstance(name, str):
            return _NO_NAME
        known = self._rules.get(name)
        # Whoever reads the events or the dead letters of it wants to know which function was missing.
        return replace(self.usual, name=name) if known is None else known

    def mode_of(self, task: Task) -> str:
        """How it is run."""
        return self._modes.get(str(task.data[TASK]), "thread")
