from __future__ import annotations

import math
import tracemalloc
from pathlib import Path

import pytest

from cloud_tasks.summary.values import FailureGroup, RunTimes
from cloud_tasks.task_db import EventBook, Report, read_report
from tests.task_db.jobs import ended, interrupted, keep_alive, make_job, notice


def report_of(path: Path, *bodies: bytes) -> Report:
    with EventBook(path) as book:
        book.apply(bodies)
    return read_report(path)


def test_a_job_of_which_nothing_is_known(tmp_path: Path) -> None:
    report = read_report(make_job(tmp_path / "job.db", []))
    assert (report.elapsed_s, report.tasks_per_hour, report.run_times, report.stddev_s) == (None,) * 4
    assert (report.timed, report.exceptions, report.terminated, report.failed) == (0, (), (), 0)


def test_times_and_rates(tmp_path: Path) -> None:
    path = make_job(tmp_path / "job.db", [f"t{number}" for number in range(20)])
    report = report_of(
        path, *(ended(f"t{number}", second=100 + number, took_s=number + 1) for number in range(20))
    )
    assert report.elapsed_s == 20.0  # from 99, when the first began, to 119, when the last ended
    assert report.tasks_per_hour == 3600.0
    assert report.timed == 20
    assert report.run_times == RunTimes(
        min_s=1, mean_s=10.5, median_s=10, p90_s=18, p95_s=19, p99_s=20, max_s=20
    )
    assert report.stddev_s == pytest.approx(math.sqrt((20**2 - 1) / 12))


def test_one_task(tmp_path: Path) -> None:
    report = report_of(make_job(tmp_path / "job.db", ["a"]), ended("a", took_s=2.0))
    assert (report.elapsed_s, report.tasks_per_hour, report.stddev_s) == (2.0, 1800.0, 0.0)


def test_exceptions_are_grouped_the_most_frequent_first_and_ten_at_most(tmp_path: Path) -> None:
    names = [f"t{number:02}" for number in range(40)]
    path = make_job(tmp_path / "job.db", names)
    kinds = [f"Error{letter}: no {letter}" for letter in "ABCDEFGHIJKL"]
    errors = [kinds[0]] * 20 + [kinds[1]] * 10 + kinds[2:]
    report = report_of(
        path, *(ended(name, "exception", error=error) for name, error in zip(names, errors, strict=True))
    )
    assert report.exceptions[:2] == (
        FailureGroup("exception", "ErrorA", "no A", 20, "t00"),
        FailureGroup("exception", "ErrorB", "no B", 10, "t20"),
    )
    assert len(report.exceptions) == 10
    assert report.failed == 40


def test_interruptions_and_notices_are_named_once(tmp_path: Path) -> None:
    path = make_job(tmp_path / "job.db", ["a", "b"])
    twice = [
        notice("h", 1),
        interrupted("a"),
        interrupted("b"),
        interrupted("b", "shutdown"),
        keep_alive("g"),
    ]
    report = report_of(path, *twice, *twice)
    assert report.interrupted == {"spot_termination": 2, "shutdown": 1}
    assert report.terminated == ("i-h",)
    assert [machine.hostname for machine in report.snapshot.machines] == ["g", "h", "host-1"]


def peak_bytes(path: Path) -> int:
    tracemalloc.start()
    try:
        report = read_report(path)
        assert report.snapshot.finished == report.timed
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def filled(path: Path, count: int) -> Path:
    names = [f"t{number:06}" for number in range(count)]
    make_job(path, names)
    with EventBook(path) as book:
        book.apply(
            [
                ended(
                    name, "exception", took_s=1 + number % 997 / 7, error=f"ValueError: no {name}" + "x" * 500
                )
                for number, name in enumerate(names)
            ]
        )
    return path


def test_the_report_of_a_large_job_takes_no_more_memory(tmp_path: Path) -> None:
    filled(tmp_path / "small.db", 1_500)
    filled(tmp_path / "large.db", 6_000)
    peak_bytes(tmp_path / "small.db")  # what is loaded once
    small, large = peak_bytes(tmp_path / "small.db"), peak_bytes(tmp_path / "large.db")
    assert large < 1.2 * small + 50_000, (small, large)
