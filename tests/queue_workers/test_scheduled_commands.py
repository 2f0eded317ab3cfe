"""Schedules with `ctl` under the command that fires and runs them."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tests.e2e.programs import wait_until
from tests.e2e.queue_site import QueueSite
from tests.runners.driving import is_alive


def test_a_schedule_goes_on_though_its_command_leaves_something_running(tmp_path: Path) -> None:
    config = tmp_path / "schedules.yaml"
    config.write_text(
        "asynctask_scheduled_workers:\n"
        "  - {name: tick, ctl: \"sh -c 'sleep 60 & echo left $!'\", second: '*'}\n"
    )
    with QueueSite(tmp_path).start(str(config), "--scheduler") as workers:
        workers.wait_for("INFO:CommandWorker:sh: left", 2)
        left = [int(line.rpartition(" ")[2]) for _, line in workers.lines if "sh: left" in line]
        os.kill(left[0], 0)
        workers.wait_for("WARNING:CommandWorker:sh left something running")
        assert workers.end(signal.SIGTERM) == 0
    wait_until(lambda: not any(is_alive(pid) for pid in left))
