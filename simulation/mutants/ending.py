"""Mutants of ending, and the one that changes nothing."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from msgspec import structs

from cloud_tasks.core import actions, ending
from cloud_tasks.core.policy import StopPlan, plan_stop
from cloud_tasks.core.timers import NEVER
from simulation.mutants.patching import swapped


def never_gives_up() -> AbstractContextManager[None]:
    """The worker stays until all is settled, however long that takes."""

    def plan_without_end(now: float, grace_s: float, stop_s: float) -> StopPlan:
        return structs.replace(plan_stop(now, grace_s, stop_s), exit_at=NEVER)

    return swapped(ending, "plan_stop", plan_without_end)


@contextmanager
def hands_nothing_back_late() -> Generator[None, None, None]:
    """A worker that stood still until its time was over kills what runs, and leaves at once."""
    with (
        swapped(ending, "plan_hand_back", lambda plan, _: plan),
        swapped(ending, "missed_its_end", lambda *_: False),
    ):
        yield


def ignores_notices() -> AbstractContextManager[None]:
    """The machine's notice is not passed on."""

    def do_nothing(self: Any, fact: object) -> None:
        """Nothing."""

    return swapped(ending.Ending, "on_notice", do_nothing)


def says_the_same() -> AbstractContextManager[None]:
    """How long an extension to ask for is put in other words."""

    def in_other_words(
        wanted_s: float, lease_s_max: float | None, held_s: float, lease_total_s_max: float | None
    ) -> float:
        limits = [wanted_s]
        if lease_s_max is not None:
            limits.append(lease_s_max)
        if lease_total_s_max is not None:
            limits.append(lease_total_s_max - held_s)
        return min(limits)

    return swapped(actions, "extension_s", in_other_words)
