"""The calls that the two published clients offer, made by them.

[SWIFT] `swift-conductor-client` 1.2.0: clients/, http/api/
[OSS] `conductor-python` 2.0.0: conductor/client/orkes/, conductor/client/http/api/
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.conductor_servers import ThreadedConductor, serving
from tests.fidelity.conductor.processes import calls

EITHER = {
    "task_def": 2,
    "task_defs": ["t"],
    "workflow_def": 2,
    "workflow_defs": [1, 2],
    "polled": ["IN_PROGRESS", "me", {"x": 1}, 1],
    "step": ["t", 2],
    "domain": "d",
    "empty": [],
    "status": "COMPLETED",
    "workflow": ["COMPLETED", "c", 1],
    "ended": ["TERMINATED", "enough"],
}
NO_TYPE, NO_WORKFLOW = "No such taskType found by name: t", "No such workflow found by id: n"


@pytest.fixture
def server() -> Iterator[ThreadedConductor]:
    with serving() as one:
        yield one


def test_swift(server: ThreadedConductor) -> None:
    """[SWIFT] It sends a line for the log as JSON: the quotation marks are kept, as the server does."""
    assert json.loads(calls("swift", server)) == EITHER | {
        "size": 1,
        "logs": ['"a line"'],
        "updated": True,
        "errors": [["NOT_FOUND", NO_TYPE], ["NOT_FOUND", NO_WORKFLOW]],
    }


def test_oss(server: ThreadedConductor) -> None:
    """[OSS] Its answer to a result is the next task, `following`."""
    assert json.loads(calls("oss", server)) == EITHER | {
        "size": 2,
        "logs": ["a line"],
        "polls": [["t", None], ["t", "d"]],
        "following": {"x": 3},
        "by_name": True,
        "summary": "COMPLETED",
        "errors": [[404, NO_TYPE], [404, NO_WORKFLOW]],
    }
