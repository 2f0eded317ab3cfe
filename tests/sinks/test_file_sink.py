from __future__ import annotations

import asyncio
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cloud_tasks.core.events import EventRecord, KeepAlive
from cloud_tasks.errors import ConfigurationError, SinkUnavailableError
from cloud_tasks.interfaces import EventSink
from cloud_tasks.sinks.append_file import AppendFile
from cloud_tasks.sinks.file import AT_ONCE_MAX, FileSink
from cloud_tasks.sinks.local_disk import is_local_disk

MakeRecord = Callable[..., EventRecord]
DEV_FULL = Path("/dev/full")


def task_ids(path: Path) -> list[str]:
    return [json.loads(line)["task_id"] for line in path.read_bytes().splitlines()]


def run_program(source: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-c", textwrap.dedent(source), *arguments]
    return subprocess.run(program, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603


async def test_a_batch_is_in_the_file_when_emit_returns(tmp_path: Path, make_record: MakeRecord) -> None:
    path = tmp_path / "events.log"
    sink: EventSink = FileSink(path)
    await sink.emit([make_record(1), make_record(2)])
    assert task_ids(path) == ["task-1", "task-2"]
    await sink.emit([make_record(3)])
    assert task_ids(path) == ["task-1", "task-2", "task-3"]
    await sink.aclose()


async def test_lines_are_the_encoded_records(tmp_path: Path, make_record: MakeRecord) -> None:
    path = tmp_path / "events.log"
    sink = FileSink(path, fsync=True)
    await sink.emit([make_record(1, "two\nlines")])
    await sink.aclose()
    assert path.read_bytes() == make_record(1, "two\nlines").encode() + b"\n"


async def test_an_existing_file_is_appended_to(tmp_path: Path, make_record: MakeRecord) -> None:
    path = tmp_path / "events.log"
    for number in (1, 2):
        sink = FileSink(path)
        await sink.emit([make_record(number)])
        await sink.aclose()
    assert task_ids(path) == ["task-1", "task-2"]


async def test_events_for_displays_are_left_out(tmp_path: Path, make_record: MakeRecord) -> None:
    path = tmp_path / "events.log"
    sink = FileSink(path)
    keep_alive = EventRecord(timestamp="", hostname="", event=KeepAlive(instance_id="i"))
    await sink.emit([keep_alive])
    await sink.emit([keep_alive, make_record(1)])
    await sink.aclose()
    assert task_ids(path) == ["task-1"]


async def test_emit_after_close_is_refused(tmp_path: Path, make_record: MakeRecord) -> None:
    sink = FileSink(tmp_path / "events.log")
    await sink.aclose()
    await sink.aclose()
    with pytest.raises(SinkUnavailableError, match="closed"):
        await sink.emit([make_record(1)])


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "event-log"]


async def test_small_batches_for_a_local_disk_need_no_thread(tmp_path: Path, make_record: MakeRecord) -> None:
    path = tmp_path / "events.log"
    if not AppendFile(str(path)).is_local:
        pytest.skip("nothing is known of this file system")
    sink = FileSink(path)
    for number in range(100):
        await sink.emit([make_record(number)])
    assert not threads()
    await sink.aclose()
    assert task_ids(path) == [f"task-{number}" for number in range(100)]


@pytest.mark.parametrize(
    ("options", "batch"),
    [({"fsync": True}, 1), ({}, AT_ONCE_MAX + 1), ({"slow_s": 0.0}, 1)],
    ids=["fsync", "large", "after a slow write"],
)
async def test_f6_all_else_is_written_by_a_thread_that_ends_with_the_close(
    tmp_path: Path, make_record: MakeRecord, options: dict[str, Any], batch: int
) -> None:
    path = tmp_path / "events.log"
    sink = FileSink(path, **options)
    assert not threads()
    for _ in range(2):
        await sink.emit([make_record(number) for number in range(batch)])
    (thread,) = threads()
    assert thread.daemon
    await sink.aclose()
    thread.join(timeout=30)
    assert not thread.is_alive()
    assert task_ids(path) == 2 * [f"task-{number}" for number in range(batch)]


async def test_f6_the_loop_goes_on_while_another_writer_has_the_lock(
    tmp_path: Path, make_record: MakeRecord
) -> None:
    path = tmp_path / "events.log"
    sink = FileSink(path)
    with path.open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        emitting = asyncio.ensure_future(sink.emit([make_record(1)]))
        await asyncio.sleep(0)
        assert not emitting.done()
        fcntl.flock(other, fcntl.LOCK_UN)
    await emitting
    await sink.aclose()
    assert task_ids(path) == ["task-1"]


def test_the_file_systems_of_the_kernel_are_no_local_disks() -> None:
    assert not is_local_disk(Path("/proc").stat().st_dev)


class TestWhatCannotBeOpened:
    def test_a_directory(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigurationError, match="Is a directory"):
            FileSink(tmp_path)

    def test_a_missing_directory_is_named_in_the_help(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigurationError, match="No such file") as caught:
            FileSink(tmp_path / "missing" / "events.log")
        assert f"create the directory `{tmp_path}/missing`" in caught.value.problems[0].helps

    def test_a_name_with_a_nul(self) -> None:
        with pytest.raises(ConfigurationError, match="embedded null"):
            FileSink("a\0b")

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
    def test_a_read_only_directory(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o500)
        with pytest.raises(ConfigurationError, match="Permission denied"):
            FileSink(tmp_path / "events.log")

    def test_a_read_only_file_system(self) -> None:
        if not Path("/proc/version").exists():
            pytest.skip("needs /proc")
        with pytest.raises(ConfigurationError, match="cannot write the event log"):
            FileSink("/proc/version/events.log")

    def test_a_fifo_that_nobody_reads(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "fifo")
        with pytest.raises(ConfigurationError, match="No such device"):
            FileSink(tmp_path / "fifo")


async def test_f6_a_reader_that_takes_nothing_does_not_hold_up_the_loop(
    tmp_path: Path, make_record: MakeRecord
) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    sink = FileSink(fifo)
    emitting = asyncio.ensure_future(sink.emit([make_record(1, "x" * 1_000_000)]))
    for _ in range(100):
        await asyncio.sleep(0.001)
    assert not emitting.done()
    os.set_blocking(reader, True)
    with os.fdopen(reader, "rb") as stream:
        line = await asyncio.to_thread(stream.readline)
    await emitting
    assert json.loads(line)["task_id"] == "task-1"
    await sink.aclose()


@pytest.mark.skipif(not DEV_FULL.exists(), reason="needs /dev/full")
async def test_f3_a_full_disk_is_an_error_every_time(make_record: MakeRecord) -> None:
    sink = FileSink(DEV_FULL)
    for _ in range(3):
        with pytest.raises(SinkUnavailableError, match="No space left on device"):
            await sink.emit([make_record(1)])
    await sink.aclose()


FILE_SIZE_LIMIT = """
    import asyncio, resource, signal, sys
    from cloud_tasks.core.events import EventRecord, SpotTermination
    from cloud_tasks.errors import SinkUnavailableError
    from cloud_tasks.sinks.file import FileSink

    def record(number):
        event = SpotTermination(instance_id=f"{number} " + "x" * 50)
        return EventRecord(timestamp="", hostname="", event=event)

    async def main():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        sink = FileSink(sys.argv[1])
        await sink.emit([record(0)])
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (300, hard))
        batch = [record(number) for number in range(1, 6)]
        for _ in range(2):
            try:
                await sink.emit(batch)
            except SinkUnavailableError as error:
                print(error)
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        await sink.emit(batch)
        await sink.aclose()

    asyncio.run(main())
"""


def test_f3_what_failed_half_way_is_written_whole_and_once_at_the_retry(tmp_path: Path) -> None:
    path = tmp_path / "events.log"
    done = run_program(FILE_SIZE_LIMIT, str(path))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("File too large") == 2
    numbers = [int(json.loads(line)["instance_id"].split()[0]) for line in path.read_bytes().splitlines()]
    assert numbers == [0, 1, 2, 3, 4, 5]


FULL_FILE_SYSTEM = """
    import asyncio, json, os, sys
    from cloud_tasks.core.events import EventRecord, SpotTermination
    from cloud_tasks.errors import ConfigurationError, SinkUnavailableError
    from cloud_tasks.sinks.file import FileSink

    def batch(number):
        events = [SpotTermination(instance_id=f"{number} {which} " + "x" * 1000) for which in range(3)]
        return [EventRecord(timestamp="", hostname="", event=event) for event in events]

    async def main():
        sink, number, failures = FileSink("events.log"), 0, 0
        while failures < 3:
            try:
                await sink.emit(batch(number))
                number += 1
            except SinkUnavailableError as error:
                print(error)
                failures += 1
        try:
            FileSink("another.log")
        except ConfigurationError as error:
            print(error)
        os.unlink("ballast")
        await sink.emit(batch(number))
        await sink.aclose()
        with open("events.log") as file:
            seen = [json.loads(line)["instance_id"].split()[:2] for line in file]
        assert seen == [[str(n), str(which)] for n in range(number + 1) for which in range(3)], seen

    os.chdir(sys.argv[1])
    asyncio.run(main())
"""


def test_f3_on_a_file_system_that_is_really_full(tmp_path: Path) -> None:
    unshare = shutil.which("unshare")
    mount = f"mount -t tmpfs -o size=128k none {tmp_path} && head -c 60000 /dev/zero > {tmp_path}/ballast"
    if unshare is None:
        pytest.skip("needs unshare")
    isolated = [unshare, "--map-root-user", "--mount", "sh", "-c"]
    if subprocess.run([*isolated, mount], capture_output=True, timeout=60, check=False).returncode:  # noqa: S603
        pytest.skip("may not mount anything")
    command = [*isolated, f'{mount} && exec "$@"', "sh", sys.executable, "-c"]
    done = subprocess.run(  # noqa: S603
        [*command, textwrap.dedent(FULL_FILE_SYSTEM), str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("cannot write to the event log `events.log`: No space left on device") == 3
    assert done.stdout.count("cannot write the event log `another.log`: No space left on device") == 1


async def test_a_line_that_was_torn_by_a_kill_is_closed_off(tmp_path: Path, make_record: MakeRecord) -> None:
    path = tmp_path / "events.log"
    sink = FileSink(path)
    await sink.emit([make_record(1)])
    with path.open("ab") as other:
        other.write(make_record(2).encode()[:30])
    await sink.emit([make_record(3)])
    await sink.aclose()
    first, torn, third = path.read_bytes().splitlines()
    assert json.loads(first)["task_id"] == "task-1"
    assert torn == make_record(2).encode()[:30]
    assert json.loads(third)["task_id"] == "task-3"


@pytest.mark.timeout(60)
async def test_a_writer_that_was_stopped_with_the_lock_stops_nobody(
    tmp_path: Path, make_record: MakeRecord
) -> None:
    path = tmp_path / "events.log"
    sink = FileSink(path)
    with path.open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        for number in range(200):
            await sink.emit([make_record(number)])
    await sink.emit([make_record(200)])
    await sink.aclose()
    assert task_ids(path) == [f"task-{number}" for number in range(201)]


async def test_a_file_that_may_be_written_but_not_read_will_do(
    tmp_path: Path, make_record: MakeRecord
) -> None:
    path = tmp_path / "events.log"
    path.touch(mode=0o200)
    sink = FileSink(path)
    await sink.emit([make_record(1)])
    await sink.aclose()
    path.chmod(0o600)
    assert task_ids(path) == ["task-1"]


TWO_WRITERS = """
    import asyncio, sys
    from cloud_tasks.core.events import EventRecord, SpotTermination
    from cloud_tasks.sinks.file import FileSink

    async def main(name):
        sink = FileSink(sys.argv[1])
        for number in range(200):
            size = 20_000 if number % 10 == 0 else 20
            event = SpotTermination(instance_id=f"{name} {number} " + "x" * size)
            await sink.emit([EventRecord(timestamp="", hostname="", event=event)] * 2)
        await sink.aclose()

    async def both():
        await asyncio.gather(main(sys.argv[2] + "a"), main(sys.argv[2] + "b"))

    asyncio.run(both())
"""


def test_writers_in_one_process_and_in_several_do_not_tear_each_others_lines(tmp_path: Path) -> None:
    path = tmp_path / "events.log"
    command = [sys.executable, "-c", textwrap.dedent(TWO_WRITERS), str(path)]
    programs = [subprocess.Popen([*command, name]) for name in ("p", "q")]  # noqa: S603
    assert [program.wait(timeout=60) for program in programs] == [0, 0]
    seen: dict[str, list[int]] = {}
    for line in path.read_bytes().splitlines():
        name, number, _ = json.loads(line)["instance_id"].split(" ", 2)
        seen.setdefault(name, []).append(int(number))
    twice = [number for number in range(200) for _ in range(2)]
    assert seen == dict.fromkeys(("pa", "pb", "qa", "qb"), twice)


KILLED = """
    import asyncio, os, signal, sys
    from cloud_tasks.core.events import EventRecord, SpotTermination
    from cloud_tasks.sinks.file import FileSink

    async def main():
        sink = FileSink(sys.argv[1])
        for number in range(50):
            event = SpotTermination(instance_id=str(number))
            await sink.emit([EventRecord(timestamp="", hostname="", event=event)])
        os.kill(os.getpid(), signal.SIGKILL)

    asyncio.run(main())
"""


def test_f19_what_was_emitted_survives_the_kill_of_the_process(tmp_path: Path) -> None:
    path = tmp_path / "events.log"
    assert run_program(KILLED, str(path)).returncode == -signal.SIGKILL
    numbers = [int(json.loads(line)["instance_id"]) for line in path.read_bytes().splitlines()]
    assert numbers == list(range(50))
