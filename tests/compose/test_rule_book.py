from __future__ import annotations

import msgspec

from cloud_tasks.compose.task_rules import RuleBook
from cloud_tasks.core.policy import TaskRules
from cloud_tasks.core.task import Task
from cloud_tasks.task_app.options import TaskDefaults


def test_a_function_that_is_not_known_is_named_all_the_same() -> None:
    book = RuleBook(TaskDefaults(max_attempts=7))
    rules = book.of(Task("t1", {"task": "elsewhere.missing", "args": [], "kwargs": {}}))
    assert isinstance(rules, TaskRules)
    assert rules.name == "elsewhere.missing"
    assert rules == msgspec.structs.replace(book.usual, name="elsewhere.missing")
    assert rules.retry.attempts_max == 7


def test_data_that_names_no_function_is_none() -> None:
    assert "no task function" in str(RuleBook(TaskDefaults()).of(Task("t1", {"n": 1})))
