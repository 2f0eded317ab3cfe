from __future__ import annotations

from collections.abc import Callable

import pytest

from cloud_tasks.core.events import EventRecord, TaskCompleted

MakeRecord = Callable[..., EventRecord]


@pytest.fixture
def make_record() -> MakeRecord:
    def make(number: int, result: str = "") -> EventRecord:
        event = TaskCompleted(
            task_id=f"task-{number}",
            elapsed_time=0.5,
            retry=False,
            attempt=1,
            result=result,
            retry_requested=False,
        )
        return EventRecord(timestamp="2026-01-02T03:04:05+00:00", hostname="host", event=event)

    return make
