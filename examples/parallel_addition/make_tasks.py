"""How `addition_tasks.json` was made: 10,000 pairs of numbers from a fixed seed.

python examples/parallel_addition/make_tasks.py
"""

from __future__ import annotations

import json
import random
from pathlib import Path

_SEED = 20_250_708
_COUNT = 10_000
_LARGEST = 100_000


def task_lines(count: int, seed: int) -> list[str]:
    """Each task as one line of JSON."""
    dice = random.Random(seed)  # noqa: S311 - examples, not secrets
    return [
        json.dumps({"task_id": f"addition-task-{number:06d}", "data": _pair(dice)}, separators=(",", ":"))
        for number in range(1, count + 1)
    ]


def _pair(dice: random.Random) -> dict[str, int]:
    return {name: dice.randint(-_LARGEST, _LARGEST) for name in ("num1", "num2")}


if __name__ == "__main__":
    target = Path(__file__).with_name("addition_tasks.json")
    target.write_text("[\n" + ",\n".join(task_lines(_COUNT, _SEED)) + "\n]\n", encoding="utf-8")
