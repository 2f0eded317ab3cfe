"""The two published clients run their own workers against the stand-in, unchanged.

[SWIFT] `swift-conductor-client` 1.2.0, of the singular layout
[OSS] `conductor-python` 2.0.0, of the plural layout

What the programs of `programs/` do is what a user of these packages writes. They take seconds to start: all
is started at once, and looked at when it has ended.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from fakes.conductor import ConductorService
from fakes.conductor.execution import Execution
from tests.conductor_servers import ThreadedConductor, serving
from tests.fidelity.conductor.processes import ended, workers
from tests.fidelity.conductor.scenarios import EITHER, OSS, SWIFT, Done, Scenario


def define(service: ConductorService) -> None:
    service.define_task("scripted", retry_delay_seconds=0, retry_count=2)


def play(server: ThreadedConductor, scenarios: list[Scenario]) -> None:
    """Let workers do everything, and look at how it ended."""
    started = [server.run(scenario.start) for scenario in scenarios]
    for scenario, workflow_id in zip(scenarios, started, strict=True):
        scenario.check(server.run(partial(done, ended(server, workflow_id))))


def done(execution: Execution, service: ConductorService) -> Done:
    return Done(execution, service.logs(execution.tasks[0].shown.task_id))


@pytest.mark.parametrize(("client", "scenarios"), [("swift", EITHER + SWIFT), ("oss", EITHER + OSS)])
def test_the_workers_of_a_published_client(client: str, scenarios: list[Scenario], tmp_path: Path) -> None:
    with serving() as server, workers(client, server, tmp_path):
        server.run(define)
        outside = server.run(lambda service: service.start_task("in_domain", {"number": 1}))
        play(server, scenarios)
        assert outside.poll_count == 0, "a worker of a domain leaves alone what is in none"
        if client == "oss":
            retries = server.run(lambda service: service.metadata.task("in_domain").retry_count)
            assert retries == 7, "task_runner.py, __register_task_definition: a worker defines its type"
