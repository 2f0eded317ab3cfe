from __future__ import annotations

import math

import pytest

from cloud_tasks.core.arguments import check_not_negative, check_positive, check_receive


@pytest.mark.parametrize(("tasks_max", "wait_s"), [(1, 0), (1, 0.5), (10_000, math.inf)])
def test_what_receive_takes(tasks_max: int, wait_s: float) -> None:
    check_receive(tasks_max, wait_s)


@pytest.mark.parametrize(
    ("tasks_max", "wait_s", "named"), [(0, 0, "tasks_max"), (1, -1, "wait_s"), (1, math.nan, "wait_s")]
)
def test_what_receive_refuses(tasks_max: int, wait_s: float, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        check_receive(tasks_max, wait_s)


def test_zero_is_not_negative_and_not_positive() -> None:
    check_not_negative("delay_s", 0.0)
    with pytest.raises(ValueError, match="lease_s is 0"):
        check_positive("lease_s", 0)
    check_positive("lease_s", 1e-9)
