"""Watching the rows of the attempt's table, and what runs of the library and the swarm come through."""

from __future__ import annotations

import math

from cloud_tasks.core import machine
from simulation.draws import PlanDraw
from simulation.many import Span, run_block
from simulation.rows import ROWS, watched_rows
from simulation.scenario_file import load_scenario
from simulation.world import World


def test_rows_are_counted_while_they_are_watched_and_nothing_is_left_behind() -> None:
    before = {signal: dict(cells) for signal, cells in machine._TABLE.items()}
    plan = load_scenario("calm").plan(1)
    with watched_rows() as rows:
        world = World(plan)
        world.run()
        world.close()
    tasks = plan.workload.tasks
    assert {name: rows[name] for name in ROWS if rows[name]} == {
        "leased: started": tasks,
        "running: ended": tasks,
        "settling: stored": tasks,
        "settling: gone": tasks,
        "settling: settled": tasks,
    }
    assert before == machine._TABLE


def test_blocks_of_runs_bring_their_rows_only_if_they_are_asked_for() -> None:
    plain, _ = run_block(PlanDraw("calm"), Span(0, 1), math.inf)
    watched, _ = run_block(PlanDraw("calm"), Span(0, 1), math.inf, watch_rows=True)
    assert not plain.rows
    assert watched.rows["running: ended"] == watched.attempts
    assert (plain.checks, plain.steps) == (watched.checks, watched.steps)
