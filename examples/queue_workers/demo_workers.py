"""Workers to look at: one that prints, one that is silent, one that asks for more, and two that fail."""

from __future__ import annotations

import sys

from cloud_tasks.workers import AsyncTaskWorker, Payload


class FooWorker(AsyncTaskWorker):
    """Prints its payload."""

    name = "demo_foo_worker"

    def process(self, payload: Payload) -> None:
        """Print it."""
        print(f"FOO processed: {payload!r}")


class QuietWorker(AsyncTaskWorker):
    """Prints nothing."""

    name = "demo_quiet_worker"

    def process(self, payload: Payload) -> None:
        """Do nothing."""


class RequeueWorker(AsyncTaskWorker):
    """Puts a payload back once, changed."""

    name = "requeue_worker"

    def process(self, payload: Payload) -> None:
        """Print it, and ask for another."""
        print(f"REQUEUE processed: {payload!r}")
        if payload["foo"] == 1:
            self.requeue({"foo": 2})
            print("REQUEUE requeued")


class ErrorWorker(AsyncTaskWorker):
    """Raises when it is told to."""

    name = "demo_error_worker"

    def process(self, payload: Payload) -> None:
        """Raise, or print it."""
        if payload["error"]:
            raise Exception("Oops!")  # noqa: TRY002 - as users do
        print(f"ERROR processed: {payload!r}")


class FragileWorker(AsyncTaskWorker):
    """Ends its process when it is told to."""

    name = "demo_fragile_worker"

    def process(self, payload: Payload) -> None:
        """End, or print it."""
        if payload["die"]:
            print("FRAGILE DYING!")
            sys.exit()
        print(f"FRAGILE processed: {payload!r}")
