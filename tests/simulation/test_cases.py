"""Cases: what was found stays readable, and says the same again."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import structs

from cloud_tasks.errors import ConfigurationError
from fakes.queue_options import QueueOptions
from simulation.case_file import load_case, parse_case
from simulation.cases import Case, case_of, case_text, command_of, pytest_of, write_case
from simulation.fault_words import ordinal, words_of
from simulation.faults import Fault, FaultClass
from simulation.link_calls import Latency
from simulation.plan import Redraw, RunPlan, WorkerPlan, Workload
from simulation.run import run
from simulation.source_hash import source_hash
from simulation.swarm import draw_plan
from simulation.verdict import Violation

BROKEN = Violation("S1", 12.5, "acked before any outcome was durable: nothing said", "task-7", "worker-1")
FAULTS = (
    Fault(kind=FaultClass.REPLY_LOST, whom="ack of task-7", which=2),
    Fault(kind=FaultClass.WORKER_CRASH, at_s=3.25),
    Fault(kind=FaultClass.CHILD_LINGERS, whom="task-7", size=0.1),
)
PLAN = RunPlan(
    seed=17,
    workload=Workload(tasks=3),
    worker=WorkerPlan(max_attempts=2),
    queue=QueueOptions(lease_s=5.5, retention_s=60.0),
    latency=Latency(median_s=0.02),
    odds={FaultClass.THROTTLED: 0.25},
    faults=FAULTS,
    policy="turn",
    redraw=Redraw(at_s=1.5, seed=3),
)


@pytest.mark.parametrize("plan", [PLAN, RunPlan(), *(draw_plan(seed) for seed in range(20))])
def test_a_case_that_is_written_and_read_is_the_same(plan: RunPlan, tmp_path: Path) -> None:
    case = case_of(plan, BROKEN, mutant="acks_on_receive")
    write_case(case, tmp_path / "found.yaml")
    assert load_case(str(tmp_path / "found.yaml")) == case


def test_a_case_tells_what_differs_in_words_and_how_to_live_through_it_again() -> None:
    text = case_text(case_of(PLAN, BROKEN), "found/s1.yaml")
    assert "#     python -m simulation replay found/s1.yaml\n" in text
    assert command_of("found/s1.yaml") in text
    assert "words: the reply to the second ack of task-7 is lost\n" in text
    assert f"code: {source_hash()}\n" in text
    assert "seed: 17\n" in text
    assert "tasks: 3\n" in text
    assert "duration_s" not in text


def test_a_case_without_faults_says_nothing_of_faults() -> None:
    assert "faults" not in case_text(case_of(RunPlan(), BROKEN), "x.yaml")


@pytest.mark.parametrize("kind", FaultClass)
def test_each_class_has_a_sentence_that_names_who_and_which(kind: FaultClass) -> None:
    one = words_of(Fault(kind=kind, whom="ack of task-7", which=2, at_s=9.0, size=1.5))
    other = words_of(Fault(kind=kind, whom="nack of task-8", which=3, at_s=7.0, size=2.5))
    assert one != other
    assert one == one.strip()
    assert not one.endswith(".")


def test_the_sentences_of_a_plan_differ_from_class_to_class() -> None:
    assert len({words_of(Fault(kind=kind, whom="task-1")) for kind in FaultClass}) == len(FaultClass)


def test_places_in_a_line() -> None:
    assert [ordinal(number) for number in (1, 10, 11, 12, 21, 22, 113, 0)] == [
        "first", "tenth", "11th", "12th", "21st", "22nd", "113th", "0th",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "told", "line"),
    [
        ("", "is no case", 0),
        ("- 1", "is no case", 0),
        ("invariant: S1\nplan: {", "not YAML", 2),
        ("plan: {}", "missing required field `invariant`", 1),
        ("invariant: S1\nplan:\n  worker:\n    wrokers: 2", "unknown key `wrokers`", 4),
        ("invariant: S1\nplan:\n  worker:\n    workers: two", "`plan.worker.workers`: expected `int`", 4),
        ("invariant: S1\nplan:\n  worker:\n    workers: 0", "expected at least 1, got 0", 4),
        ("invariant: S1\nplan:\n  faults_s: .inf", "expected seconds, more than 0, got inf", 3),
        ("invariant: S1\nplan:\n  faults_s: 0", "expected seconds, more than 0, got 0", 3),
        ("invariant: S1\nplan:\n  workload: {over_s: .nan}", "`plan.workload.over_s`: expected seconds", 3),
        ("invariant: S1\nplan:\n  workload: {duration_s: .nan}", "expected seconds, 0 or more, got nan", 3),
        ("invariant: S1\nplan:\n  workload: {spread: 1000}", "expected a number from 0 to 3, got 1000", 3),
        ("invariant: S1\nplan:\n  workload: {poison: .nan}", "expected a share from 0 to 1, got nan", 3),
        ("invariant: S1\nplan:\n  latency: {median_s: -1}", "`plan.latency.median_s`: expected seconds", 3),
        ("invariant: S1\nplan:\n  latency: {p99_s: .inf}", "`plan.latency.p99_s`: expected seconds", 3),
        ("invariant: S1\nplan:\n  worker: {max_attempts: 0}", "max_attempts`: expected at least 1", 3),
        ("invariant: S1\nplan:\n  worker: {max_runtime_s: 0}", "expected seconds, more than 0, got 0", 3),
        ("invariant: S1\nplan:\n  worker: {max_runtime_s: 1.0e+300}", "3153600000 seconds at most", 3),
        ("invariant: S1\nplan:\n  worker: {workers: 2000000000}", "expected 1000000000 at most", 3),
        ("invariant: S1\nplan:\n  queue: {lease_s: .inf}", "lease_s", 3),
        ("invariant: S1\nplan:\n  queue: {delay_s_max: .nan}", "`plan.queue.delay_s_max`: expected", 3),
        ("invariant: S1\nplan:\n  redraw: {at_s: .nan, seed: 1}", "`plan.redraw.at_s`: expected sec", 3),
        ("invariant: S1\nplan:\n  monitor: {wait_s: 0}", "`plan.monitor.wait_s`: expected seconds, more", 3),
        ("invariant: S1\nplan:\n  producer: {page_size: 0}", "page_size`: expected at least 1, got 0", 3),
        ("invariant: S1\nplan:\n  backend: {name: sqs}\n  producer: {}", "on the model alone", 4),
        ("invariant: S1\nfaults:\n- {kind: outage, at_s: -1}", "`faults[0].at_s`: expected seconds", 3),
        ("invariant: S1\nfaults:\n- {kind: worker_stop, size: .nan}", "`faults[0].size`: expected sec", 3),
        ("invariant: S1\nfaults:\n- {kind: worker_stop, size: -5}", "more than 0, got -5", 3),
        ("invariant: S1\nfaults:\n- {kind: clock_drift, size: 5000}", "expected millionths from -500", 3),
        ("invariant: S1\nfaults:\n- {kind: sigterm, size: .inf}", "`faults[0].size`: expected a number", 3),
        ("invariant: S1\nplan:\n  odds: {throttled: 2}", "expected a probability", 3),
        ("invariant: S1\nplan:\n  odds: {bad_luck: 0.5}", "bad_luck", 3),
        ("invariant: S1\nplan:\n  queue: {lease_s: -1}", "lease_s", 3),
        ("invariant: S1\nfaults:\n- {kind: bad_luck}", "`faults[0].kind`: invalid enum value", 3),
        ("invariant: S1\nfaults:\n- {kind: outage, at: 3}", "unknown key `at`", 3),
        ("invariant: S1\ninvariant: S2", "is there twice", 2),
        ("what: x\ninvariant: s1", "there is no invariant 's1'", 2),
    ],
)
def test_mistakes_are_told_with_their_place(text: str, told: str, line: int) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_case(text.encode(), "case.yaml")
    problem = caught.value.problems[0]
    assert told in problem.message
    assert (0 if problem.place is None else problem.place.line) == line


def test_a_file_that_is_not_there_is_a_mistake_too(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot read the case"):
        load_case(str(tmp_path / "none.yaml"))


def test_the_plan_of_a_case_gives_the_same_run() -> None:
    case = Case(plan=structs.replace(PLAN, redraw=None), invariant="S1")
    read = parse_case(case_text(case, "x.yaml").encode(), "x.yaml")
    assert run(read.plan, trace=True).trace == run(case.plan, trace=True).trace


def test_the_pytest_of_a_case_is_python_that_reads_the_file_beside_it(tmp_path: Path) -> None:
    write_case(case_of(RunPlan(workload=Workload(tasks=1)), BROKEN), tmp_path / "s1-found.yaml")
    module: dict[str, object] = {"__file__": str(tmp_path / "test_s1.py")}
    exec(pytest_of(case_of(PLAN, BROKEN), "s1-found.yaml"), module)  # noqa: S102 - our own text
    test = module["test_s1_found"]
    assert callable(test)
    test()  # the worker is intact, so the test passes
