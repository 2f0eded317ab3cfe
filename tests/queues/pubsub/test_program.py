"""A user's program as a worker: its tasks and its events at Pub/Sub, its runs in processes."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import Counter
from pathlib import Path

from cloud_tasks.clock import SystemClock
from cloud_tasks.core.task import Task
from cloud_tasks.queues.pubsub import PubSubSettings, open_backend
from tests.queues.pubsub.service import StandIn

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = """
import sys
from cloud_tasks.worker import Worker

def work(task_id, task_data, worker_data):
    return False, task_data["n"]

if __name__ == "__main__":
    sys.exit(Worker(work).run())
"""
OPTIONS = [
    "--provider",
    "GCP",
    "--project-id",
    "p",
    "--job-id",
    "jobs",
    "--num-simultaneous-tasks",
    "2",
    "--exit-when-empty",
    "1",
]


async def test_a_program_works_from_pubsub_and_tells_its_events_there(tmp_path: Path) -> None:
    server = StandIn()
    host = server.start()
    settings = PubSubSettings(
        project_id="p", task_queue="jobs", event_queue="jobs-events", emulator_host=host
    )
    backend = open_backend(settings, SystemClock())
    await backend.check(tasks=True, events=True, create=True)
    await (await backend.sender()).send_many(Task(f"t{number}", {"n": number}) for number in range(40))
    (tmp_path / "program.py").write_text(PROGRAM)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "program.py",
        *OPTIONS,
        cwd=tmp_path,
        env={**os.environ, "PUBSUB_EMULATOR_HOST": host, "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(process.communicate(), 90.0)
    assert process.returncode == 0, output.decode()
    feed = await backend.feed()
    told: Counter[str] = Counter()
    results: set[int] = set()
    while messages := await feed.receive(100, 1.0):
        for event in (json.loads(one.body) for one in messages):
            told[event["event_type"]] += 1
            results |= {event["result"]} if event["event_type"] == "task_completed" else set()
        await feed.ack(messages)
    assert told["task_completed"] == 40
    assert results == set(range(40))
    assert told["worker_stopped"] == 1
    inspector = await backend.inspector("tasks")
    assert await inspector.depth() == {"visible": 0, "dead": 0}
    await feed.aclose()
    await backend.aclose()
    server.stop()
