"""The workers that the benchmark of the supervisor runs: they tell when they begin, or wait for nothing."""

from __future__ import annotations

import os
import time

from cloud_tasks.workers import AsyncTaskWorker, Payload


class Waiting(AsyncTaskWorker):
    """Is given nothing."""

    name = "waiting"

    def process(self, payload: Payload) -> None:
        """Do nothing."""


class Killed(AsyncTaskWorker):
    """Tells when it has begun with a payload, and in which process, and is then killed."""

    name = "killed"

    def process(self, payload: Payload) -> None:
        """Tell it, and wait for what comes."""
        print(f"BEGAN {time.monotonic()} {os.getpid()}", flush=True)
        time.sleep(600)
