"""Writes the task file of the spot rehearsal: many short tasks, and a few that outlast the machine."""

import json
import sys

COUNT = 500
SHORT_S, LONG_S = 0.05, 20.0
LONG = range(40, 44)
"""So early, and as many as both workers have slots: each slot of the lost machine is in the middle of one."""


def seconds(number: int) -> float:
    """How long a task takes."""
    return LONG_S if number in LONG else SHORT_S


if __name__ == "__main__":
    names = ((f"task-{number:03d}", seconds(number)) for number in range(COUNT))
    entries = [{"task_id": name, "data": {"seconds": time_s}} for name, time_s in names]
    json.dump(entries, sys.stdout, indent=1)
