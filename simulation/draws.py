"""Where plans come from, in a form that can be sent to other processes."""

from __future__ import annotations

from functools import cache
from typing import Literal

from msgspec import Struct, structs

from simulation.backends import on_backend
from simulation.backends.plans import BackendName
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
        backend: What stands behind the queue.
    """

    scenario: str = SWARM
    policy: Literal["random", "pct"] | None = None
    backend: BackendName = "model"

    def __call__(self, seed: int) -> RunPlan:
        """The plan of a seed.

        Raises:
            ConfigurationError: The scenario is not there, or is none.
        """
        plan = draw_plan(seed) if self.scenario == SWARM else _loaded(self.scenario).plan(seed)
        if self.policy is not None:
            plan = structs.replace(plan, policy=self.policy)
        return on_backend(plan, self.backend)

    def told(self) -> Scenario | None:
        """The scenario; None for the swarm."""
        return None if self.scenario == SWARM else _loaded(self.scenario)


@cache
def _loaded(path_or_name: str) -> Scenario:
    return load_scenario(path_or_name)
