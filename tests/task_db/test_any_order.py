"""Events in any order, with duplicates and late ones, come to the same as in order."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_tasks.task_db import EventBook, Snapshot
from tests.task_db.jobs import KINDS, STATUSES, Kind, ended, make_job, rows, statuses

RETRIABLE: tuple[Kind, ...] = tuple(kind for kind in KINDS if kind != "dead_lettered")


@st.composite
def lives(draw: st.DrawFn, task_id: str) -> list[bytes]:
    """The events of one task: attempts that are tried again, and its end, if it has come to that."""
    retried = draw(st.lists(st.sampled_from(RETRIABLE), max_size=3))
    events = [
        ended(task_id, kind, retry=True, attempt=number, second=10.0 * number)
        for number, kind in enumerate(retried, 1)
    ]
    if (end := draw(st.none() | st.sampled_from(KINDS))) is not None:
        number = len(retried) + 1
        events.append(ended(task_id, end, attempt=number, second=10.0 * number))
    return events


@st.composite
def jobs(draw: st.DrawFn) -> tuple[list[bytes], list[bytes]]:
    """The events of a job in order, and all of them in any order with some of them again."""
    count = draw(st.integers(1, 4))
    in_order = [event for number in range(count) for event in draw(lives(f"t{number}"))]
    again = draw(st.lists(st.sampled_from(in_order), max_size=6)) if in_order else []
    return in_order, draw(st.permutations([*in_order, *again]))


def outcome(events: Sequence[bytes], batch: int) -> tuple[dict[str, str], Snapshot, list[bytes]]:
    """What a job comes to, the events being stored in batches, each by another run of the monitor."""
    with tempfile.TemporaryDirectory() as folder:
        path = make_job(Path(folder) / "job.db", [f"t{number}" for number in range(4)])
        for start in range(0, len(events), batch):
            with EventBook(path) as book:
                book.apply(events[start : start + batch])
        with EventBook(path) as book:
            stored = [str(raw).encode() for (raw,) in rows(path, "SELECT raw_event FROM events ORDER BY id")]
            return statuses(path), book.snapshot(), stored


@settings(max_examples=25)
@given(jobs(), st.integers(1, 7))
def test_any_order_comes_to_the_same(job: tuple[list[bytes], list[bytes]], batch: int) -> None:
    in_order, shuffled = job
    expected_statuses, expected, _ = outcome(in_order, len(in_order) or 1)
    found_statuses, found, stored = outcome(shuffled, batch)
    assert found_statuses == expected_statuses
    assert (found.statuses, found.finished, found.total) == (expected.statuses, expected.finished, 4)
    # Everything is kept, and what came again is counted apart.
    assert stored == shuffled
    assert found.effects.get("duplicate", 0) == len(shuffled) - len(in_order)
    assert found.effects.get("applied", 0) + found.effects.get("late", 0) == len(in_order)
    assert expected.effects.get("late", 0) == 0


@settings(max_examples=25)
@given(st.permutations([*KINDS, *KINDS]), st.data())
def test_f25_the_first_end_stays_whatever_follows(kinds: list[Kind], data: st.DataObject) -> None:
    events = [ended("t0", kind, attempt=number, second=number) for number, kind in enumerate(kinds)]
    found, snapshot, stored = outcome(events, data.draw(st.integers(1, 10)))
    assert found["t0"] == STATUSES[kinds[0]]
    assert snapshot.effects == Counter(applied=1, late=len(kinds) - 1)
    assert stored == events
