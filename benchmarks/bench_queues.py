"""The worker on queues of the stand-ins for clouds, against a bare loop over the same stand-in."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.measuring import ROOT, Finding, at_least, interleaved, python, rate, stand_in

RUNS = 3
SQS_TASKS = 10_000
MOTO_TASKS = 1_000
MOTO_DEPTH = 200
"""moto's cost per call grows with the queue: more would measure moto alone."""
PUBSUB_TASKS = 10_000
PUBSUB_BATCHES = (10, 100)


def sqs(_scratch: Path) -> Iterator[Finding]:
    """Our own server of SQS."""
    with stand_in("fakes.sqs") as url:

        def filled(run: Callable[[], float]) -> float:
            _bare_sqs("fill", url, SQS_TASKS)
            return run()

        yield _compare(
            "worker from SQS, pool runner / bare receive and delete by 10",
            0.6,
            lambda: filled(lambda: _bare_sqs("drain", url, SQS_TASKS)),
            lambda: filled(lambda: _sqs_worker(url, SQS_TASKS, slots=50)),
        )


def moto(_scratch: Path) -> Iterator[Finding]:
    """moto's, in which there are never many messages."""
    with stand_in("fakes.sqs.moto_server") as url, ThreadPoolExecutor() as threads:

        def fed(run: Callable[[], float]) -> float:
            _bare_sqs("fill", url, MOTO_DEPTH)
            feeding = threads.submit(_bare_sqs, "feed", url, MOTO_TASKS - MOTO_DEPTH, MOTO_DEPTH)
            seen = run()
            feeding.result()
            return seen

        yield _compare(
            f"worker from moto, at most {MOTO_DEPTH} deep, pool runner / bare receive and delete by 10",
            0.8,
            lambda: fed(lambda: _bare_sqs("drain", url, MOTO_TASKS)),
            lambda: fed(lambda: _sqs_worker(url, MOTO_TASKS, slots=10)),
        )


def _bare_sqs(what: str, url: str, tasks: int, depth: int = 0) -> float:
    return rate("benchmarks.programs.bare_sqs", what, url, "q", str(tasks), str(depth))


def _sqs_worker(url: str, tasks: int, *, slots: int) -> float:
    environment = {
        "AWS_ENDPOINT_URL_SQS": url,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
    }
    return _worker(tasks, "--provider", "AWS", slots=slots, env=environment)


def pubsub(_scratch: Path) -> Iterator[Finding]:
    """Our own server of Pub/Sub."""
    with stand_in("fakes.pubsub") as address:
        environment = {"PUBSUB_EMULATOR_HOST": address}
        google = ("--provider", "GCP", "--project-id", "p")
        _worker(1, *google, "--create-queue", "--exit-when-empty", "1", slots=1, env=environment)
        for batch in PUBSUB_BATCHES:
            yield _pubsub_by(batch, address, *google)


def _compare(name: str, bound: float, bare: Callable[[], float], worker: Callable[[], float]) -> Finding:
    seen = interleaved({"worker": worker, "bare": bare}, RUNS)
    detail = ", ".join(f"{name} {value:,.0f}/s" for name, value in seen.items())
    return at_least(name, seen["worker"] / seen["bare"], bound, "ratio", detail)


def _worker(tasks: int, *options: str, slots: int, env: dict[str, str]) -> float:
    printed = python(
        str(ROOT / "benchmarks" / "programs" / "noop.py"),
        *("--queue-name", "q", "--job-id", "j", "--runner", "pool", "--json"),
        *("--num-simultaneous-tasks", str(slots), "--max-num-tasks", str(tasks)),
        *("--event-log-to-file", "--no-event-log-to-queue"),
        *options,
        env={**os.environ, **env},
    )
    summary: dict[str, float] = json.loads(printed.strip().splitlines()[-1])
    return summary["throughput_per_s"]


def _pubsub_by(batch: int, address: str, *google: str) -> Finding:
    def filled(run: Callable[[], float]) -> float:
        bare("fill", "topics/q-topic")
        return run()

    def bare(what: str, name: str) -> float:
        resource = f"projects/p/{name}"
        return rate("benchmarks.programs.bare_pubsub", what, address, resource, str(PUBSUB_TASKS), str(batch))

    return _compare(
        f"worker from Pub/Sub, pool runner / bare pull and acknowledge by {batch}",
        0.5,
        lambda: filled(lambda: bare("drain", "subscriptions/q-subscription")),
        lambda: filled(
            lambda: _worker(PUBSUB_TASKS, *google, slots=batch, env={"PUBSUB_EMULATOR_HOST": address})
        ),
    )
