"""Who is told of polls and updates: metrics, for instance."""

from __future__ import annotations


class Watcher:
    """One who does nothing with what it is told; to be inherited from. No call may raise."""

    def polled(self, task_type: str, elapsed_s: float, tasks: int) -> None:
        """A poll was answered after `elapsed_s` with so many tasks."""

    def poll_failed(self, task_type: str, error: Exception) -> None:
        """A poll was not answered, or not as it should be."""

    def paused(self, task_type: str) -> None:
        """No poll was made, because the worker is paused."""

    def result_ready(self, task_type: str, size_bytes: int) -> None:
        """A result is about to be sent."""

    def update_failed(self, task_type: str, error: Exception) -> None:
        """A result could not be sent; it is kept and sent again."""
