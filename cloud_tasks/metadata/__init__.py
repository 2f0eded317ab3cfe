"""What a machine can be asked about itself: one module per provider, and `open_metadata`, which chooses."""

from cloud_tasks.metadata.opening import open_metadata

__all__ = ["open_metadata"]
