"""What an event makes of a task, from every status."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloud_tasks.task_db import EventBook
from cloud_tasks.task_db.outcomes import FINAL, IN_QUEUE
from tests.task_db.jobs import KINDS, STATUSES, Kind, at, ended, interrupted, make_job, row, rows

RETRIED = tuple(f"{STATUSES[kind]}_with_retry" for kind in KINDS if kind != "dead_lettered")
OUTCOMES = [
    (kind, retry) for kind in KINDS for retry in (False, True) if (kind, retry) != ("dead_lettered", True)
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return make_job(tmp_path / "job.db", ["a"])


def apply(path: Path, *bodies: bytes) -> list[str]:
    with EventBook(path) as book:
        return [one.effect for one in book.apply(bodies)]


@pytest.mark.parametrize("before", [*IN_QUEUE, *RETRIED])
@pytest.mark.parametrize(("kind", "retry"), OUTCOMES)
def test_an_outcome_gives_an_open_task_its_status(
    tmp_path: Path, before: str, kind: Kind, *, retry: bool
) -> None:
    path = make_job(tmp_path / "job.db", ["a"], before)
    assert apply(path, ended("a", kind, retry=retry)) == ["applied"]
    assert row(path, "a")["status"] == STATUSES[kind] + ("_with_retry" if retry else "")


@pytest.mark.parametrize("before", FINAL)
@pytest.mark.parametrize(("kind", "retry"), OUTCOMES)
def test_f25_a_final_status_never_changes(tmp_path: Path, before: str, kind: Kind, *, retry: bool) -> None:
    path = make_job(tmp_path / "job.db", ["a"], before)
    unchanged = row(path, "a")
    assert apply(path, ended("a", kind, retry=retry, attempt=9, second=999)) == ["late"]
    assert row(path, "a") == unchanged
    assert len(rows(path, "SELECT * FROM events")) == 1


def test_f25_a_late_event_leaves_a_good_result(path: Path) -> None:
    apply(path, ended("a", "completed", second=10))
    good = row(path, "a")
    assert good["result"] == '{"of":"a"}'
    assert apply(path, ended("a", "timed_out", second=20, attempt=2)) == ["late"]
    assert row(path, "a") == good


@pytest.mark.parametrize("kind", ["completed", "exception", "timed_out", "exited"])
def test_f26_a_retry_is_not_the_end(path: Path, kind: Kind) -> None:
    with EventBook(path) as book:
        book.apply([ended("a", kind, retry=True)])
        assert not book.is_finished()
        assert (book.snapshot().total, book.snapshot().finished) == (1, 0)
        book.apply([ended("a", "completed", attempt=2, second=20)])
        assert book.is_finished()
        assert (book.snapshot().total, book.snapshot().finished) == (1, 1)


def test_of_two_retries_the_later_attempt_counts_whichever_comes_first(path: Path) -> None:
    second = ended("a", "exited", retry=True, attempt=2, second=20)
    first = ended("a", "exception", retry=True, attempt=1, second=10)
    assert apply(path, second, first) == ["applied", "late"]
    assert row(path, "a")["status"] == "exited_without_status_with_retry"


def test_without_numbers_of_attempts_the_later_time_counts(path: Path) -> None:
    later = ended("a", "exited", retry=True, second=20).replace(b'"attempt":1', b'"other":1')
    earlier = ended("a", "timed_out", retry=True, second=10).replace(b'"attempt":1', b'"other":1')
    assert apply(path, later, earlier) == ["applied", "late"]


def test_the_end_counts_even_if_it_is_told_before_the_attempts_that_led_to_it(path: Path) -> None:
    assert apply(path, ended("a", attempt=2, second=20), ended("a", "exited", retry=True)) == [
        "applied",
        "late",
    ]
    assert row(path, "a")["status"] == "completed"


def test_an_interruption_changes_nothing(path: Path) -> None:
    before = row(path, "a")
    assert apply(path, interrupted("a")) == ["noted"]
    assert row(path, "a") == before


def test_a_row_has_what_the_published_package_puts_there(path: Path) -> None:
    apply(path, ended("a", "exception", second=10, took_s=2.5, host="h"))
    found = row(path, "a")
    assert (found["status"], found["retry"], found["hostname"]) == ("exception", 0, "h")
    assert (found["elapsed_time"], found["started_at"], found["completed_at"]) == (2.5, at(7.5), at(10))
    assert (found["result"], found["exit_code"]) == (None, None)
    assert found["exception"].endswith("ValueError: wrong\n")


def test_an_exit_status_and_a_reason_are_kept(tmp_path: Path) -> None:
    path = make_job(tmp_path / "job.db", ["a", "b"])
    apply(path, ended("a", "exited"), ended("b", "dead_lettered"))
    assert row(path, "a")["exit_code"] == 3
    assert row(path, "b")["exception"] == "its 3 attempts were used up"
    assert row(path, "b")["elapsed_time"] is None  # nothing ran


def test_a_task_began_when_its_first_attempt_did(path: Path) -> None:
    apply(
        path,
        ended("a", "exited", retry=True, second=10, took_s=2),
        ended("a", attempt=2, second=30, took_s=5),
    )
    assert (row(path, "a")["started_at"], row(path, "a")["completed_at"]) == (at(8), at(30))


def test_times_are_stored_in_utc(path: Path) -> None:
    body = ended("a").replace(at(10).encode(), b"2026-01-01T13:00:10+01:00")
    apply(path, body)
    assert row(path, "a")["completed_at"] == at(10)
    assert rows(path, "SELECT timestamp FROM events") == [(at(10),)]
