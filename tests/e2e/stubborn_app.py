"""A function that heeds no cancellation; alone, because its worker is of no more use."""

from __future__ import annotations

import asyncio

from cloud_tasks.tasks import task
from tests.e2e.guide_app import note


@task(timeout=1.0)
async def go_on(file: str) -> None:
    """Swallows whatever would end it."""
    note(file, "began")
    while True:
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            note(file, "cancelled")
