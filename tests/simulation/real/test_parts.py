"""Marks, tasks and fault plans."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator

import pytest

from fakes.fault_file import parse_fault_plan
from fakes.sqs.operations import OPERATIONS
from simulation.real import marked
from simulation.real.draws import draw_task
from simulation.real.program import KINDS
from simulation.real.settings import RealSettings, worker_variables
from simulation.real.torments import service_faults


@pytest.fixture
def sleeper() -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    mark = marked.new_mark()
    process = subprocess.Popen(
        [sys.executable, "-c", "print(flush=True); import time; time.sleep(60)"],
        env=marked.environment(mark, "me"),
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.readline()
    yield process, mark
    process.kill()
    process.communicate()


@pytest.mark.skipif(sys.platform != "linux", reason="there is no /proc")
def test_only_marked_processes_are_found_and_struck(sleeper: tuple[subprocess.Popen[bytes], str]) -> None:
    process, mark = sleeper
    assert marked.marked(mark) == {process.pid: "me"}
    assert marked.marked(marked.new_mark()) == {}
    assert not marked.send(process.pid, marked.new_mark(), signal.SIGKILL)
    assert process.poll() is None
    assert f"{process.pid} " in marked.describe(process.pid)
    assert marked.send(process.pid, mark, signal.SIGKILL)
    assert process.wait(30) == -signal.SIGKILL
    assert marked.marked(mark) == {}
    assert not marked.send(process.pid, mark, signal.SIGKILL)
    assert "gone" in marked.describe(process.pid)


def test_a_seed_gives_the_same_tasks_of_every_kind() -> None:
    tasks = [draw_task(7, number) for number in range(1, 1001)]
    assert tasks == [draw_task(7, number) for number in range(1, 1001)]
    assert tasks != [draw_task(8, number) for number in range(1, 1001)]
    kinds = Counter(str(task.data["kind"]) for task in tasks)
    assert set(kinds) == set(KINDS)
    assert kinds["works"] > 600


def settings(time_s: float, seed: int = 1) -> RealSettings:
    return RealSettings(seed=seed, time_s=time_s, workers=2, variables=worker_variables({}, ours=True))


@pytest.mark.parametrize("time_s", [3.0, 30.0, 120.0])
def test_the_queue_goes_wrong_by_a_plan_and_not_after_its_time(time_s: float) -> None:
    text = service_faults(settings(time_s))
    assert text == service_faults(settings(time_s))
    assert text != service_faults(settings(time_s, seed=2))
    plan = parse_fault_plan(text.encode(), "plan", tuple(OPERATIONS))
    assert plan.rules
    assert all(rule.until_s <= time_s for rule in plan.rules)
    assert not any(rule.operation in {"SendMessage", "GetQueueAttributes"} for rule in plan.rules)


def test_a_users_program_keeps_what_the_environment_says() -> None:
    environ = {"RMS_CLOUD_TASKS_MAX_RUNTIME": "7", "RMS_CLOUD_TASKS_JOB_ID": "theirs", "HOME": "/"}
    theirs = worker_variables(environ, ours=False)
    assert theirs["RMS_CLOUD_TASKS_MAX_RUNTIME"] == "7"
    assert theirs["RMS_CLOUD_TASKS_JOB_ID"] == "rehearsal"
    assert "HOME" not in theirs
    assert worker_variables(environ, ours=True)["RMS_CLOUD_TASKS_MAX_RUNTIME"] == "2"
    plan = RealSettings(seed=1, time_s=1.0, workers=2, worker_file="x.py", variables=theirs).plan()
    assert plan.worker.max_runtime_s == 7
    assert plan.queue.lease_s == 70
