"""Where plans come from, in a form that can be sent to other processes."""

from __future__ import annotations

from functools import cache
from typing import Literal

from msgspec import Struct, structs

from simulation.plan import RunPlan
from simulation.scenario import Scenario
from simulation.scenario_file import load_scenario
from simulation.swarm import draw_plan

SWARM = "swarm"


class PlanDraw(Struct, frozen=True):
    """Makes the plan of a seed.

    Attributes:
        scenario: Name or file of a scenario; "swarm" for any workload with any faults.
        policy: How every schedule is drawn; None: as the scenario has it.
    """

    scenario: str = SWARM
    policy: Literal["random", "pct"] | None = None

    def __call__(self, seed: int) -> RunPlan:
        """The plan of a seed.

        Raises:
            ConfigurationError: The scenario is not there, or is none.
        """
        plan = draw_plan(seed) if self.scenario == SWARM else _loaded(self.scenario).plan(seed)
        return plan if self.policy is None else structs.replace(plan, policy=self.policy)

    def told(self) -> Scenario | None:
        """The scenario; None for the swarm."""
        return None if self.scenario == SWARM else _loaded(self.scenario)


@cache
def _loaded(path_or_name: str) -> Scenario:
    return load_scenario(path_or_name)
