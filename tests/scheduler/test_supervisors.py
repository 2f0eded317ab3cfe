"""Two supervising processes with `--scheduler` on one SQLite file, one of which is killed."""

from __future__ import annotations

import signal
import sqlite3
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from cloud_tasks.scheduler.schedule import instant_of
from tests.e2e.queue_site import QueueSite

SCHEDULES = """\
asynctask_scheduled_workers:
  - {name: tick, ctl: "echo tick", second: "*"}
"""
KEYS = "SELECT once_key FROM task_queue_once WHERE once_key NOT LIKE '%-begin' ORDER BY once_key"


def test_each_instant_is_fired_once_and_run(tmp_path: Path) -> None:
    site = QueueSite(tmp_path)
    config = tmp_path / "schedules.yaml"
    config.write_text(SCHEDULES)
    arguments = (str(config), "--scheduler")
    with site.start(*arguments) as first, site.start(*arguments) as second:
        for workers in (first, second):
            workers.wait_for("Starting; queue=scheduled_tick")
        time.sleep(1.5)
        first.process.kill()
        time.sleep(2.0)
        assert second.end(signal.SIGTERM) == 0
        runs = sum(len(workers.moments("INFO:CommandWorker:echo: tick")) for workers in (first, second))
    with closing(sqlite3.connect(tmp_path / "queues.db")) as database:
        keys = [key for (key,) in database.execute(KEYS)]
        (left,) = database.execute("SELECT count(*) FROM task_queue").fetchone()
    moments = [instant_of(key) for key in keys]
    sent = len(moments)
    assert moments[-1] - moments[0] == timedelta(seconds=len(moments) - 1), "none is missing"
    assert sent >= 2
    assert sent - left <= runs <= sent + 1, "who is killed may leave one that was run and not settled"
