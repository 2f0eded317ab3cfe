"""Where cases are kept: names that tell, and none is written over by another."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import structs

from simulation.case_file import load_case
from simulation.case_store import case_name, keep_case
from simulation.cases import Case
from simulation.commands.failure import concluded, told_failure
from simulation.draws import PlanDraw
from simulation.mutants import mutated
from simulation.plan import BackendPlan, RunPlan
from simulation.tally import Failure
from simulation.verdict import Violation

CASE = Case(plan=RunPlan(seed=7), invariant="S1", what="something", code="of today")


def with_plan(**changes: object) -> Case:
    return structs.replace(CASE, plan=structs.replace(CASE.plan, **changes))


@pytest.mark.parametrize(
    ("case", "policy", "name"),
    [
        (CASE, None, "s1_seed_7"),
        (with_plan(scenario="spot_storm"), None, "s1_spot_storm_seed_7"),
        (with_plan(scenario="my Scenario/2"), None, "s1_my_scenario_2_seed_7"),
        (with_plan(backend=BackendPlan(name="sqs")), "pct", "s1_sqs_pct_seed_7"),
        (structs.replace(CASE, mutant="acks_on_receive"), None, "s1_acks_on_receive_seed_7"),
    ],
)
def test_a_name_tells_what_is_not_as_usual(case: Case, policy: str | None, name: str) -> None:
    assert case_name(case, policy) == name


def test_another_case_of_the_same_name_gets_a_number(tmp_path: Path) -> None:
    cases = [CASE, with_plan(faults_s=1.0), structs.replace(CASE, mutant="acks_on_receive")]
    paths = [keep_case(case, tmp_path, "s1_seed_7") for case in cases]
    assert [path.name for path in paths] == ["s1_seed_7.yaml", "s1_seed_7_2.yaml", "s1_seed_7_3.yaml"]
    assert [load_case(str(path)) for path in paths] == cases
    for path in paths:
        assert path.name in path.with_name(f"test_{path.stem}.py").read_text()
        assert f"replay {path}" in path.read_text()


def test_the_same_case_is_the_same_file_also_in_other_code(tmp_path: Path) -> None:
    keep_case(with_plan(faults_s=1.0), tmp_path, "s1_seed_7")
    second = keep_case(CASE, tmp_path, "s1_seed_7")
    later = structs.replace(CASE, code="of tomorrow", what="something else")
    assert keep_case(later, tmp_path, "s1_seed_7") == second
    assert load_case(str(second)) == later


def test_a_file_that_is_no_case_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "s1_seed_7.yaml").write_text("notes of mine")
    assert keep_case(CASE, tmp_path, "s1_seed_7").name == "s1_seed_7_2.yaml"
    assert (tmp_path / "s1_seed_7.yaml").read_text() == "notes of mine"


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "test_s1_seed_7.py").mkdir()
    with pytest.raises(OSError, match="directory"):
        keep_case(CASE, tmp_path, "s1_seed_7")
    assert not (tmp_path / "s1_seed_7.yaml").exists()


def test_the_same_seed_of_two_scenarios_is_two_cases(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "description: A little work.\nfaults_for: 10\nworkload: {tasks: 6}\n"
    for name in ("one", "other"):
        path = tmp_path / f"{name}.yaml"
        path.write_text(text, encoding="utf-8")
        draw = PlanDraw(str(path), "pct")
        broken = (Violation("S1", 1.0, "something"),)
        with mutated("acks_on_receive"):
            concluded(Failure(name, 3, broken), draw, tmp_path / "failures")
        assert "--policy pct" in told_failure(Failure(name, 3, broken), draw)[-1]
        assert f"replay {tmp_path}/failures/s1_{name}_pct_seed_3.yaml" in capsys.readouterr().out
    assert len([*(tmp_path / "failures").glob("s1_*.yaml")]) == 2
