"""The garbage collector while workers run, and afterwards."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud_tasks.compose.garbage import garbage_looked_for_rarely
from cloud_tasks.worker import Worker, WorkerData


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


class Node:
    def __init__(self) -> None:
        self.me = self


def test_it_looks_more_rarely_until_the_last_worker_is_over() -> None:
    gc.set_threshold(700, 10, 10)
    first, second = garbage_looked_for_rarely(), garbage_looked_for_rarely()
    first.__enter__()
    second.__enter__()
    assert gc.get_threshold() == (5_000, 20, 10)
    assert gc.get_freeze_count() > 1_000
    first.__exit__(None, None, None)
    assert gc.get_threshold() == (5_000, 20, 10)
    assert gc.get_freeze_count() > 1_000
    second.__exit__(None, None, None)
    assert gc.get_threshold() == (700, 10, 10)
    assert gc.get_freeze_count() == 0


def test_garbage_is_still_found() -> None:
    found: list[object] = []
    with garbage_looked_for_rarely():
        left = weakref.ref(Node(), found.append)  # to ask it whether it is there would keep it, since 3.12
        kept: list[object] = []
        while not found and len(kept) < 1_000_000:
            kept.append([None])
        assert found == [left]
        assert len(kept) < 20_000


def test_what_was_frozen_becomes_garbage_like_anything_else_at_the_end() -> None:
    node = Node()
    left = weakref.ref(node)
    with garbage_looked_for_rarely():
        del node
        gc.collect()
        assert left() is not None
    gc.collect()
    assert left() is None


@pytest.mark.parametrize("chosen", [(0, 10, 10), (50_000, 30, 100)])
def test_a_programs_own_choices_stay(chosen: tuple[int, int, int]) -> None:
    gc.set_threshold(*chosen)
    with garbage_looked_for_rarely():
        assert gc.get_threshold() == chosen
    assert gc.get_threshold() == chosen


def test_what_a_program_chooses_meanwhile_stays() -> None:
    with garbage_looked_for_rarely():
        gc.set_threshold(1_234, 5, 6)
    assert gc.get_threshold() == (1_234, 5, 6)


def test_what_a_program_has_frozen_stays_so() -> None:
    gc.freeze()
    before = gc.get_freeze_count()
    later = [[number] for number in range(before)]
    with garbage_looked_for_rarely():
        assert gc.get_freeze_count() <= before
    assert gc.get_freeze_count() > before / 2
    assert later


async def test_workers_do_so(tmp_path: Path) -> None:
    seen: list[tuple[int, bool]] = []

    def look(task_id: str, data: dict[str, object], worker_data: WorkerData) -> tuple[bool, object]:
        seen.append((gc.get_threshold()[0], gc.get_freeze_count() > 1_000))
        return False, None

    gc.set_threshold(700, 10, 10)
    tasks, log = tmp_path / "tasks.json", tmp_path / "events.log"
    tasks.write_text('[{"task_id": "a", "data": {}}]')
    await Worker(look, task_source=tasks, args=["--runner", "inline", "--event-log-file", str(log)]).start()
    assert seen == [(5_000, True)]
    assert gc.get_threshold() == (700, 10, 10)
    assert gc.get_freeze_count() == 0
