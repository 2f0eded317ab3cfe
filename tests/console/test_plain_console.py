from __future__ import annotations

import io
import json
import os
import sys
import threading
import time
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from cloud_tasks.console import Console, Level, Output, PlainConsole, Stream, choose_console
from cloud_tasks.console.writer import HIGH_WATER_BYTES, PENDING_BYTES_MAX
from cloud_tasks.core.events import (
    FatalException,
    KeepAlive,
    MaintenanceScheduled,
    NonFatalException,
    RebalanceRecommendation,
    SpotTermination,
    WorkerStarted,
    WorkerStopped,
)
from tests.console.ends import Pipe
from tests.console.factories import (
    completed,
    dead_lettered,
    exited,
    interrupted,
    raised,
    record,
    summary_of,
    timed_out,
)

MakePipe = Callable[[], Pipe]
NOBODY = "nobody read them in time"


@pytest.fixture
def out(pipes: MakePipe) -> Pipe:
    return pipes()


@pytest.fixture
def err(pipes: MakePipe) -> Pipe:
    return pipes()


def choose(
    out: Pipe, err: Pipe, *, json: bool = False, verbose: bool = False, linger_s: float = 60
) -> Console:
    return choose_console(out.stream, err.stream, {}, json=json, verbose=verbose, linger_s=linger_s)


async def test_what_tasks_print_stays_on_its_stream(out: Pipe, err: Pipe) -> None:
    out.read()
    err.read()
    console = choose(out, err)
    console.open(2)
    console.task_started("a")
    assert console.output("a", Stream.STDOUT, b"to stdout\n")
    assert console.output("a", Stream.STDERR, b"to stderr\n")
    console.message(Level.WARNING, "beware")
    console.message(Level.INFO, "by the way")
    console.finish(summary_of(completed("a"), total=2))
    await console.aclose()
    assert out.text() == "to stdout\n"
    told = err.text()
    assert told.startswith("to stderr\nwarning: beware\nby the way\n\nOutcomes\n")
    assert told.endswith("\n1 of 2 tasks completed in 500 ms (2.0/s)\n")


async def test_the_lines_of_tasks_that_run_at_the_same_time_are_kept_whole(out: Pipe, err: Pipe) -> None:
    out.read()
    console = choose(out, err, linger_s=0)
    console.output("a", Stream.STDOUT, b"one ")
    console.output("b", Stream.STDOUT, b"two")
    console.output("a", Stream.STDOUT, b"line\nand")
    await console.emit([record(completed("b")), record(completed("a"))])
    console.output("c", Stream.STDOUT, b"without end")
    console.finish(summary_of())
    await console.aclose()
    assert out.text() == "one line\ntwo\nand\nwithout end\n"


def maintenance(code: str, state: str, not_before: str) -> MaintenanceScheduled:
    return MaintenanceScheduled(
        instance_id="i-1",
        code=code,
        event_id="",
        state=state,
        description="",
        not_before=not_before,
        not_after="",
    )


async def test_failures_are_told_as_they_happen(out: Pipe, err: Pipe) -> None:
    err.read()
    console = choose(out, err)
    console.open(None)
    events = [
        completed("t1"),
        raised("t2"),
        raised("t3", retry=True),
        exited("t4"),
        replace(exited("t4"), signal="", exit_code=3, stderr_tail=""),
        timed_out("t5"),
        replace(timed_out("t5"), reason="no queue holds it for longer"),
        dead_lettered("t6"),
        interrupted("t7"),
        interrupted("t8", retry=True),
        raised("t9", "returned 3\x1b[2J\nmore"),
        NonFatalException(exception="a hiccup\nwith more", stack_trace=""),
        FatalException(exception="the end", stack_trace=""),
        SpotTermination(instance_id="i-1"),
        RebalanceRecommendation(instance_id="i-1", noticed_at="2026-01-01T00:00:00+00:00"),
        maintenance("system-reboot", "active", "2026-01-02"),
        maintenance("MIGRATE_ON_HOST_MAINTENANCE", "", ""),
        KeepAlive(instance_id="i-1"),
        WorkerStarted(worker_id="w", pid=1, version="1", num_simultaneous_tasks=2),
        WorkerStopped(worker_id="w", reason="idle", elapsed_time=1, counts={}),
    ]
    await console.emit([record(event) for event in events])
    await console.aclose()
    assert err.text().splitlines() == [
        "failed: t2: ValueError: bad value",
        "to be retried: t3: ValueError: bad value",
        "failed: t4: its process ended with SIGSEGV: last words",
        "failed: t4: it ended with exit status 3",
        "failed: t5: timed out after 1 min 1 s",
        "failed: t5: timed out after 1 min 1 s: no queue holds it for longer",
        "failed: t6: put aside without being run: it is a list",
        "unfinished: t7: shutdown",
        "handed back: t8: shutdown",
        r"failed: t9: raised: returned 3\x1b[2J",
        "warning: a hiccup",
        "error: the end",
        "warning: the machine i-1 is about to be taken away: no new task is started",
        "warning: the machine i-1 may be taken away soon, the provider says",
        "warning: the provider plans work on the machine i-1: system-reboot (active), not before 2026-01-02",
        "warning: the provider plans work on the machine i-1: MIGRATE_ON_HOST_MAINTENANCE",
    ]


async def test_verbose_tells_each_task_and_the_workers_doings(out: Pipe, err: Pipe) -> None:
    err.read()
    console = choose(out, err, verbose=True)
    console.message(Level.DEBUG, "detail")
    console.task_started("t1")
    events = [
        completed("t1"),
        completed("t2", retry=True),
        KeepAlive(instance_id="i"),
        WorkerStarted(worker_id="w", pid=1, version="1", num_simultaneous_tasks=2),
        WorkerStopped(worker_id="w", reason="idle", elapsed_time=1, counts={}),
        *(raised(f"f{number}") for number in range(100)),
    ]
    await console.emit([record(event) for event in events])
    await console.aclose()
    lines = err.text().splitlines()
    assert lines[:7] == [
        "debug: detail",
        "started: t1",
        "completed: t1 in 1.50 s",
        "to be retried: t2 in 1.50 s",
        "debug: keep-alive",
        "debug: worker w started: up to 2 tasks at a time",
        "debug: worker w stopped: idle",
    ]
    assert len(lines) == 107


async def test_a_hundred_thousand_failures_do_not_flood(out: Pipe, err: Pipe) -> None:
    err.read()
    console = choose(out, err)
    console.open(None)
    started_s = time.monotonic()
    batch = [record(raised("t"))] * 1000
    for _ in range(100):
        await console.emit(batch)
    took_s = time.monotonic() - started_s
    console.finish(summary_of())
    await console.aclose()
    lines = err.text().splitlines()
    shown = [line for line in lines if line.startswith("failed")]
    hidden = [int(line.split()[1].replace(",", "")) for line in lines if line.startswith("...")]
    assert len(shown) <= 21 + took_s
    assert len(shown) + sum(hidden) == 100_000


async def test_progress_is_a_line_now_and_then(out: Pipe, err: Pipe) -> None:
    err.read()
    console = PlainConsole(Output(out.stream), Output(err.stream), interval_s=0.05)
    console.checking(340, 1000, 12_345)
    err.wait_for("checking: 34 %, 12,345 tasks\n")
    console.checking(400, None, 1)
    err.wait_for("checking: 1 task\n")
    console.open(10)
    console.task_started("a")
    console.task_started("b")
    err.wait_for("progress: 0 of 10 tasks done (0 %), 0 failed, 2 running\n")
    await console.emit([record(completed("a")), record(raised("b")), record(completed("c", retry=True))])
    err.wait_for("progress: 2 of 10 tasks done (20 %), 1 failed, 0 running, ")
    err.wait_for(" left\n")
    console.open(None)
    err.wait_for("progress: 2 tasks done, 1 failed, 0 running, ")
    await console.aclose()


async def test_json_is_alone_on_stdout(out: Pipe, err: Pipe) -> None:
    out.read()
    err.read()
    console = choose(out, err, json=True)
    console.open(1)
    console.output("a", Stream.STDOUT, b"printed\n")
    await console.emit([record(raised("b"))])
    summary = summary_of(completed("a"), raised("b"))
    console.finish(summary)
    await console.aclose()
    text = out.text()
    assert text.count("\n") == 1
    assert json.loads(text) == json.loads(summary.to_json())
    told = err.text()
    assert told.startswith("printed\nfailed: b: ValueError: bad value\n")
    assert told.endswith("1 task completed in 500 ms (4.0/s), 1 failed\n")
    assert "Outcomes" not in told


async def test_both_streams_in_one_pipe_keep_their_order(out: Pipe) -> None:
    out.read()
    console = choose_console(out.stream, out.stream, {})
    for number in range(1000):
        console.output("a", Stream.STDOUT, b"o%d\n" % number)
        console.output("a", Stream.STDERR, b"e%d\n" % number)
    await console.aclose()
    assert out.text().splitlines() == [f"{kind}{number}" for number in range(1000) for kind in "oe"]


async def test_a_closed_pipe_harms_nobody(out: Pipe, err: Pipe) -> None:
    out.close_reader()
    err.close_reader()
    console = choose(out, err)
    console.open(1)
    for _ in range(100):
        console.output("a", Stream.STDOUT, b"x" * 100_000 + b"\n")
        console.message(Level.INFO, "hello")
    await console.writable()
    assert console.output("a", Stream.STDOUT, b"x\n")
    console.finish(summary_of())
    await console.aclose()


async def test_f6_a_blocked_pipe_stops_nobody_and_loses_nothing(out: Pipe, err: Pipe) -> None:
    err.read()
    console = choose(out, err)
    console.open(1)
    line = b"x" * 999 + b"\n"
    count = 1
    # Nobody reads: if any of these calls waited, it would wait for ever.
    while console.output("a", Stream.STDOUT, line):
        count += 1
    assert count * len(line) >= HIGH_WATER_BYTES
    out.read()
    await console.writable()
    assert console.output("a", Stream.STDOUT, line)
    console.finish(summary_of())
    await console.aclose()
    assert out.text() == line.decode() * (count + 1)
    assert NOBODY not in out.data.decode()


async def test_a_pager_that_nobody_scrolls_slows_tasks_down_and_does_not_stop_them(
    out: Pipe, err: Pipe
) -> None:
    console = choose(out, err, linger_s=0.1)
    while console.output("a", Stream.STDOUT, b"x" * 9999 + b"\n"):
        pass
    await console.writable()
    assert not console.output("a", Stream.STDOUT, b"y\n")
    await console.aclose()
    assert console.output("a", Stream.STDOUT, b"z\n")
    out.close_reader()


async def test_memory_is_bounded_when_nobody_reads_and_the_loss_is_said(out: Pipe, err: Pipe) -> None:
    err.read()
    console = choose(out, err)
    line = b"x" * 99_999 + b"\n"
    count = 2 * PENDING_BYTES_MAX // len(line)
    for _ in range(count):
        console.output("a", Stream.STDOUT, line)
    out.read()
    await console.aclose()
    *lines, note = out.text().splitlines()
    lost_bytes = int(note.split()[1])
    assert note == f"... {lost_bytes} bytes of output left out: {NOBODY}"
    assert len(lines) * len(line) + lost_bytes == count * len(line)
    # What the pipe holds, and what is on its way into it, is not waiting any more.
    assert len(lines) * len(line) <= PENDING_BYTES_MAX + 2 * 1024**2


async def test_the_end_does_not_wait_for_ever_for_a_reader(out: Pipe, err: Pipe) -> None:
    err.read()
    console = choose(out, err, linger_s=0.2)
    console.output("a", Stream.STDOUT, b"x" * 1_000_000 + b"\n")
    await console.aclose()
    out.close_reader()


async def test_there_is_no_thread_before_the_first_call(out: Pipe, err: Pipe) -> None:
    def ours() -> int:
        return sum(thread.name == "console" for thread in threading.enumerate())

    before = ours()
    console = choose(out, err)
    assert ours() == before
    await console.aclose()
    assert ours() == before


async def test_streams_that_are_no_files_will_do() -> None:
    out, err = io.StringIO(), io.StringIO()
    console = choose_console(out, err, {})
    console.output("a", Stream.STDOUT, "grüße\n".encode())
    console.finish(summary_of())
    await console.aclose()
    assert out.getvalue() == "grüße\n"
    assert err.getvalue().endswith("0 tasks completed in 500 ms (0.0/s)\n")


async def test_no_streams_at_all_will_do() -> None:
    closed = io.StringIO()
    closed.close()
    for stream in (None, closed):
        console = choose_console(stream, stream, {})
        console.message(Level.INFO, "hello")
        console.finish(summary_of())
        await console.aclose()


async def test_a_non_blocking_pipe_gets_everything(out: Pipe, err: Pipe) -> None:
    os.set_blocking(out.stream.fileno(), False)
    console = choose(out, err)
    console.output("a", Stream.STDOUT, b"x" * 500_000 + b"\n")
    out.read()
    await console.aclose()
    assert len(out.text()) == 500_001


def test_rich_is_not_loaded_for_a_pipe() -> None:
    assert "cloud_tasks.console.plain" in sys.modules
    code = "import sys, cloud_tasks.console; sys.exit('rich' in sys.modules)"
    assert os.spawnv(os.P_WAIT, sys.executable, [sys.executable, "-c", code]) == 0  # noqa: S606
