"""Results on disk: locked while somebody looks after them, taken over when nobody does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cloud_tasks.queues.conductor.spool import REFUSED, Spool

KEEPER = """
import sys, time
from pathlib import Path
from cloud_tasks.queues.conductor.spool import Spool
kept = Spool(Path(sys.argv[1])).keep("t/1", b'{"taskId": "t/1", "status": "FAILED"}')
print("kept", flush=True)
time.sleep(60)
"""


def body_of(task_id: str) -> bytes:
    return b'{"taskId":"%s","status":"COMPLETED"}' % task_id.encode()


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_what_is_kept_is_there_until_it_is_removed(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "made" / "on demand")
    kept = spool.keep("a", b"body")
    (name,) = names(spool.directory)
    assert name.startswith("a-")
    assert name.endswith(".json")
    assert (spool.directory / name).read_bytes() == b"body"
    kept.remove()
    assert names(spool.directory) == []


def test_a_directory_that_is_not_there_has_no_results(tmp_path: Path) -> None:
    assert Spool(tmp_path / "none").adopt() == []


def test_what_somebody_looks_after_is_not_taken_over(tmp_path: Path) -> None:
    kept = Spool(tmp_path).keep("a", body_of("a"))
    assert Spool(tmp_path).adopt() == []
    kept.let_go()
    (again,) = Spool(tmp_path).adopt()
    assert again.body == body_of("a")
    again.remove()
    assert Spool(tmp_path).adopt() == []


def test_what_a_killed_process_left_is_taken_over(tmp_path: Path) -> None:
    command = [sys.executable, "-c", KEEPER, str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)  # noqa: S603 - our own program
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"kept\n"
        assert Spool(tmp_path).adopt() == []
        os.kill(process.pid, signal.SIGKILL)
    (kept,) = Spool(tmp_path).adopt()
    assert kept.body == b'{"taskId": "t/1", "status": "FAILED"}'
    kept.remove()


def test_results_are_taken_over_oldest_first(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for age_s, name in ((1, "young"), (3, "old"), (2, "middle")):
        spool.keep(name, body_of(name)).let_go()
        (path,) = tmp_path.glob(f"{name}-*")
        os.utime(path, (1_000_000 - age_s, 1_000_000 - age_s))
    assert [kept.body for kept in spool.adopt()] == [body_of(name) for name in ("old", "middle", "young")]


def test_what_is_half_written_is_not_taken_for_a_result(tmp_path: Path) -> None:
    (tmp_path / ".a-1234.json").write_bytes(b'{"task')
    assert Spool(tmp_path).adopt() == []


def test_what_is_no_result_of_ours_is_left_alone_and_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "directory.json").mkdir()
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "nowhere.json").symlink_to("circle.json")
    (tmp_path / "circle.json").symlink_to("nowhere.json")
    for name, body in (("list", b"[]"), ("other", b'{"colour": "red"}'), ("half", b'{"task'), ("empty", b"")):
        (tmp_path / f"{name}.json").write_bytes(body)
    before, spool = names(tmp_path), Spool(tmp_path)
    Spool(tmp_path).keep("a", body_of("a")).let_go()
    spool.adopt()[0].let_go()
    (kept,) = spool.adopt()
    kept.remove()
    assert len(caplog.messages) == 8
    assert names(tmp_path) == before


def test_what_the_server_refused_is_kept_apart(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    place = spool.keep("a", b"body").put_aside()
    assert place.parent == tmp_path / REFUSED
    assert place.read_bytes() == b"body"
    assert spool.adopt() == []
