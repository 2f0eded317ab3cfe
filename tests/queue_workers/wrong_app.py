"""Workers that cannot be made, or that say what cannot be."""

from __future__ import annotations

from typing import Any

from cloud_tasks.workers import AsyncTaskWorker, Payload


class Talkative(AsyncTaskWorker):
    """Says a password as it fails."""

    name = "talkative"

    def __init__(self, queue: str, **options: Any) -> None:  # as they come
        raise ConnectionError("nobody answers at postgresql://me:s3cret@db.example/shop")

    def process(self, payload: Payload) -> None:
        """Never called."""
