"""Whole jobs over the stand-ins of the clouds: load, work, follow; nothing is lost, nothing counts twice."""

from __future__ import annotations

import json

import pytest

from tests.e2e.clouds.cloud import ODD, PUBSUB, SQS, Cloud, Provider, all_completed, drained, killed
from tests.e2e.programs import Programs, wait_until

COUNT = 12


@pytest.mark.parametrize("provider", [SQS, PUBSUB], ids=["sqs", "pubsub"])
def test_a_job_with_every_kind_of_end(programs: Programs, provider: Provider) -> None:
    cloud = Cloud(programs, provider)
    cloud.load(COUNT, ODD)
    worker = cloud.worker("--max-runtime", "5")
    ended, report = cloud.follow("--output-file", "out.jsonl")
    drained(worker)
    assert ended.status == 1, ended
    assert cloud.tasks() == all_completed(COUNT) | {
        "t3": ("exception", None),
        "t5": ("timed_out", None),
        "t7": ("exited_without_status", None),
    }
    assert report["snapshot"]["finished"] == COUNT
    assert report["snapshot"]["effects"]["applied"] == COUNT + 1, "one task took two attempts"
    (failure,) = report["exceptions"]
    assert (failure["error"], failure["message"], failure["count"]) == ("ValueError", "not this one", 1)
    assert report["timed"] == COUNT
    assert 1.0 <= report["run_times"]["max_s"] <= report["elapsed_s"]
    lines = [json.loads(line) for line in (cloud.folder / "out.jsonl").read_text().splitlines()]
    assert [one["task_id"] for one in lines if one.get("retry")] == ["t9"]
    assert sum(one["event_type"].startswith("task_") for one in lines) == COUNT + 1


def test_f22_a_worker_is_killed_and_another_finishes_exactly_once(programs: Programs) -> None:
    cloud = Cloud(programs, SQS)
    cloud.exactly_once()
    cloud.load(COUNT, {0: "hang once"})
    lost = cloud.worker("--visibility-timeout", "3")
    cloud.wait_for_start(lost, "t0")
    killed(lost)
    cloud.worker("--visibility-timeout", "3")
    ended, report = cloud.follow()
    assert ended.status == 0, ended
    assert cloud.tasks() == all_completed(COUNT)
    assert report["snapshot"]["statuses"] == {"completed": COUNT}


def test_f19_nothing_is_lost_while_calls_fail(programs: Programs) -> None:
    """The first two calls to send are the load's; those behind them tell events."""
    rules = [
        {"kind": "unavailable", "operation": "SendMessageBatch", "calls": [3, 4, 6]},
        {"kind": "effect_without_reply", "operation": "SendMessageBatch", "calls": [5]},
        {"kind": "unavailable", "operation": "ReceiveMessage", "every": 3},
        {"kind": "unavailable", "operation": "DeleteMessageBatch", "calls": [1]},
        {"kind": "effect_without_reply", "operation": "DeleteMessageBatch", "calls": [2]},
    ]
    (programs.directory / "plan.yaml").write_text(json.dumps({"rules": rules}))
    cloud = Cloud(programs, SQS, "--faults", "plan.yaml", "--fault-log", "faults.jsonl")
    cloud.load(COUNT, {})
    cloud.worker()
    ended, report = cloud.follow()
    assert ended.status == 0, ended
    assert cloud.tasks() == all_completed(COUNT)
    assert report["snapshot"]["effects"]["applied"] == COUNT
    # The worker settles its last tasks behind their events.
    wait_until(lambda: struck(cloud) == set(range(len(rules))))


def struck(cloud: Cloud) -> set[int]:
    """The rules that have made something go wrong."""
    lines = (cloud.folder / "faults.jsonl").read_text().splitlines(keepends=True)
    return {json.loads(line)["rule"] for line in lines if line.endswith("\n")}
