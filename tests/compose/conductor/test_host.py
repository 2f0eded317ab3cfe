"""Programs with Conductor workers, as their users start and stop them."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from fakes.metadata import Notice
from fakes.metadata.server import MetadataServer
from tests.compose.conductor.hosting import Rig

ROOT = Path(__file__).parents[3]
QUICK = {"retry_count": 1, "retry_delay_seconds": 0}


@pytest_asyncio.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    rig = Rig(tmp_path / "results")
    async with rig.server:
        yield rig


async def test_the_program_of_the_guide_runs_until_it_is_told_to_stop(rig: Rig) -> None:
    tasks = rig.service.start_tasks("task_1", [{"n": number} for number in range(20)])
    async with rig.program("task_1") as program:
        await rig.until_status("COMPLETED", *tasks)
        output = rig.service.task(tasks[0].task_id)
        assert output is not None
        assert output.output_data == {
            "outputKey1": "value",
            "oddEven": 1,
            "mod": 4,
            "pid": output.output_data["pid"],
        }
        assert output.output_data["pid"] != program.process.pid
        assert output.worker_id == os.uname().nodename
        assert [line.log for line in rig.service.logs(tasks[0].task_id)] == ["done"]
        assert await program.stop() == 0
    assert program.said[-1] == "ended"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_task_that_cannot_end_in_time_is_handed_back_at_once(
    rig: Rig, number: signal.Signals
) -> None:
    rig.service.define_task("behave", response_timeout_seconds=3600)
    task = rig.service.start_task("behave", {"how": "sleep", "seconds": 60})
    async with rig.program("behave", "grace=1") as program:
        await rig.until_status("IN_PROGRESS", task)
        assert await program.stop(number) == 0
    again = await rig.service.poll("behave", "another")
    assert again is not None
    assert (again.task_id, again.retry_count) == (task.task_id, 0)


async def test_what_fails_is_told_with_its_reason_and_tried_again_as_defined(rig: Rig) -> None:
    for name in ("behave", "pooled", "slow"):
        rig.service.define_task(name, **QUICK)
    raised = rig.service.start_task("behave", {"how": "raise"})
    said = rig.service.start_task("behave", {"how": "fail"})
    given_up = rig.service.start_task("behave", {"how": "give up"})
    killed = rig.service.start_task("behave", {"how": "be killed"})
    crashed = rig.service.start_task("pooled", {"how": "crash"})
    exited = rig.service.start_task("pooled", {"how": "exit"})
    late = rig.service.start_task("slow", {"how": "sleep", "seconds": 60})
    hog = rig.service.start_task("slow", {"how": "hog"})
    unfit = rig.service.start_task("behave", {"how": "set"})
    async with rig.program("behave,pooled,slow"):
        failing = (raised, said, killed, crashed, exited, late)
        await rig.until(lambda: all(len(rig.attempts(task)) == 2 for task in failing))
        await rig.until(lambda: all(rig.attempts(task)[1].status.value == "FAILED" for task in failing))
        await rig.until_status("FAILED_WITH_TERMINAL_ERROR", given_up, hog, unfit)
    assert [one.reason_for_incompletion for one in rig.attempts(raised)] == [
        "ValueError: attempt 0",
        "ValueError: attempt 1",
    ]
    (line,) = rig.service.logs(raised.task_id)
    assert line.log.startswith("Traceback")
    assert rig.attempts(said)[0].reason_for_incompletion == "said so"
    assert rig.attempts(said)[0].output_data == {"so": "far"}
    assert len(rig.attempts(given_up)) == 1
    assert rig.attempts(given_up)[0].reason_for_incompletion == "it would only happen again"
    assert "SIGKILL" in str(rig.attempts(killed)[0].reason_for_incompletion)
    assert "SIGSEGV" in str(rig.attempts(crashed)[0].reason_for_incompletion)
    assert "exit status 0" in str(rig.attempts(exited)[0].reason_for_incompletion)
    assert rig.attempts(late)[0].status.value == "FAILED"


async def test_a_worker_that_is_paused_takes_nothing(rig: Rig, tmp_path: Path) -> None:
    task, wake_up = rig.service.start_task("resting"), tmp_path / "wake up"
    async with rig.program("resting", WAKE_UP=str(wake_up)):
        await asyncio.sleep(0.5)
        assert rig.status(task) == "SCHEDULED"
        wake_up.touch()
        await rig.until_status("COMPLETED", task)


async def test_a_task_that_goes_on_is_called_again_with_what_it_said(rig: Rig) -> None:
    task = rig.service.start_task("steps")
    async with rig.program("steps"):
        await rig.until_status("COMPLETED", task)
    now = rig.service.task(task.task_id)
    assert now is not None
    assert (now.output_data["step"], now.poll_count, now.retry_count) == (3, 3, 0)


async def test_a_task_longer_than_the_response_time_out_is_kept_by_extending_it(rig: Rig) -> None:
    rig.service.define_task("behave", response_timeout_seconds=4)
    task = rig.service.start_task("behave", {"how": "sleep", "seconds": 9})
    async with rig.program("behave"):
        await rig.until_status("COMPLETED", task)
    assert len(rig.attempts(task)) == 1


async def test_functions_run_in_threads_on_the_loop_and_in_warm_processes(rig: Rig) -> None:
    tasks = [
        *rig.service.start_tasks("threaded", [{"how": "nothing"}] * 5),
        *rig.service.start_tasks("pooled", [{"how": "nothing"}] * 5),
        *rig.service.start_tasks("looped", [{"seconds": 0.2}] * 20),
    ]
    async with rig.program("threaded,pooled,looped"):
        await rig.until_status("COMPLETED", *tasks)
    output = rig.service.task(tasks[-1].task_id)
    assert output is not None
    assert output.output_data == {"result": "waited"}


async def test_the_loop_goes_on_while_nobody_reads_what_tasks_print(rig: Rig) -> None:
    tasks = [rig.service.start_task(name, {"bytes": 600_000}) for name in ("flood", "pooled_flood")]
    async with rig.program("flood,pooled_flood") as program:
        await rig.until_status("COMPLETED", *tasks)
        assert await program.stop() == 0
    assert sum(line.count("x") for line in program.said) == 2 * 600_000


async def test_a_result_that_the_server_cannot_be_told_outlives_the_program(rig: Rig) -> None:
    rig.service.define_task("behave", response_timeout_seconds=3600)
    task = rig.service.start_task("behave", {"how": "sleep", "seconds": 1.0})
    async with rig.program("behave") as program:
        await rig.until_status("IN_PROGRESS", task)
        await rig.server.aclose()
        await rig.until(lambda: bool(rig.kept()))
        await program.kill()
    rig.open_again()
    async with rig.server:
        assert rig.status(task) == "IN_PROGRESS"
        async with rig.program("task_1"):
            await rig.until_status("COMPLETED", task)
            await rig.until(lambda: not rig.kept())


async def test_metrics_have_the_names_of_the_published_clients(rig: Rig, tmp_path: Path) -> None:
    rig.service.define_task("behave", **QUICK)
    done = rig.service.start_task("behave", {"how": "nothing"})
    failed = rig.service.start_task("behave", {"how": "raise"})
    async with rig.program("behave", f"metrics={tmp_path}") as program:
        await rig.until_status("COMPLETED", done)
        await rig.until(lambda: rig.attempts(failed)[-1].retry_count == 1)
        await rig.until_status("FAILED", failed, rig.attempts(failed)[-1])
        assert await program.stop() == 0
    text = (tmp_path / "metrics.log").read_text()
    assert 'task_execute_error_total{exception="ValueError",taskType="behave"} 2.0' in text
    for name in ("task_poll_total", "task_poll_time", "task_execute_time", "task_result_size"):
        assert f'{name}{{taskType="behave"}}' in text


async def test_two_programs_share_the_tasks(rig: Rig) -> None:
    tasks = rig.service.start_tasks("looped", [{"seconds": 0.02}] * 100)
    async with rig.program("looped") as first, rig.program("looped") as second:
        await rig.until_status("COMPLETED", *tasks)
        assert [await first.stop(), await second.stop()] == [0, 0]
    assert all(len(rig.attempts(task)) == 1 for task in tasks)


# --- mistakes


def run(program: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    path = tmp_path / "program.py"
    path.write_text(program)
    return subprocess.run(  # noqa: S603 - our own program
        [sys.executable, str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


HEAD = """
from cloud_tasks.conductor import Configuration, TaskResult, Worker, WorkerAbc, WorkerHost
def nothing(): return None
class Unpicklable(WorkerAbc):
    def __init__(self, name):
        super().__init__(name)
        self.file = open(__file__)
BAD = Configuration(server_api_url="a:80")
NOWHERE = Configuration(results_dir="/dev/null/results")
"""


@pytest.mark.parametrize(
    ("program", "told"),
    [
        ("WorkerHost([])", "there are no workers to be run"),
        ("WorkerHost([Worker('a', nothing, poll_interval=-1)])", "polling_interval of a is '-1'"),
        ("WorkerHost([Worker('a', nothing, runner='fiber')])", "Worker.runner is 'fiber'"),
        (
            "WorkerHost([Worker('a', nothing, runner='async')])",
            "the worker of 'a' has the runner 'async', and its function is no coroutine function",
        ),
        (
            "if __name__ == '__main__':\n    WorkerHost([Worker('a', nothing)], NOWHERE).start_processes()",
            "results that the server cannot be told cannot be kept on disk",
        ),
        (
            "if __name__ == '__main__':\n    WorkerHost([Unpicklable('a')]).start_processes()",
            "the worker of 'a' cannot be handed to task processes",
        ),
        ("WorkerHost([Worker('a', nothing)]).start_processes()", "__main__"),
        (
            "if __name__ == '__main__':\n    WorkerHost([Worker('a', nothing)], BAD).start_processes()",
            "the address of the server is 'a:80', and must begin with http:// or https://",
        ),
    ],
    ids=["none", "interval", "runner", "async", "disk", "pickle", "guard", "address"],
)
def test_a_mistake_is_told_in_words(program: str, told: str, tmp_path: Path) -> None:
    ended = run(HEAD + program, tmp_path)
    assert told in ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.returncode == 2


async def test_leaving_the_block_with_an_error_stops_the_workers(rig: Rig, tmp_path: Path) -> None:
    program = HEAD + (
        "if __name__ == '__main__':\n"
        f"    there = Configuration(server_api_url={rig.server.url!r})\n"
        "    with WorkerHost([Worker('a', nothing)], there) as host:\n"
        "        host.start_processes()\n"
        "        raise KeyError('mine')\n"
    )
    ended = await asyncio.to_thread(run, program, tmp_path)
    assert "KeyError: 'mine'" in ended.stderr
    assert ended.returncode == 1


async def test_an_ordinary_worker_takes_its_tasks_from_conductor(rig: Rig, tmp_path: Path) -> None:
    program = (
        "import asyncio\n"
        "from cloud_tasks.clock import SystemClock\n"
        "from cloud_tasks.queues.conductor import ConductorSettings, open_queue\n"
        "from cloud_tasks.worker import Worker\n"
        "def double(task_id, task_data, worker_data):\n"
        "    return False, {'double': 2 * task_data['n']}\n"
        "if __name__ == '__main__':\n"
        f"    settings = ConductorSettings(task_types=('numbers',), api_url={rig.server.url!r})\n"
        "    queue = open_queue(settings, SystemClock())\n"
        "    worker = Worker(double, task_source=queue, args=['--exit-when-empty', '0.3'])\n"
        "    print(asyncio.run(worker.start()).counts.completed)\n"
    )
    tasks = rig.service.start_tasks("numbers", [{"n": number} for number in range(10)])
    ended = await asyncio.to_thread(run, program, tmp_path)
    assert ended.stdout.splitlines()[-1] == "10", ended.stderr
    last = rig.service.task(tasks[9].task_id)
    assert last is not None
    assert (last.status.value, last.output_data) == ("COMPLETED", {"double": 18})


async def test_a_notice_reaches_running_tasks_and_what_they_have_done_is_kept(
    rig: Rig, tmp_path: Path
) -> None:
    rig.service.define_task("behave", response_timeout_seconds=3600)
    started = tmp_path / "started"
    wise = rig.service.start_task("behave", {"how": "await notice", "started": str(started)})
    async with MetadataServer(rig.clock) as machine:
        where = f"127.0.0.1:{machine.port}"
        async with rig.program("behave", "provider=GCP", GCE_METADATA_HOST=where) as program:
            await rig.until(started.exists)
            machine.do(Notice())
            assert await program.end() == 0
    again = await rig.service.poll("behave", "another")
    assert again is not None
    assert (again.task_id, again.retry_count, again.output_data) == (wise.task_id, 0, {"done": 7})
