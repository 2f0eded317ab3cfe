"""A function that takes its worker with it; alone, because its short lease would be that of all."""

from __future__ import annotations

import asyncio
import os

from cloud_tasks.tasks import current_worker_data, task
from tests.e2e.guide_app import note


@task(visibility_timeout=2.0, max_attempts=3, retry_delay=0.1)
async def kill_the_worker_once(file: str) -> None:
    """Takes its worker with it, at the first attempt."""
    attempt = current_worker_data().attempt
    note(file, f"attempt {attempt}")
    if attempt == 1:
        os.kill(os.getpid(), 9)
    await asyncio.sleep(0)
