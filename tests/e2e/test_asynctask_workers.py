"""The transcripts of the guide that these workers follow, one by one, and what goes wrong there."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import pytest

from cloud_tasks.cli.app import main
from tests.compose.manager import managing
from tests.e2e.programs import ROOT, wait_until
from tests.e2e.queue_site import QueueSite, Started
from tests.runners.driving import is_alive
from tests.services.postgres import PostgresServer
from tests.services.redis import RedisServer


@pytest.fixture
def site(tmp_path: Path) -> QueueSite:
    """Queues in an SQLite file."""
    return QueueSite(tmp_path)


SOON_S = 2.0
"""Far less than any pause, on a machine that has other things to do; `benchmarks restarts` has the figure."""
FOO = """\
INFO:AsyncTaskWorkerTask:Launching demo_foo_worker to work on queue foo
INFO:FooWorker:Starting; queue=foo
DEBUG:FooWorker:Got payload: {'foo': 1}
FOO processed: {'foo': 1}
DEBUG:FooWorker:Processing complete
INFO:FooWorker:No tasks found in queue
INFO:FooWorker:Terminating
INFO:AsyncTaskWorkerTask:All workers halted; closing down...
INFO:AsyncTaskWorkerTask:Complete
"""


# --- The transcripts


def test_the_help_tells_every_option(site: QueueSite) -> None:
    shown = site.run("--help").stdout
    for option in ("--require", "--set", "--scheduler", "--quiet", "-q", "--halt-when-empty"):
        assert option in shown


@pytest.mark.parametrize(
    "arguments",
    [["--set=asynctask_workers={}"], [], ['--set=asynctask_workers={"foo": null}']],
    ids=["none", "nothing said", "disabled"],
)
def test_without_workers_it_bails(site: QueueSite, arguments: list[str]) -> None:
    config = [site.config] if "null" in "".join(arguments) else []
    done = site.run(*config, *arguments)
    assert done.stdout == "INFO:AsyncTaskWorkerTask:No workers configured; terminating.\n"
    assert (done.returncode, done.stderr) == (0, "")


def test_configured_workers_are_launched(site: QueueSite) -> None:
    site.transport.submit_task("foo", {"foo": 1})
    done = site.run(site.config, "--halt_when_empty")
    assert done.stdout == FOO
    assert (done.returncode, done.stderr) == (0, "")
    assert site.transport.get_task("foo") is None
    assert site.dead_letters("foo") == []


def test_quiet_suppresses_all_logging(site: QueueSite) -> None:
    site.transport.submit_task("foo", {"error": False})
    workers = '--set=asynctask_workers={"foo": "demo_quiet_worker"}'
    done = site.run(site.config, "--halt-when-empty", "--quiet", workers)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert site.transport.get_task("foo") is None


def test_a_worker_may_requeue(site: QueueSite) -> None:
    site.transport.submit_task("foo", {"foo": 1})
    transport = f"--set=asynctask_transport={site.url}"  # not by a variable that workers inherit
    workers = '--set=asynctask_workers={"foo": "requeue_worker"}'
    done = site.run(site.config, "--halt-when-empty", transport, workers, ASYNCTASK_TRANSPORT="")
    assert (
        done.stdout
        == """\
INFO:AsyncTaskWorkerTask:Launching requeue_worker to work on queue foo
INFO:RequeueWorker:Starting; queue=foo
DEBUG:RequeueWorker:Got payload: {'foo': 1}
REQUEUE processed: {'foo': 1}
DEBUG:RequeueWorker:Requeued payload: {'foo': 2}
REQUEUE requeued
DEBUG:RequeueWorker:Processing complete
DEBUG:RequeueWorker:Got payload: {'foo': 2}
REQUEUE processed: {'foo': 2}
DEBUG:RequeueWorker:Processing complete
INFO:RequeueWorker:No tasks found in queue
INFO:RequeueWorker:Terminating
INFO:AsyncTaskWorkerTask:All workers halted; closing down...
INFO:AsyncTaskWorkerTask:Complete
"""
    )
    assert site.transport.get_task("foo") is None


def test_an_exception_does_not_end_the_worker(site: QueueSite) -> None:
    for error in (True, False):
        site.transport.submit_task("foo", {"error": error})
    done = site.run(site.config, "--halt-when-empty", '--set=asynctask_workers={"foo": "demo_error_worker"}')
    begun, ended = done.stdout.split("Traceback (most recent call last):\n")
    assert (
        begun
        == """\
INFO:AsyncTaskWorkerTask:Launching demo_error_worker to work on queue foo
INFO:ErrorWorker:Starting; queue=foo
DEBUG:ErrorWorker:Got payload: {'error': True}
ERROR:ErrorWorker:An unhandled exception occurred while processing the payload
"""
    )
    traceback, line, rest = ended.partition("\nException: Oops!\n")
    assert line
    assert "demo_workers.py" in traceback
    assert (
        rest
        == """\
DEBUG:ErrorWorker:Got payload: {'error': False}
ERROR processed: {'error': False}
DEBUG:ErrorWorker:Processing complete
INFO:ErrorWorker:No tasks found in queue
INFO:ErrorWorker:Terminating
INFO:AsyncTaskWorkerTask:All workers halted; closing down...
INFO:AsyncTaskWorkerTask:Complete
"""
    )
    assert site.transport.get_task("foo") is None
    (letter,) = site.dead_letters("foo")  # kept, and not lost
    assert b'"error":true' in letter.body.replace(b" ", b"")
    assert "Oops!" in letter.history[0].error


def test_a_worker_that_dies_is_restarted(site: QueueSite) -> None:
    for die in (True, False):
        site.transport.submit_task("foo", {"die": die})
    done = site.run(
        site.config, "--halt-when-empty", '--set=asynctask_workers={"foo": "demo_fragile_worker"}'
    )
    assert (
        done.stdout
        == """\
INFO:AsyncTaskWorkerTask:Launching demo_fragile_worker to work on queue foo
INFO:FragileWorker:Starting; queue=foo
DEBUG:FragileWorker:Got payload: {'die': True}
FRAGILE DYING!
ERROR:AsyncTaskWorkerTask:Worker for queue foo died; restarting...
INFO:AsyncTaskWorkerTask:Launching demo_fragile_worker to work on queue foo
INFO:FragileWorker:Starting; queue=foo
DEBUG:FragileWorker:Got payload: {'die': False}
FRAGILE processed: {'die': False}
DEBUG:FragileWorker:Processing complete
INFO:FragileWorker:No tasks found in queue
INFO:FragileWorker:Terminating
INFO:AsyncTaskWorkerTask:All workers halted; closing down...
INFO:AsyncTaskWorkerTask:Complete
"""
    )
    assert site.transport.get_task("foo") is None
    assert len(site.dead_letters("foo")) == 1


def test_the_page_shows_what_is_so(site: QueueSite) -> None:
    page = (ROOT / "docs" / "queue-workers.md").read_text(encoding="utf-8")
    shown = dict(re.findall(r"`([\w.]+)`:\n\n```\w+\n(.*?)```", page, re.DOTALL))
    for name in ("shop_workers.py", "workers.yaml"):
        (site.directory / name).write_text(shown[name])
    site.transport.submit_task("images", {"path": "a.png"})
    session = re.search(r"```console\n\$ cloud_tasks workers ([^\n]*)\n(.*?)```", page, re.DOTALL)
    assert session is not None
    told = site.run(*session[1].split()).stdout.splitlines()
    assert [line for line in session[2].splitlines() if line != "..." and line not in told] == []
    assert told[-2:] == session[2].splitlines()[-2:]


# --- Transports


def test_the_same_on_redis(tmp_path: Path, redis_server: RedisServer) -> None:
    site = QueueSite(tmp_path, f"{redis_server.url}/0?key_prefix=w{os.getpid()}")
    site.transport.submit_task("foo", {"foo": 1})
    assert site.run(site.config, "--halt-when-empty").stdout == FOO
    assert site.transport.get_task("foo") is None


def test_the_same_on_postgresql(tmp_path: Path, postgres_server: PostgresServer) -> None:
    site = QueueSite(tmp_path, postgres_server.dsn("postgres"))
    migrate = [sys.executable, "-m", "cloud_tasks", "migrate", "--driver", "postgres"]
    subprocess.run(  # noqa: S603 - our own program
        [*migrate, "--postgres-dsn", site.url], env=dict(site.environ), check=True, capture_output=True
    )
    queue = f"foo{os.getpid()}"
    site.transport.submit_task(queue, {"foo": 1})
    done = site.run(
        site.config,
        "--halt-when-empty",
        "--set",
        f"asynctask_workers={{foo: null, {queue}: demo_foo_worker}}",
    )
    assert done.stdout == FOO.replace("queue foo", f"queue {queue}").replace("queue=foo", f"queue={queue}")
    assert site.transport.get_task(queue) is None


# --- Wrong there: an exit with status 0 counts as drained; a crash loses the payload


APP = ("--require", "tests.e2e.queue_app")


def test_a_payload_that_its_worker_died_of_is_tried_again_and_then_put_aside(site: QueueSite) -> None:
    site.transport.submit_task("foo", {"id": 1, "do": "exit"})
    site.transport.submit_task("foo", {"id": 2})
    done = site.run(*APP, "--halt-when-empty", "--set", "asynctask_workers={foo: clerk}")
    assert done.stdout.count("foo begins 1") == 3
    assert done.stdout.count("Worker for queue foo died; restarting...") == 3
    assert done.stdout.count("foo did 2") == 1
    assert done.returncode == 0
    (letter,) = site.dead_letters("foo")
    assert letter.attempts == 3
    assert [note.outcome for note in letter.history] == ["exited"] * 3


def test_a_line_that_is_never_ended_is_shown_at_the_end(site: QueueSite) -> None:
    site.transport.submit_task("foo", {"id": 1, "last_words": "no line at all"})
    done = site.run(*APP, "--quiet", "--halt-when-empty", "--set", "asynctask_workers={foo: clerk}")
    assert done.stdout.splitlines()[-1] == "no line at all"


def test_a_kill_in_the_midst_of_a_payload_loses_nothing_and_costs_no_time(site: QueueSite) -> None:
    site.transport.submit_task("foo", {"id": 0})
    with site.start(*APP, "--set", "asynctask_workers={foo: clerk}") as workers:
        workers.wait_for("Processing complete")
        os.kill(_pid(workers), signal.SIGKILL)
        workers.wait_for("Worker for queue foo died; restarting...")
        workers.wait_for("Starting; queue=foo", 2)
        site.transport.submit_task("foo", {"id": 1, "do": "sleep_once"})
        workers.wait_for("foo begins 1")
        wait_until((site.directory / "slept").exists)
        killed_at = time.monotonic()
        os.kill(_pid(workers), signal.SIGKILL)
        assert workers.wait_for("foo begins 1", 2) - killed_at < SOON_S
        workers.wait_for("foo did 1")
        assert workers.end(signal.SIGTERM) == 0
    assert site.dead_letters("foo") == []


def test_one_that_keeps_dying_is_restarted_after_growing_pauses(site: QueueSite) -> None:
    site.transport.submit_task("foo", {"id": 1, "do": "exit"})
    attempts = "--set=asynctask_workers_max_attempts=6"
    with site.start(*APP, attempts, "--set", "asynctask_workers={foo: clerk}") as workers:
        workers.wait_for("Launching", 6)
        moments = workers.moments("Launching")
        assert workers.end(signal.SIGTERM) == 0
    pauses = [later - earlier for earlier, later in pairwise(moments)]
    for found, expected in zip(pauses, [0.0, 0.1, 0.2, 0.4, 0.8], strict=True):
        assert expected <= found + 0.02
        assert found < expected + SOON_S


def test_a_worker_that_cannot_begin_waits_and_keeps_its_payload(site: QueueSite) -> None:
    site.transport.submit_task("foo", {"id": 1, "do": "close_and_exit"})
    site.transport.submit_task("foo", {"id": 2})
    attempts = "--set=asynctask_workers_max_attempts=1"
    with site.start(*APP, attempts, "--set", "asynctask_workers={foo: late}") as workers:
        workers.wait_for("Worker for queue foo could not begin; restarting...", 2)
        (site.directory / "closed").unlink()
        workers.wait_for("foo did 2")
        assert workers.end(signal.SIGTERM) == 0


def _pid(workers: Started) -> int:
    (*_, last) = re.findall(r"begins \d+ in (\d+)", workers.text)
    return int(last)


# --- Wrong there: a stop without limit


def test_sigterm_lets_a_payload_finish(site: QueueSite) -> None:
    site.transport.submit_task("foo", {"id": 1, "do": "sleep", "for_s": 0.7})
    site.transport.submit_task("foo", {"id": 2})
    with site.start(*APP, "--set", "asynctask_workers={foo: clerk, bar: clerk}") as workers:
        workers.wait_for("Starting; queue=bar")
        workers.wait_for("foo begins 1")
        assert workers.end(signal.SIGTERM) == 0
        assert "foo did 1" in workers.text
        assert "foo begins 2" not in workers.text
        assert "Received SIGTERM: taking no more payloads" in workers.text
        assert workers.text.endswith("closing down...\nINFO:AsyncTaskWorkerTask:Complete\n")
        assert workers.text.count("INFO:Clerk:Terminating") == 2
        assert "No tasks found" not in workers.text
    assert site.transport.get_task("foo") == {"id": 2}


@pytest.mark.parametrize("signals", [1, 2], ids=["grace period over", "second signal"])
def test_whatever_does_not_end_is_killed_and_its_payload_handed_back(site: QueueSite, signals: int) -> None:
    site.transport.submit_task("foo", {"id": 1, "do": "stubborn"})
    grace = "--set=asynctask_workers_grace_period=" + ("3s" if signals == 1 else "10m")
    with site.start(*APP, grace, "--set", "asynctask_workers={foo: clerk}") as workers:
        workers.wait_for("stubborn now")
        pid = _pid(workers)
        began = time.monotonic()
        status = workers.end(*[signal.SIGTERM] * signals)
        assert time.monotonic() - began < 8.0
    assert status == 0
    assert not is_alive(pid)
    assert site.transport.get_task("foo") == {"id": 1, "do": "stubborn"}
    assert site.dead_letters("foo") == []


def test_a_killed_supervisor_takes_its_workers_along_and_the_payload_comes_again(site: QueueSite) -> None:
    site.transport.submit_task("foo", {"id": 1, "do": "stubborn"})
    lease = "--set=asynctask_workers_lease=1s"
    with site.start(*APP, lease, "--set", "asynctask_workers={foo: clerk}") as workers:
        workers.wait_for("stubborn now")
        pid = _pid(workers)
        workers.process.kill()
        wait_until(lambda: not is_alive(pid))
    wait_until(lambda: site.transport.poll_queue("foo"))
    assert site.transport.get_task("foo") == {"id": 1, "do": "stubborn"}


# --- Deadlines, limits, numbers


def test_a_payload_that_needs_too_much_memory_or_time_is_put_aside(site: QueueSite) -> None:
    site.transport.submit_task("foo", {"id": 1, "do": "grow"})
    site.transport.submit_task("foo", {"id": 2, "do": "sleep", "for_s": 60})
    site.transport.submit_task("foo", {"id": 3})
    limits = ("--set=asynctask_workers_max_memory=2", "--set=asynctask_workers_max_runtime=1s")
    done = site.run(*APP, *limits, "--halt-when-empty", "--set", "asynctask_workers={foo: clerk}")
    assert "\nMemoryError\n" in done.stdout
    assert "Worker for queue foo met its memory limit; restarting..." in done.stdout
    assert "ERROR:AsyncTaskWorkerTask:Worker for queue foo was stopped; restarting..." in done.stdout
    assert "Queue foo: a payload took too long" in done.stdout
    assert "foo did 3" in done.stdout
    assert len(site.dead_letters("foo")) == 2


def test_a_rate_limit_holds_and_empty_polls_spend_nothing(site: QueueSite) -> None:
    queues = {"foo": "{worker: clerk, rate_max_calls: 2, rate_period: 0.5}", "bar": "slow"}
    assignments = ", ".join(f"{queue}: {worker}" for queue, worker in queues.items())
    with site.start(*APP, "--set", f"asynctask_workers={{{assignments}}}") as workers:
        workers.wait_for("Starting; queue=", 2)
        time.sleep(0.6)  # polls of empty queues
        for number in range(5):
            for queue in queues:
                site.transport.submit_task(queue, {"id": number})
        moments = {queue: [workers.wait_for(f"{queue} begins {n} ") for n in range(5)] for queue in queues}
        assert workers.end(signal.SIGTERM) == 0
    for begun in moments.values():
        assert begun[4] - begun[0] >= 0.95
        assert all(later - earlier >= 0.45 for earlier, later in zip(begun, begun[2:], strict=False))


def test_many_workers_at_a_time_and_many_payloads_of_each(site: QueueSite) -> None:
    queues = [f"q{number}" for number in range(10)]
    for number in range(15):  # wrong there: the file's index breaks after ten
        for queue in queues:
            site.transport.submit_task(queue, {"id": number})
    workers = "{" + ", ".join(f"{queue}: clerk" for queue in queues) + "}"
    done = site.run(*APP, "--halt-when-empty", "--quiet", "--set", f"asynctask_workers={workers}")
    assert ":AsyncTaskWorkerTask:" not in done.stdout  # what payloads print is no logging
    for queue in queues:
        did = re.findall(rf"^{queue} did (\d+)$", done.stdout, re.MULTILINE)
        assert did == [str(number) for number in range(15)]
    assert done.returncode == 0


# --- Settings


def test_every_mistake_is_told_at_once_with_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "bad.yaml"
    config.write_text(
        "asynctask_transports: x\n"
        "asynctask_workers_poll_interval: soon\n"
        "asynctask_workers: {Foo: x, bar: {rate_period: 1, worker: y}, baz: [1]}\n"
        "asynctask_scheduled_workers: [{worker: clerk, minute: 99}]\n"
    )
    files = [str(config), str(tmp_path / "missing.yaml")]
    assert main(["workers", *files, "--set", "nothing", "--set", "asynctask_workers_max_attempts=0"]) == 2
    written = capsys.readouterr()
    assert written.out == ""
    for told in (
        "unknown setting `asynctask_transports`",
        "did you mean `asynctask_transport`?",
        "`asynctask_workers_poll_interval`: expected a duration in milliseconds above 0",
        "bad.yaml:2:34",
        "`Foo` is no name of a queue",
        "`rate_period` is there without `rate_max_calls`",
        "`asynctask_workers`, `baz`: expected the name of a worker, got a list",
        "bad.yaml:4:",
        "cannot read configuration file",
        "--set: expected PARAM=VALUE",
        "`asynctask_workers_max_attempts`: expected an integer from 1",
    ):
        assert told in written.err


def test_an_unknown_flag_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["workers", "--halt-when-emty"]) == 2
    assert "did you mean `--halt-when-empty`?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["asynctask_workers={foo: demo_fo_worker}"], ["no worker `demo_fo_worker`", "`demo_foo_worker`?"]),
        (
            ['asynctask_scheduled_workers=[{worker: nobody, minute: "*"}]'],
            ["there is no worker `nobody`"],
        ),
        (["asynctask_workers_require=no_such_package"], ["cannot import `no_such_package`"]),
        (["asynctask_transport=nothing:x"], ["address of no transport"]),
    ],
    ids=["worker", "scheduled worker", "package", "transport"],
)
def test_what_cannot_be_is_told_before_anything_is_taken(
    site: QueueSite, arguments: list[str], told: list[str]
) -> None:
    site.transport.submit_task("foo", {"foo": 1})
    done = site.run(site.config, "--set", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr
    for words in told:
        assert words in done.stderr
    assert site.transport.get_task("foo") == {"foo": 1}


# --- The scheduler beside the workers


def test_schedules_fire_once_though_several_processes_fire_them(site: QueueSite) -> None:
    config = site.directory / "schedules.yaml"
    config.write_text(
        "asynctask_scheduled_workers:\n"
        '  - {name: tick, worker: clerk, second: "*", payload: {id: 7}}\n'
        '  - {name: tock, ctl: "echo tock", second: "*"}\n'
    )
    arguments = (*APP, str(config), "--scheduler")
    with site.start(*arguments) as one, site.start(*arguments) as other:
        both = (one, other)
        wait_until(lambda: all(workers.moments("Starting; queue=scheduled_tick") for workers in both))
        began = time.monotonic()
        wait_until(lambda: sum(len(workers.moments("did 7")) for workers in both) >= 3)
        seconds = time.monotonic() - began
        assert [workers.end(signal.SIGTERM) for workers in both] == [0, 0]
        for did in ("scheduled_tick did 7", "INFO:CommandWorker:echo: tock"):
            assert 2 <= sum(len(workers.moments(did)) for workers in both) <= seconds + 3


# --- A service manager


def test_a_service_manager_is_told_of_all_workers_together(site: QueueSite) -> None:
    site.transport.submit_task("foo", {"id": 1, "do": "sleep", "for_s": 0.5})
    with tempfile.TemporaryDirectory() as directory, managing(Path(directory) / "notify") as manager:
        workers = "asynctask_workers={foo: clerk, bar: clerk, baz: clerk}"
        environ = manager.env(watchdog_s=0.4)
        with site.start(*APP, "--set", workers, **environ) as started:
            manager.wait_for(lambda states: "STATUS=0 running, 1 done" in states)
            assert started.end(signal.SIGTERM) == 0
        states = [state for state in manager.states() if not state.startswith("STATUS=")]
    told = [state for state in states if state != "WATCHDOG=1"]
    assert told == ["READY=1", "STOPPING=1", "EXTEND_TIMEOUT_USEC=45000000", "STOPPING=1"]
    assert states.count("WATCHDOG=1") >= 1


def test_a_notice_of_the_machines_end_drains_all_workers(site: QueueSite) -> None:
    script = site.directory / "notice.yaml"
    script.write_text("about: A notice.\ntimeline:\n  - {at_s: 2, do: notice, ahead_s: 60}\n")
    metadata = [sys.executable, "-m", "fakes.metadata", "--cloud", "aws", "--script", str(script)]
    site.transport.submit_task("foo", {"id": 1, "do": "sleep", "for_s": 1.5})
    with subprocess.Popen(metadata, cwd=ROOT, stdout=subprocess.PIPE, text=True) as service:  # noqa: S603 - our own program
        assert service.stdout is not None
        found = re.search(r"http://\S+", service.stdout.readline())
        assert found is not None
        done = site.run(
            *(*APP, "--set", "asynctask_workers={foo: clerk, bar: clerk}"),
            *("--set", "asynctask_workers_provider=aws"),
            AWS_EC2_METADATA_SERVICE_ENDPOINT=found[0],
        )
        service.kill()
    assert done.stdout.count("The machine is to be taken away in ") == 1
    assert done.stdout.endswith("closing down...\nINFO:AsyncTaskWorkerTask:Complete\n")
    assert done.returncode == 0
    assert site.dead_letters("foo") == []
