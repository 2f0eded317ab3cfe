"""`python -m benchmarks [NAME ...]`: every figure as a ratio to a raw limit or a peer of the same run."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import (
    bench_conductor,
    bench_depth,
    bench_loading,
    bench_machine,
    bench_pubsub_stand_in,
    bench_queue_workers,
    bench_queues,
    bench_simulation,
    bench_sqs_stand_in,
    bench_task_functions,
    bench_worker,
)
from benchmarks.measuring import Finding, table

BENCHMARKS: dict[str, Callable[[Path], Iterator[Finding]]] = {
    "start_up": bench_worker.start_up,
    "process": bench_worker.process_runner,
    "pool": bench_worker.pool_runner,
    "results": bench_worker.results,
    "settling": bench_worker.settling,
    "size": bench_worker.size,
    "sqs": bench_queues.sqs,
    "moto": bench_queues.moto,
    "pubsub": bench_queues.pubsub,
    "sqs_servers": bench_sqs_stand_in.sqs_servers,
    "sqs_depth": bench_sqs_stand_in.sqs_depth,
    "pubsub_stand_in": bench_pubsub_stand_in.pubsub_stand_in,
    "pubsub_depth": bench_pubsub_stand_in.pubsub_depth,
    "redis_async": bench_task_functions.redis_async,
    "redis_pool": bench_task_functions.redis_pool,
    "postgres": bench_task_functions.postgres,
    "conductor": bench_conductor.conductor,
    "idle_workers": bench_queue_workers.idle_workers,
    "restarts": bench_queue_workers.restarts,
    "redis_depth": bench_depth.redis,
    "sqlite_depth": bench_depth.sqlite,
    "postgres_depth": bench_depth.postgres,
    "mysql_depth": bench_depth.mysql,
    "rabbitmq_depth": bench_depth.rabbitmq,
    "models": bench_sqs_stand_in.models,
    "loading": bench_loading.loading,
    "machine": bench_machine.machine,
    "simulation": bench_simulation.simulation,
    "swarm": bench_simulation.swarm,
    "fleet": bench_simulation.fleet,
}


def main() -> int:
    """Run the benchmarks that were named, or all."""
    parser = argparse.ArgumentParser(description="Measure the worker against raw limits and peers.")
    parser.add_argument("names", nargs="*", choices=[[], *BENCHMARKS], help="which to run (default: all)")
    names = parser.parse_args().names or list(BENCHMARKS)
    print(f"Python {platform.python_version()} on {platform.system()}, {os.cpu_count()} cores")
    findings: list[Finding] = []
    with tempfile.TemporaryDirectory() as scratch:
        for name in names:
            print(f"... {name}", file=sys.stderr, flush=True)
            findings += BENCHMARKS[name](Path(scratch))
    print(table(findings))
    return 0


if __name__ == "__main__":
    sys.exit(main())
