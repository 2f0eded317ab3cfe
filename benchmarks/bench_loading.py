"""Loading tasks into queues, the task database included."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

from benchmarks.measuring import Finding, at_least, figure, interleaved, rate, stand_in, tasks_file

_COUNT = 100_000
_OVER_WIRES = 10_000
_LOAD = "benchmarks.programs.load"


def loading(scratch: Path) -> Iterator[Finding]:
    """`load_queue`, into a queue in memory and over the wire protocols of the clouds."""
    tasks = str(tasks_file(scratch, _COUNT))
    job = ("--provider", "aws", "--job-id", "bench", "--task-file", tasks)
    seen = interleaved({"load": lambda: rate(_LOAD, "memory", str(_COUNT), *job)})
    yield at_least("load_queue into memory, 100,000 tasks", seen["load"], 5000, "/s")
    yield from _sqs(scratch)
    yield from _pubsub(scratch)


def _sqs(scratch: Path) -> Iterator[Finding]:
    tasks = str(tasks_file(scratch, _OVER_WIRES))
    numbers = count()
    with stand_in("fakes.sqs") as url:
        env = {
            "AWS_ENDPOINT_URL_SQS": url,
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "none",
            "AWS_SECRET_ACCESS_KEY": "none",
        }

        def load() -> float:
            job = ("--provider", "aws", "--job-id", f"bench-{next(numbers)}", "--task-file", tasks)
            return rate(_LOAD, "cloud", str(_OVER_WIRES), *job, env=env)

        def bare() -> float:
            queue = f"bare-{next(numbers)}"
            return rate("benchmarks.programs.bare_sqs", "fill", url, queue, str(_OVER_WIRES), "0")

        seen = interleaved({"load": load, "bare": bare})
    detail = ", ".join(f"{name} {value:,.0f}/s" for name, value in seen.items())
    yield figure("load_queue / bare send_message_batch loop", seen["load"] / seen["bare"], "ratio", detail)


def _pubsub(scratch: Path) -> Iterator[Finding]:
    tasks = str(tasks_file(scratch, _OVER_WIRES))
    numbers = count()
    with stand_in("fakes.pubsub") as address:

        def load() -> float:
            job = ("--provider", "gcp", "--project-id", "bench", "--job-id", f"bench-{next(numbers)}")
            return rate(
                _LOAD, "cloud", str(_OVER_WIRES), *job, "--task-file", tasks,
                env={"PUBSUB_EMULATOR_HOST": address},
            )  # fmt: skip

        yield figure("load_queue into the Pub/Sub stand-in", interleaved({"load": load})["load"], "/s")
