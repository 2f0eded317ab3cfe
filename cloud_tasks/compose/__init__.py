"""The composition root: the only place that chooses adapters and puts a worker together."""

from cloud_tasks.compose.assembly import Assembly

__all__ = ["Assembly"]
