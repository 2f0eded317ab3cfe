"""Scenarios in YAML: what is read, what is drawn, and how each mistake is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloud_tasks.diagnostics import render
from cloud_tasks.errors import ConfigurationError
from fakes.queue_options import QueueOptions
from simulation.faults import Fault, FaultClass
from simulation.plan import BackendPlan, RunPlan, WorkerPlan, Workload
from simulation.scenario import Scenario
from simulation.scenario_file import load_scenario, parse_scenario


def scenario(text: str) -> Scenario:
    return parse_scenario(f"description: for a test\n{text}".encode(), "mine")


def problems(text: str | bytes) -> str:
    data = text.encode() if isinstance(text, str) else text
    with pytest.raises(ConfigurationError) as caught:
        parse_scenario(data, "mine", "mine.yaml")
    return render(caught.value.problems)


@pytest.mark.parametrize("limit", ["extension_max", "lease_total_max"])
def test_a_lease_that_is_longer_than_the_queue_gives_is_refused(limit: str) -> None:
    told = problems(
        f"description: x\nworker: {{visibility_timeout: [10s, 30s]}}\nqueue: {{{limit}: [10s, 60s]}}\n"
    )
    assert f"`visibility_timeout`: 30 s, and the queue gives 10 s (`{limit}`)" in told
    assert "mine.yaml" in told
    plan = scenario(f"worker: {{visibility_timeout: 10s}}\nqueue: {{{limit}: [10s, 60s]}}\n").plan(1)
    assert plan.queue.lease_s == 10.0


def test_a_whole_scenario_without_anything_to_draw() -> None:
    plan = scenario(
        """
reaches: [lease_extended]
workload: {tasks: 7, over: 1m, duration: 600, spread: 0, poison: 0.5, malformed: 1}
worker:
  workers: 3
  num_simultaneous_tasks: 2
  max_runtime: 10m
  shutdown_grace_period: 0s
  retry_on_exit: no
  retry_on_exception: true
  retry_on_timeout: on
  max_attempts: 3
  max_interruptions: 2
  retry_delay: 5s
  retry_delay_max: 1m
  retry_strategy: fixed
  visibility_timeout: 90s
queue: {semantics: strict, max_receive_count: 4, counts_interruptions: false}
latency: {median: 0.1, p99: 1s}
odds: {reply_lost: 0.25}
faults:
- {kind: outage, at: 30s, for: 1.5m}
- {kind: wall_step, at: 1, which: 2, by: -3600}
- {kind: reply_lost, whom: ack of task-7, which: 2}
faults_for: 1h
policy: turn
"""
    ).plan(5)
    assert plan == RunPlan(
        seed=5,
        scenario="mine",
        backend=BackendPlan(gathers_acks=True),
        workload=Workload(tasks=7, over_s=60.0, duration_s=600.0, spread=0.0, poison=0.5, malformed=1),
        worker=WorkerPlan(
            workers=3,
            num_simultaneous_tasks=2,
            max_runtime_s=600.0,
            shutdown_grace_period_s=0.0,
            retry_on_exit=False,
            retry_on_exception=True,
            retry_on_timeout=True,
            max_attempts=3,
            max_interruptions=2,
            retry_delay_s=5.0,
            retry_delay_max_s=60.0,
            retry_strategy="fixed",
        ),
        queue=QueueOptions(
            lease_s=90.0, max_receive_count=4, counts_interruptions=False, extend_renews_receipt=True
        ),
        latency=plan.latency,
        odds={FaultClass.REPLY_LOST: 0.25},
        faults=(
            Fault(kind=FaultClass.OUTAGE, which=plan.faults[0].which, at_s=30.0, size=90.0),
            Fault(kind=FaultClass.WALL_STEP, which=2, at_s=1.0, size=-3600.0),
            Fault(kind=FaultClass.REPLY_LOST, whom="ack of task-7", which=2),
        ),
        faults_s=3600.0,
        policy="turn",
    )
    assert (plan.latency.median_s, plan.latency.p99_s) == (0.1, 1.0)


def test_what_is_not_said_is_as_in_a_plan() -> None:
    plan = scenario("workload:\nfaults: ~\n").plan(0)
    assert (plan.workload, plan.worker, plan.odds, plan.faults) == (Workload(), WorkerPlan(), {}, ())
    assert plan.faults_s == RunPlan().faults_s


def test_a_lease_is_that_of_the_worker_unless_the_queue_has_shorter_ones() -> None:
    assert scenario("worker: {max_runtime: 50s}").plan(0).queue.lease_s == 60.0
    assert scenario("worker: {max_runtime: 5h}\nqueue: {semantics: pubsub}").plan(0).queue.lease_s == 600.0


def test_ranges_are_drawn_from_end_to_end() -> None:
    mine = scenario("workload: {tasks: [2, 4], duration: [0.1, 100]}\nworker: {retry_on_exit: [on, off]}")
    plans = [mine.plan(seed) for seed in range(60)]
    assert {plan.workload.tasks for plan in plans} == {2, 3, 4}
    assert {plan.worker.retry_on_exit for plan in plans} == {True, False}
    durations = [plan.workload.duration_s for plan in plans]
    assert all(0.1 <= duration <= 100 for duration in durations)
    assert 12 < sum(duration < 1 for duration in durations) < 28, "each order of magnitude has its turn"
    assert {plan.policy for plan in plans} == {"random", "pct"}


def test_a_fault_may_strike_several_workers_one_after_the_other() -> None:
    faults = scenario("faults: [{kind: notice, at: [1m, 2m], for: 30s, times: 4}]").plan(1).faults
    assert len({fault.at_s for fault in faults}) == 4
    assert all(60.0 <= fault.at_s <= 120.0 for fault in faults)
    first = faults[0].which
    assert [fault.which for fault in faults] == [first, first + 1, first + 2, first + 3]


def test_a_fault_may_come_so_often_in_an_hour() -> None:
    plan = scenario("faults: [{kind: worker_crash, per_hour: 100}]\nfaults_for: 10h").plan(1)
    assert 850 < len(plan.faults) < 1150
    assert all(fault.at_s < plan.faults_s for fault in plan.faults)


def test_classes_are_those_that_can_strike() -> None:
    mine = scenario(
        "odds: {duplicate: 0, reply_lost: [0, 0.1]}\nfaults: [{kind: sigterm, at: 1}, {kind: sigterm, at: 2}]"
    )
    assert mine.classes == (FaultClass.REPLY_LOST, FaultClass.SIGTERM)


def test_sizes_are_those_that_are_given() -> None:
    plan = scenario(
        "faults: [{kind: clock_drift, whom: worker-1, drift_ppm: -500}, {kind: wall_step, at: 1, "
        "by: [-5, 5]}, {kind: reordered, whom: receive by worker-1, for: 0.9}, "
        "{kind: clog, at: 2, for: [1s, 60s]}]"
    ).plan(3)
    drift, step, place, clog = (fault.size for fault in plan.faults)
    assert (drift, place) == (-500.0, 0.9)
    assert -5.0 <= step <= 5.0
    assert 1.0 <= clog <= 60.0


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("workload: {}\n", "1:1", ["the scenario has no `description`", "say in a sentence"]),
        ("description: [a]\n", "1:14", ["`description`: expected text, got a list"]),
        ("- a\n", "1:1", ["expected a mapping of keys", "got a list"]),
        ("wrkload: 1\n", "1:1", ["unknown key `wrkload`", "did you mean `workload`?"]),
        ("workload: 3\n", "1:11", ["`workload`: expected a mapping of keys with values"]),
        ("workload: {task: 3}\n", "1:12", ["unknown key `task`", "did you mean `tasks`?"]),
        ("workload: {tasks: many}\n", "1:19", ['`tasks`: expected an integer >= 1, got "many"']),
        ("workload: {tasks: 0}\n", "1:19", ["`tasks`: expected an integer >= 1"]),
        ("workload: {tasks: {a: 1}}\n", "1:19", ["`tasks`: expected one value, got a mapping"]),
        ("workload: {tasks: [1, x]}\n", "1:23", ['`tasks`: expected an integer >= 1, got "x"']),
        ("workload: {tasks: [5, 2]}\n", "1:19", ["two ends of a range, the lower one first"]),
        ("workload: {tasks: [5]}\n", "1:19", ["two ends of a range"]),
        ("workload: {duration: 5ms}\n", "1:22", ["`duration`: expected a duration > 0", "write 10m, 600s"]),
        ("worker: {max_runtime: 0}\n", "1:23", ["`max_runtime`: expected a duration > 0"]),
        ("worker: {max_run_time: 1}\n", "1:10", ["did you mean `max_runtime`?"]),
        ("worker: {retry_on_exit: []}\n", "1:25", ["there is nothing to choose from"]),
        ("queue: {semantics: sqss}\n", "1:20", ["expected sqs, pubsub or strict", "did you mean `sqs`?"]),
        ("odds: {reply_lost: 1.5}\n", "1:20", ["`reply_lost`: expected a number <= 1"]),
        ("odds: {outage: 0.5}\n", "1:8", ["unknown key `outage`"]),
        ("odds: {reply_lots: 0.5}\n", "1:8", ["did you mean `reply_lost`?"]),
        ("reaches: [lease_extnded]\n", "1:11", ["no point", "did you mean `lease_extended`?", "schema.json"]),
        ("reaches: lease_extended\n", "1:10", ["`reaches`: expected a list"]),
        ("faults: {}\n", "1:9", ["`faults`: expected a list, got a mapping"]),
        ("faults: [outage]\n", "1:10", ["expected a fault", "a fault looks like this"]),
        ("faults: [{at: 3}]\n", "1:10", ["the fault has no `kind`"]),
        ("faults: [{kind: ~}]\n", "1:10", ["the fault has no `kind`"]),
        ("faults: [{kind: [outage]}]\n", "1:17", ["`kind`: expected one value"]),
        ("faults: [{kind: outge, at: 1}]\n", "1:17", ["did you mean `outage`?"]),
        ("faults: [{kind: outage, for: 1m}]\n", "1:10", ["give either `at` or `per_hour`"]),
        (
            "faults: [{kind: outage, at: 1}]\n",
            "1:10",
            ["`outage` would do nothing: give `for` (seconds"],
        ),
        ("faults: [{kind: wall_step, at: 1}]\n", "1:10", ["give `by`"]),
        ("faults: [{kind: sigterm, whom: worker-1}]\n", "1:26", ["give `at` or `per_hour`, not `whom`"]),
        ("faults: [{kind: sigterm, at: 9m}]\n", "1:30", ["by then there are no faults any more"]),
        ("faults: [{kind: reply_lost, at: 1}]\n", "1:10", ["strikes on an occasion: give `whom`"]),
        ("faults: [{kind: reply_lost, whom: ack of tsk-1}]\n", "1:35", ["there is nothing of that name"]),
        ("faults: [{kind: worker_stop, at: 1, for: 0}]\n", "1:42", ["expected seconds, more than 0"]),
        ("faults: [{kind: clog, at: 1, for: 5m}]\n", "1:35", ["seconds, more than 0, 60 at most"]),
        ("faults: [{kind: clog, at: 1, for: [1, 61]}]\n", "1:35", ["seconds, more than 0, 60 at most"]),
        ("faults: [{kind: slow_call, whom: task-1}]\n", "1:10", ["do nothing: give `for`", "120 at most"]),
        ("faults: [{kind: child_lingers, whom: task-1, for: 0}]\n", "1:51", ["seconds, more than 0"]),
        ("faults: [{kind: child_slow_start, whom: task-1}]\n", "1:10", ["would do nothing: give `for`"]),
        (
            "faults: [{kind: clock_drift, whom: worker-1, for: 1h}]\n",
            "1:46",
            ["`clock_drift` has no `for`: give `drift_ppm` (millionths from -500 to 500, and not 0)"],
        ),
        ("faults: [{kind: clock_drift, whom: worker-1, drift_ppm: 501}]\n", "1:57", ["a number <= 500"]),
        ("faults: [{kind: clock_drift, whom: worker-1, drift_ppm: 0}]\n", "1:57", ["and not 0"]),
        ("faults: [{kind: sigterm, at: 1, for: 3}]\n", "1:33", ["`sigterm` has no `for`"]),
        ("faults: [{kind: wall_step, at: 1, by: 1e18}]\n", "1:39", ["a number <= 604800"]),
        ("faults: [{kind: wall_step, at: 1, by: 0}]\n", "1:39", ["and not 0"]),
        ("faults_for: soon\n", "1:13", ["`faults_for`: expected a duration > 0"]),
        ("policy: fair\n", "1:9", ["`policy`: expected random, pct or turn"]),
        ("workload: {tasks: !!python/name:os.system x}\n", "1:19", ["`tasks`: expected one value"]),
    ],
)
def test_each_mistake_is_told_with_its_place(text: str, place: str, words: list[str]) -> None:
    told = problems(text)
    assert f"mine.yaml:{place}" in told
    for word in words:
        assert word in told


def test_all_mistakes_are_told_at_once() -> None:
    told = problems("worker: {max_runtime: x}\nodds: {nothing: 1}\nfaults: [3]\n")
    assert told.count("error:") == 4


@pytest.mark.parametrize("text", [b"", b"# nothing\n", b"~\n"])
def test_an_empty_file_is_no_scenario(text: bytes) -> None:
    assert "holds no scenario" in problems(text)


@pytest.mark.parametrize("text", [b"a: [\n", b"\xff\xfe", b"a: 1\n---\nb: 2\n"])
def test_what_is_no_yaml_is_told(text: bytes) -> None:
    assert problems(text)


def test_a_name_that_there_is_none_of_is_told_with_those_that_there_are() -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_scenario("zombi_worker")
    told = render(caught.value.problems)
    assert "there is no scenario `zombi_worker`" in told
    assert "calm" in told


def test_a_file_of_the_user_is_read_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "my_night.yaml"
    path.write_text("description: as it was\nworkload: {tasks: 3}\n")
    mine = load_scenario(str(path))
    assert (mine.name, mine.description, mine.plan(0).workload.tasks) == ("my_night", "as it was", 3)


def test_a_folder_is_no_scenario(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot read the scenario"):
        load_scenario(str(tmp_path))
