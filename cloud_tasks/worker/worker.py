"""Another path to `Worker` and `WorkerData`, which programs written for `rms-cloud-tasks` import."""

from __future__ import annotations

from cloud_tasks.worker import Worker, WorkerData

__all__ = ["Worker", "WorkerData"]
