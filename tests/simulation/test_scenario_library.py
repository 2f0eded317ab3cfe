"""The scenarios that come with the simulation: each keeps every promise, and leads where it is meant to."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest
import yaml

from simulation.faults import FaultClass
from simulation.run import run
from simulation.scenario_file import LIBRARY, load_scenario, scenario_names
from simulation.scenario_schema import json_schema
from simulation.tally import Tally
from simulation.vacuity import what_is_missing

SEEDS_LEAST = {"big_fleet": 1}
SEEDS_MOST = 12
SCHEMA = LIBRARY / "schema.json"


@pytest.mark.parametrize("name", scenario_names())
def test_a_scenario_keeps_every_promise_and_leads_where_it_is_meant_to(name: str) -> None:
    scenario = load_scenario(name)
    tally = Tally()
    for seed in range(SEEDS_MOST):
        tally.add_run(run(scenario.plan(seed)), 0.0)
        if seed + 1 >= SEEDS_LEAST.get(name, 3) and not what_is_missing(scenario, tally):
            break
    assert tally.failures == []
    assert what_is_missing(scenario, tally) == []


def test_every_situation_that_was_asked_for_has_its_scenario() -> None:
    asked = {
        "api_outage", "big_fleet", "calm", "clock_jump", "crash_loop", "disk_full", "duplicate_storm",
        "long_tasks_short_leases", "poison_message", "shutdown_in_long_poll", "slow_event_queue",
        "spot_storm", "throttling", "zombie_worker",
    }  # fmt: skip
    assert asked <= set(scenario_names())


@pytest.mark.parametrize("name", scenario_names())
def test_the_same_seed_draws_the_same_plan_here_and_in_other_processes(name: str) -> None:
    scenario = load_scenario(name)
    there = pickle.loads(pickle.dumps(scenario.plan))  # noqa: S301 - as it is sent to other processes
    assert there(7) == scenario.plan(7) == load_scenario(name).plan(7)
    assert scenario.plan(7).scenario == name


def test_seeds_draw_different_plans() -> None:
    scenario = load_scenario("zombie_worker")
    assert len({scenario.plan(seed).queue.lease_s for seed in range(10)}) == 10


def test_to_set_one_dial_leaves_what_the_others_draw(tmp_path: Path) -> None:
    text = (LIBRARY / "spot_storm.yaml").read_text()
    changed = tmp_path / "spot_storm.yaml"
    changed.write_text(text.replace("workers: 8", "workers: 9"))
    plain, other = load_scenario("spot_storm").plan(3), load_scenario(str(changed)).plan(3)
    assert other.worker.workers == 9
    assert (other.workload, other.faults, other.queue) == (plain.workload, plain.faults, plain.queue)


def test_the_schema_is_up_to_date() -> None:
    expected = json.dumps(json_schema(), indent=2) + "\n"
    assert SCHEMA.read_text(encoding="utf-8") == expected, "python -m simulation.scenario_schema writes it"


@pytest.mark.parametrize("name", scenario_names())
def test_the_schema_knows_every_key_of_the_library(name: str) -> None:
    data = yaml.safe_load((LIBRARY / f"{name}.yaml").read_text(encoding="utf-8"))
    properties = json_schema()["properties"]
    assert data.keys() <= properties.keys()
    for section in ("workload", "worker", "queue", "latency", "odds"):
        assert data.get(section, {}).keys() <= properties[section]["properties"].keys()
    for fault in data.get("faults", []):
        assert fault.keys() <= properties["faults"]["items"]["properties"].keys()


def test_a_run_that_reached_nothing_is_vacuous() -> None:
    scenario = load_scenario("zombie_worker")
    missing = what_is_missing(scenario, Tally())
    assert "the fault worker_stop never struck" in missing
    assert any(line.startswith("never reached: zombie_woke") for line in missing)
    struck = Tally()
    struck.injected[FaultClass.WORKER_STOP.value] = 1
    assert "the fault worker_stop struck, and never made a difference" in what_is_missing(scenario, struck)
