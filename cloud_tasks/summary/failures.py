"""Failures put together by what they have in common, in bounded memory."""

from __future__ import annotations

from cloud_tasks.summary.values import FailureGroup

GROUPS_MAX = 100
"""How many groups are told apart by their message; and again how many by their kind alone."""
MESSAGE_LENGTH_MAX = 300


class _Group:
    __slots__ = ("count", "task_id")

    def __init__(self, task_id: str) -> None:
        self.count = 0
        self.task_id = task_id


class FailureGroups:
    """Counts failures by outcome, type and message.

    When there are too many different messages (one with the task's id in it, say), further ones are
    counted by outcome and type alone.
    """

    def __init__(self) -> None:
        self._groups: dict[tuple[str, str, str], _Group] = {}

    def add(self, outcome: str, error: str, message: str, task_id: str) -> None:
        """Count one failure."""
        key = (outcome, error, message[:MESSAGE_LENGTH_MAX])
        group = self._groups.get(key) or self._open(key, task_id)
        group.count += 1

    def build(self) -> tuple[FailureGroup, ...]:
        """The groups, the largest first."""
        groups = [FailureGroup(*key, group.count, group.task_id) for key, group in self._groups.items()]
        return tuple(sorted(groups, key=lambda group: -group.count))

    def _open(self, key: tuple[str, str, str], task_id: str) -> _Group:
        if len(self._groups) >= GROUPS_MAX:
            key = (key[0], key[1], "")
        if len(self._groups) >= 2 * GROUPS_MAX:
            key = (key[0], "", "")
        return self._groups.setdefault(key, _Group(task_id))
