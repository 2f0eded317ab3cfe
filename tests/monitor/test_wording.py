"""The report and the progress of small jobs, to the letter."""

from __future__ import annotations

from pathlib import Path

from cloud_tasks.monitor.wording import progress_line, report_lines
from cloud_tasks.task_db import EventBook, Snapshot, read_report
from tests.task_db.jobs import ended, interrupted, keep_alive, make_job, notice


def make_small_job(folder: Path) -> Path:
    path = make_job(folder / "job.db", ["a", "b", "c", "d", "e", "f"])
    with EventBook(path) as book:
        book.apply(
            [
                keep_alive("host-2", 1),
                interrupted("a", second=2),
                notice("host-1", 2),
                ended("a", second=10, took_s=1.0),
                ended("b", second=20, took_s=0.25, host="host-2"),
                ended("c", "exception", second=30, took_s=2.0, error="ZeroDivisionError: division by zero"),
                ended("d", "timed_out", second=40, took_s=4.0),
                ended("e", "dead_lettered", second=41),
                ended("f", "exited", retry=True, second=69, took_s=60),
                ended("a", second=10, took_s=1.0),
                ended("b", "exception", second=50, attempt=2, took_s=3.0),
                ended("x"),
                b'{"event_type": "task_abducted"}',
                b"hello",
                b"again",
            ]
        )
    return path


def test_the_report_of_a_small_job(tmp_path: Path) -> None:
    assert list(report_lines(read_report(make_small_job(tmp_path)))) == [
        "5 of 6 tasks finished",
        "  completed                         2",
        "  dead_lettered                     1",
        "  exception                         1",
        "  exited_without_status_with_retry  1",
        "  timed_out                         1",
        "In 1 min 0 s: 300 tasks an hour",
        "Run times of 5 tasks",
        "  shortest               250 ms",
        "  mean                   13.4 s",
        "  standard deviation     23.3 s",
        "  median                 2.00 s",
        "  p90                 1 min 0 s",
        "  p95                 1 min 0 s",
        "  longest             1 min 0 s",
        "Most frequent exceptions",
        "  1  ZeroDivisionError: division by zero  (exception, for instance c)",
        "  1  its 3 attempts were used up  (dead_lettered, for instance e)",
        "Interrupted attempts, handed back",
        "  spot_termination  1",
        "Termination notices: i-host-1",
        "1 event came again and changed nothing",
        "1 event came after its task's end, or after a later attempt, and changed nothing",
        "1 event is about a task that is not in the database",
        "1 event is of an unknown type",
        "2 messages were no events",
    ]


def test_the_report_of_a_job_that_has_not_begun(tmp_path: Path) -> None:
    path = make_job(tmp_path / "job.db", ["a"])
    assert list(report_lines(read_report(path))) == ["0 of 1 task finished", "  in_queue_original  1"]


def test_the_report_of_a_good_job_is_short(tmp_path: Path) -> None:
    path = make_job(tmp_path / "job.db", ["a"])
    with EventBook(path) as book:
        book.apply([ended("a", took_s=2.0)])
    lines = list(report_lines(read_report(path)))
    assert lines[:4] == [
        "1 of 1 task finished",
        "  completed  1",
        "In 2.00 s: 1,800 tasks an hour",
        "Run times of 1 task",
    ]
    assert len(lines) == 11


def test_what_others_wrote_steers_no_terminal(tmp_path: Path) -> None:
    path = make_job(tmp_path / "job.db", ["a\x1b[2J"])
    with EventBook(path) as book:
        book.apply([ended("a\x1b[2J", "exception", error="ValueError: \x1b[31mred"), notice("h\x07")])
    text = "\n".join(report_lines(read_report(path)))
    assert "\x1b" not in text
    assert "\x07" not in text
    assert r"ValueError: \x1b[31mred" in text


def test_no_time_is_left_when_all_is_done() -> None:
    done = Snapshot(2, 2, {"completed": 2}, {}, ())
    assert progress_line(done, 0.5) == "2 of 2 tasks finished, 2 completed, 30.0/min"


def test_progress_is_one_line(tmp_path: Path) -> None:
    with EventBook(make_small_job(tmp_path)) as book:
        snapshot = book.snapshot()
    assert progress_line(snapshot, 0.5) == (
        "5 of 6 tasks finished, 2 completed, 1 dead_lettered, 1 exception,"
        " 1 exited_without_status_with_retry, 1 timed_out, 30.0/min, about 2.00 s left,"
        " 2 machines heard of, 1 termination notice,"
        " 1 duplicate, 1 late, 1 unknown task, 1 unknown type, 2 no event"
    )
    assert progress_line(Snapshot(0, 0, {}, {}, ()), None) == "0 of 0 tasks finished"
