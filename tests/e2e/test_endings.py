"""How a worker ends: signals, notices, limits, and what is left behind."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest

from tests.e2e.programs import Programs, is_alive, wait_until

SLOW = """
    import os, sys, time
    from pathlib import Path
    from cloud_tasks.worker import Worker

    def process_task(task_id, task_data, worker_data):
        Path(f"started-{task_id}").touch()
        began = time.monotonic()
        while time.monotonic() - began < float(task_data.get("seconds", 60)):
            if worker_data.received_shutdown_request:
                Path("asked").touch()
                if task_data.get("polite"):
                    return False, "stopped early"
            if worker_data.received_termination_notice and task_data.get("polite"):
                return False, "noticed"
            time.sleep(0.005)
        return False, "slept"

    if __name__ == "__main__":
        sys.exit(Worker(process_task, args=sys.argv[1:]).run())
"""


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_lets_tasks_finish_within_the_grace_period(
    programs: Programs, number: signal.Signals, status: int
) -> None:
    programs.tasks(5, polite=True)
    running = programs.start(SLOW, "--task-file", "tasks.json", "--num-simultaneous-tasks", "2")
    running.wait_for_file("started-t1")
    running.wait_for_file("started-t0")
    running.send(number)
    ended = running.finish()
    assert ended.status == status, ended
    assert [event["result"] for event in ended.of_type("task_completed")] == ["stopped early"] * 2
    assert ended.events[-1]["reason"] == "shutdown"
    assert not (ended.directory / "started-t2").exists(), "no task is started after the request"


@pytest.mark.parametrize("frozen_s", [0.0, 1.2])
def test_f11_what_the_grace_period_cuts_short_is_told(programs: Programs, frozen_s: float) -> None:
    programs.tasks(3)
    running = programs.start(SLOW, "--task-file", "tasks.json", "--shutdown-grace-period", "1")
    running.wait_for_file("started-t0")
    running.send(signal.SIGTERM)
    running.wait_for_file("asked")
    if frozen_s:  # for all of the grace period
        running.send(signal.SIGSTOP)
        time.sleep(frozen_s)
        running.send(signal.SIGCONT)
    ended = running.finish()
    assert ended.status == 143, ended
    assert [(e["task_id"], e["reason"], e["retry"]) for e in ended.of_type("task_interrupted")] == [
        ("t0", "shutdown", False)
    ]


def test_a_second_signal_kills_at_once(programs: Programs) -> None:
    programs.tasks(1)
    running = programs.start(SLOW, "--task-file", "tasks.json", "--shutdown-grace-period", "10m")
    running.wait_for_file("started-t0")
    running.send(signal.SIGINT)
    running.wait_for_file("asked")
    running.send(signal.SIGINT)
    ended = running.finish()
    assert ended.status == 130, ended
    assert len(ended.of_type("task_interrupted")) == 1


def test_a_simulated_spot_termination_warns_and_then_takes_the_tasks_away(programs: Programs) -> None:
    tasks = [
        {"task_id": "polite", "data": {"polite": True}},
        {"task_id": "deaf", "data": {}},
        {"task_id": "never", "data": {}},
    ]
    (programs.directory / "tasks.json").write_text(json.dumps(tasks))
    ended = programs.run(
        SLOW, "--task-file", "tasks.json", "--num-simultaneous-tasks", "2",
        "--simulate-spot-termination-after", "1.5", "--simulate-spot-termination-delay", "2",
    )  # fmt: skip
    assert [event["instance_id"] for event in ended.of_type("spot_termination")] == [os.uname().nodename]
    assert [(e["task_id"], e["result"]) for e in ended.of_type("task_completed")] == [("polite", "noticed")]
    assert [(e["task_id"], e["reason"]) for e in ended.of_type("task_interrupted")] == [
        ("deaf", "spot_termination")
    ]
    assert ended.status == 1, "work of a local source is left undone"


def test_flags_are_seen_within_50_ms(programs: Programs) -> None:
    programs.tasks(1)
    running = programs.start(
        """
        import sys, time
        from pathlib import Path
        from cloud_tasks.worker import Worker

        def process_task(task_id, task_data, worker_data):
            Path("started").touch()
            while not worker_data.received_shutdown_request:
                pass
            return False, time.monotonic()

        if __name__ == "__main__":
            sys.exit(Worker(process_task, args=sys.argv[1:]).run())
        """,
        "--task-file",
        "tasks.json",
        "--verbose",
    )
    running.wait_for_file("started")
    import time

    sent_at = time.monotonic()
    running.send(signal.SIGTERM)
    ended = running.finish()
    seen_at = ended.of_type("task_completed")[0]["result"]
    # The signal itself has to reach the worker first; on a busy machine that takes longest.
    assert 0 <= seen_at - sent_at < 1.0, ended


FAMILY = """
    import os, subprocess, sys, time
    from pathlib import Path
    from cloud_tasks.worker import Worker

    def process_task(task_id, task_data, worker_data):
        deaf = "import signal, time; signal.signal(15, 1); time.sleep(600)"
        child = subprocess.Popen([sys.executable, "-c", deaf])
        other = subprocess.Popen(["sleep", "600"], start_new_session=True)
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                time.sleep(600)
            os._exit(0)
        Path(f"pids-{task_id}").write_text(f"{os.getpid()} {child.pid} {other.pid}")
        Path(f"started-{task_id}").touch()
        time.sleep(600)

    if __name__ == "__main__":
        sys.exit(Worker(process_task, args=sys.argv[1:]).run())
"""


def test_f18_nothing_survives_sigkill_of_the_worker(programs: Programs) -> None:
    programs.tasks(2)
    running = programs.start(FAMILY, "--task-file", "tasks.json", "--num-simultaneous-tasks", "2")
    for task in ("t0", "t1"):
        running.wait_for_file(f"started-{task}")
    family = _descendants(running.process.pid)
    assert len(family) >= 8
    running.send(signal.SIGKILL)
    running.process.wait()
    wait_until(lambda: not any(is_alive(pid) for pid in family), limit_s=10.0)


def test_s15_nothing_survives_a_task_and_the_next_one_still_runs(programs: Programs) -> None:
    programs.tasks(1)
    running = programs.start(FAMILY, "--task-file", "tasks.json", "--max-runtime", "2")
    running.wait_for_file("started-t0")
    family = _descendants(running.process.pid)
    ended = running.finish()
    assert len(ended.of_type("task_timed_out")) == 1, ended
    assert not any(is_alive(pid) for pid in family)


def test_f32_failures_are_in_the_summary_of_start_and_in_the_status_of_run(programs: Programs) -> None:
    programs.tasks(1)
    source = """
        import asyncio, sys
        from cloud_tasks.worker import Worker

        def process_task(task_id, task_data, worker_data):
            raise ValueError("no")

        if __name__ == "__main__":
            worker = Worker(process_task, args=["--task-file", "tasks.json"])
            if sys.argv[1:] == ["run"]:
                sys.exit(worker.run())
            print(asyncio.run(worker.start()).failed)
    """
    assert programs.run(source, "run").status == 1
    ended = programs.run(source)
    assert (ended.status, ended.stdout.split()[-1]) == (0, "1")


def _descendants(pid: int) -> list[int]:
    """Every process below `pid`, through /proc."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            parents.setdefault(int(fields[1]), []).append(int(entry.name))
    found, waiting = [], [pid]
    while waiting:
        children = parents.get(waiting.pop(), [])
        found += children
        waiting += children
    return found


def test_f06_a_source_that_blocks_holds_up_no_deadline(programs: Programs) -> None:
    ended = programs.run(
        """
        import sys, time
        from cloud_tasks.worker import Worker

        def tasks():
            yield {"task_id": "long", "data": {}}
            time.sleep(6)
            yield {"task_id": "late", "data": {"short": True}}

        def process_task(task_id, task_data, worker_data):
            time.sleep(0 if task_data.get("short") else 60)
            return False, None

        if __name__ == "__main__":
            sys.exit(Worker(process_task, task_source=tasks, args=sys.argv[1:]).run())
        """,
        "--max-runtime", "1", "--num-simultaneous-tasks", "2",
    )  # fmt: skip
    assert ended.of_type("task_timed_out")[0]["elapsed_time"] < 4, ended
    assert len(ended.of_type("task_completed")) == 1


def test_a_blocked_source_does_not_keep_the_worker_from_ending(programs: Programs) -> None:
    running = programs.start(
        """
        import sys, time
        from pathlib import Path
        from cloud_tasks.worker import Worker

        def tasks():
            Path("asked").touch()
            time.sleep(600)
            yield {"task_id": "never", "data": {}}

        def process_task(task_id, task_data, worker_data):
            return False, None

        if __name__ == "__main__":
            sys.exit(Worker(process_task, task_source=tasks, args=sys.argv[1:]).run())
        """
    )
    running.wait_for_file("asked")
    running.send(signal.SIGINT)
    ended = running.finish()
    assert ended.status == 130, ended


def test_an_error_in_a_callback_ends_the_worker_instead_of_wedging_it(programs: Programs) -> None:
    programs.tasks(1)
    ended = programs.run(
        """
        import asyncio, sys
        from cloud_tasks.queues.local import LocalQueue
        from cloud_tasks.core.task import Task
        from cloud_tasks.worker import Worker

        class Treacherous(LocalQueue):
            async def receive(self, tasks_max, wait_s):
                asyncio.get_running_loop().call_soon(lambda: 1 / 0)
                await asyncio.sleep(600)

        def process_task(task_id, task_data, worker_data):
            return False, None

        if __name__ == "__main__":
            queue = Treacherous([Task("a", {})])
            sys.exit(Worker(process_task, task_source=queue, args=sys.argv[1:]).run())
        """
    )
    assert ended.status == 1, ended
    assert "ZeroDivisionError" in ended.of_type("fatal_exception")[0]["stack_trace"]


@pytest.mark.parametrize("number", ["SIGTERM", "SIGINT"])
@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_a_handler_on_the_programs_loop_hears_signals_after_the_worker(
    programs: Programs, number: str, when: str
) -> None:
    ended = programs.run(
        f"""
        import asyncio, os, signal, sys
        from cloud_tasks.worker import Worker

        def process_task(task_id, task_data, worker_data):
            return False, 1

        async def main():
            stop = asyncio.Event()

            def listen():
                asyncio.get_running_loop().add_signal_handler(signal.{number}, stop.set)

            def tasks():
                yield {{"task_id": "t", "data": {{}}}}
                if "{when}" == "meanwhile":
                    loop.call_soon_threadsafe(listen)

            loop = asyncio.get_running_loop()
            if "{when}" == "before":
                listen()
            await Worker(process_task, task_source=tasks, args=sys.argv[1:]).start()
            os.kill(os.getpid(), signal.{number})
            await asyncio.wait_for(stop.wait(), 5)
            print("heard")

        if __name__ == "__main__":
            asyncio.run(main())
        """
    )
    assert ended.status == 0, ended
    assert ended.stdout.endswith("heard\n")


STUBBORN = """
    import asyncio, sys, time
    from pathlib import Path
    from cloud_tasks.worker import Worker

    async def uncancelled(task_id, task_data, worker_data):
        Path("started").touch()
        while True:
            try:
                await asyncio.sleep(1)
            except:
                pass

    async def in_thread(task_id, task_data, worker_data):
        Path("started").touch()
        await asyncio.to_thread(time.sleep, 600)

    async def main(worker):
        print("start:", (await worker.start()).exit_status, flush=True)

    if __name__ == "__main__":
        worker = Worker(globals()[sys.argv[2]], args=sys.argv[3:])
        if sys.argv[1] == "start":
            asyncio.run(main(worker))
        status = worker.run()
        print("after the worker")
        sys.exit(status)
"""


@pytest.mark.parametrize("function", ["uncancelled", "in_thread"])
def test_a_function_that_cannot_be_ended_does_not_keep_the_program(programs: Programs, function: str) -> None:
    programs.tasks(1)
    ended = programs.run(
        STUBBORN, "run", function, "--task-file", "tasks.json", "--runner", "inline",
        "--max-runtime", "1", "--shutdown-grace-period", "1",
    )  # fmt: skip
    assert ended.status == 1, ended
    assert len(ended.of_type("task_timed_out")) == 1
    if function == "uncancelled":
        assert ended.stdout.endswith("after the worker\n")
        assert "ignored" not in ended.stderr
        assert "destroyed" not in ended.stderr
    else:
        assert "1 threads that functions have started do not return" in ended.stderr


def test_a_second_signal_ends_a_worker_whose_function_cannot_be_ended(programs: Programs) -> None:
    programs.tasks(1)
    running = programs.start(
        STUBBORN, "run", "uncancelled", "--task-file", "tasks.json", "--runner", "inline",
        "--shutdown-grace-period", "1h",
    )  # fmt: skip
    running.wait_for_file("started")
    running.send(signal.SIGTERM)
    time.sleep(0.3)
    running.send(signal.SIGTERM)
    ended = running.finish()
    assert ended.status == 143, ended
    assert len(ended.of_type("task_interrupted")) == 1


def test_start_tells_what_will_keep_the_program(programs: Programs) -> None:
    programs.tasks(1)
    running = programs.start(
        STUBBORN, "start", "uncancelled", "--task-file", "tasks.json", "--runner", "inline",
        "--max-runtime", "1", "--shutdown-grace-period", "1",
    )  # fmt: skip
    assert running.process.stdout is not None
    assert any(line == "start: 1\n" for line in running.process.stdout)
    running.send(signal.SIGKILL)
    told = running.finish().stderr
    assert "1 functions were cancelled and go on (t0); `asyncio.run` waits for them" in told


@pytest.mark.parametrize("runner", ["process", "pool", "inline"])
def test_a_start_that_is_cancelled_tells_what_it_has_cut_short(programs: Programs, runner: str) -> None:
    programs.tasks(3)
    ended = programs.run(
        """
        import asyncio, sys, time
        from pathlib import Path
        from cloud_tasks.worker import Worker

        async def process_task(task_id, task_data, worker_data):
            Path("started").touch()
            await asyncio.sleep(600)
            return False, None

        async def main(worker):
            work = asyncio.ensure_future(worker.start())
            while not Path("started").exists():
                await asyncio.sleep(0.01)
            began = time.monotonic()
            try:
                await asyncio.wait_for(work, 0.1)
            except TimeoutError:
                print("given up after", time.monotonic() - began)

        if __name__ == "__main__":
            asyncio.run(main(Worker(process_task, args=sys.argv[1:])))
        """,
        "--task-file", "tasks.json", "--runner", runner, "--num-simultaneous-tasks", "2",
    )  # fmt: skip
    assert ended.status == 0, ended
    assert float(ended.stdout.split("given up after")[1]) < 5
    told = {(event["task_id"], event["reason"]) for event in ended.of_type("task_interrupted")}
    assert told == {("t0", "shutdown"), ("t1", "shutdown")}, ended
    assert [event["counts"]["interrupted"] for event in ended.of_type("worker_stopped")] == [2]
    assert "the worker was cancelled: killing what still runs" in ended.stderr


def test_a_task_that_stops_its_watcher_at_once_has_no_more_time_than_others(programs: Programs) -> None:
    programs.tasks(1)
    ended = programs.run(
        """
        import os, signal, sys, time
        from cloud_tasks.worker import Worker

        def process_task(task_id, task_data, worker_data):
            os.kill(os.getppid(), signal.SIGSTOP)
            time.sleep(600)
            return False, None

        if __name__ == "__main__":
            sys.exit(Worker(process_task, args=sys.argv[1:]).run())
        """,
        "--task-file", "tasks.json", "--max-runtime", "2",
    )  # fmt: skip
    assert ended.of_type("task_timed_out")[0]["elapsed_time"] < 30, ended
