"""What follows from the limits of a queue."""

from __future__ import annotations

import pytest

from cloud_tasks.core.capabilities import QueueCapabilities


@pytest.mark.parametrize(
    ("capabilities", "held_s_max"),
    [
        (QueueCapabilities(), None),
        (QueueCapabilities(lease_s_max=600.0), None),
        (QueueCapabilities(lease_s_max=600.0, lease_total_s_max=43_200.0), 43_200.0),
        (QueueCapabilities(lease_total_s_max=1_800.0, renewable=False), 1_800.0),
        (QueueCapabilities(lease_s_max=600.0, renewable=False), 600.0),
        (QueueCapabilities(lease_s_max=600.0, lease_total_s_max=300.0, renewable=False), 300.0),
    ],
)
def test_how_long_a_delivery_can_be_held(capabilities: QueueCapabilities, held_s_max: float | None) -> None:
    assert capabilities.held_s_max == held_s_max
