"""How long it takes to check and to read task files, and how much memory.

Each figure comes from a process of its own, next to a loop that only decodes the same items in the same
process, because machines differ and are busy with other things.
"""

from __future__ import annotations

import json
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

SMALL = 1_000
RUNS = 3
FILES = {"tasks.json": 1_000_000, "tasks.jsonl": 1_000_000, "tasks.yaml": 100_000}


def rows(count: int) -> Iterator[dict[str, object]]:
    """Tasks like those of the addition example."""
    for number in range(count):
        yield {"task_id": f"addition-task-{number:07}", "data": {"num1": number * 7, "num2": number * 3}}


def write(path: Path, count: int) -> None:
    """A task file in the format that its name says."""
    with path.open("w") as file:
        if path.suffix == ".json":
            file.write("[\n" + ",\n".join(map(json.dumps, rows(count))) + "\n]\n")
        elif path.suffix == ".jsonl":
            file.writelines(f"{json.dumps(row)}\n" for row in rows(count))
        else:
            for row in rows(count):
                data = json.loads(json.dumps(row["data"]))
                file.write(f"- task_id: {row['task_id']}\n  data:\n")
                file.writelines(f"    {key}: {value}\n" for key, value in data.items())


def peak_bytes() -> int:
    """Largest resident size of this process since it was executed."""
    status = Path("/proc/self/status")
    if status.exists():
        found = re.search(r"VmHWM:\s+(\d+)", status.read_text())
        return int(found[1]) * 1024 if found else 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def raw_decode_s(count: int) -> float:
    """Seconds that the standard library needs to decode as many items, one by one."""
    text = ",".join(map(json.dumps, rows(10_000)))
    decode = json.JSONDecoder().raw_decode
    began, decoded, position = time.process_time(), 0, 0
    while position < len(text):
        _, end = decode(text, position)
        position, decoded = end + 1, decoded + 1
    return (time.process_time() - began) / decoded * count


def measure(path: str) -> dict[str, float]:
    """Processor seconds for the check and for reading, and the peak memory, of this process."""
    from cloud_tasks.task_file import open_task_file

    began = time.process_time()
    tasks = open_task_file(path)
    checked = time.process_time()
    count = sum(1 for _ in tasks)
    read = time.process_time()
    peak = peak_bytes()
    return {
        "count": count,
        "check_s": checked - began,
        "read_s": read - checked,
        "peak_mb": peak / 1e6,
        "raw_s": raw_decode_s(count),
    }


def measured(path: Path) -> dict[str, float]:
    """The median of several processes."""
    command = [sys.executable, str(Path(__file__).resolve()), str(path)]
    environment_root = Path(__file__).resolve().parents[1]
    runs = [
        json.loads(subprocess.check_output(command, cwd=environment_root, text=True))  # noqa: S603 - our own program
        for _ in range(RUNS)
    ]
    return {key: statistics.median(run[key] for run in runs) for key in runs[0]}


def main() -> None:
    """Measure every format, with few tasks and with many."""
    titles = ("check s", "read s", "json s", "ratio", "peak MB")
    print(f"{'file':12} {'tasks':>9}", *(f"{title:>8}" for title in titles))
    with tempfile.TemporaryDirectory() as folder:
        for name, count in FILES.items():
            for size in (SMALL, count):
                path = Path(folder, name)
                write(path, size)
                found = measured(path)
                found["ratio"] = found["check_s"] / found["raw_s"]
                figures = (found[key] for key in ("check_s", "read_s", "raw_s", "ratio", "peak_mb"))
                print(f"{name:12} {size:9,}", *(f"{figure:8.2f}" for figure in figures), flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
        print(json.dumps(measure(sys.argv[1])))
    else:
        main()
