"""Random numbers, in streams that do not move one another."""

from __future__ import annotations

import math
import random


class Streams:
    """A family of independent streams, each the same for the same seed and name.

    To switch a fault class on, or to draw once more in one place, leaves what all others draw as it was.

    Args:
        seed: Of the whole family.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def of(self, *names: object) -> random.Random:
        """A new stream, from its beginning."""
        # Seeding with text hashes it with SHA-512: the same in every process, whatever PYTHONHASHSEED says.
        return random.Random(":".join(map(str, (self.seed, *names))))  # noqa: S311 - to be repeated, not secret


def log_uniform(stream: random.Random, least: float, most: float) -> float:
    """A number between two, each order of magnitude with equal odds."""
    return math.exp(stream.uniform(math.log(least), math.log(most)))
