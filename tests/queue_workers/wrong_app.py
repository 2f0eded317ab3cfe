"""Workers that cannot be made, or that say what cannot be."""

from __future__ import annotations

import decimal
import fractions
from types import SimpleNamespace
from typing import Any

from cloud_tasks.workers import AsyncTaskWorker, Payload

WRONG: dict[str, tuple[object, object]] = {
    "no_call": (0, 1.0),
    "half_a_call": (1.5, 1.0),
    "text_calls": ("3", 1.0),
    "huge_calls": (10**30, 1.0),
    "no_period": (3, 0),
    "text_period": (3, "x"),
    "endless_period": (3, float("inf")),
    "nan_period": (3, float("nan")),
    "object_period": (3, object()),
}
RIGHT: dict[str, tuple[object, object]] = {
    "whole": (3, 2),
    "fraction": (3, fractions.Fraction(1, 2)),
    "decimal": (3, decimal.Decimal("0.5")),
}


class Limited(AsyncTaskWorker):
    """Its limit is that of its queue."""

    name = "limited"

    def get_limiter(self) -> Any:  # a user's own, of whatever type
        max_calls, period_s = {**WRONG, **RIGHT}[self.queue]
        return SimpleNamespace(max_calls=max_calls, period_s=period_s)

    def process(self, payload: Payload) -> None:
        """Never called."""


class Talkative(AsyncTaskWorker):
    """Says a password as it fails."""

    name = "talkative"

    def __init__(self, queue: str, **options: Any) -> None:  # as they come
        raise ConnectionError("nobody answers at postgresql://me:s3cret@db.example/shop")

    def process(self, payload: Payload) -> None:
        """Never called."""


class Patient(AsyncTaskWorker):
    """Looks at its queue when the universe is over."""

    name = "patient"

    def get_poll_interval(self) -> int:
        return 10**30

    def process(self, payload: Payload) -> None:
        """Never called."""
