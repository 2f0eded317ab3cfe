from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from cloud_tasks.core.events import EventRecord
from cloud_tasks.errors import SinkUnavailableError
from cloud_tasks.sinks.file import FileSink
from cloud_tasks.sinks.tee import REMEMBERED_MAX, TeeSink

MakeRecord = Callable[..., EventRecord]


class ListSink:
    """Keeps what it gets; refuses the next batches when told so."""

    def __init__(self, *failures: Exception) -> None:
        self.stored: list[EventRecord] = []
        self.failures = list(failures)
        self.close_failure: Exception | None = None
        self.closed = False

    async def emit(self, records: list[EventRecord]) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.stored.extend(records)

    async def aclose(self) -> None:
        self.closed = True
        if self.close_failure is not None:
            raise self.close_failure


def down(reason: str) -> SinkUnavailableError:
    return SinkUnavailableError(reason)


async def test_every_sink_gets_every_event_in_order(make_record: MakeRecord) -> None:
    first, second, display = ListSink(), ListSink(), ListSink()
    tee = TeeSink([first, second], best_effort=[display])
    records = [make_record(number) for number in range(3)]
    await tee.emit(records[:2])
    await tee.emit(records[2:])
    assert first.stored == second.stored == display.stored == records


async def test_f27_the_batch_is_stored_only_when_all_have_it(make_record: MakeRecord) -> None:
    first, second = ListSink(down("one")), ListSink(down("two"))
    tee = TeeSink([first, second])
    with pytest.raises(SinkUnavailableError, match=r"^one; two$"):
        await tee.emit([make_record(1)])
    assert first.stored == second.stored == []


async def test_a_retry_does_not_write_twice_where_it_was_stored(make_record: MakeRecord) -> None:
    good, bad, display = ListSink(), ListSink(down("one"), down("two")), ListSink()
    tee = TeeSink([good, bad], best_effort=[display])
    records = [make_record(number) for number in range(5)]
    with pytest.raises(SinkUnavailableError):
        await tee.emit(records[:3])
    with pytest.raises(SinkUnavailableError):
        await tee.emit(records[:4])
    await tee.emit(records[:2])
    await tee.emit(records[2:])
    assert good.stored == display.stored == records
    assert bad.stored == records


async def test_equal_events_are_not_taken_for_one(make_record: MakeRecord) -> None:
    good, bad = ListSink(), ListSink(down("one"))
    tee = TeeSink([good, bad])
    with pytest.raises(SinkUnavailableError):
        await tee.emit([make_record(1)])
    await tee.emit([make_record(1)])
    assert len(good.stored) == 2


async def test_nothing_is_remembered_once_all_have_it(make_record: MakeRecord) -> None:
    tee = TeeSink([ListSink(), ListSink(down("one"))], best_effort=[ListSink()])
    batch = [make_record(1)]
    with pytest.raises(SinkUnavailableError):
        await tee.emit(batch)
    await tee.emit(batch)
    assert [branch._stored for branch in (*tee._branches, *tee._best_effort)] == [{}, {}, {}]


async def test_what_is_remembered_is_bounded(make_record: MakeRecord) -> None:
    tee = TeeSink([ListSink(), ListSink(down("one"))])
    with pytest.raises(SinkUnavailableError):
        await tee.emit([make_record(number) for number in range(REMEMBERED_MAX + 10)])
    assert len(tee._branches[0]._stored) == REMEMBERED_MAX


async def test_a_display_that_fails_harms_nobody(make_record: MakeRecord) -> None:
    display, sink = ListSink(ZeroDivisionError()), ListSink()
    tee = TeeSink([sink], best_effort=[display])
    await tee.emit([make_record(1)])
    await tee.aclose()
    assert len(sink.stored) == 1
    assert sink.closed


async def test_all_are_closed_and_the_failure_is_told() -> None:
    first, second = ListSink(), ListSink()
    first.close_failure = down("not flushed")
    tee = TeeSink([first, second])
    with pytest.raises(SinkUnavailableError, match="not flushed"):
        await tee.aclose()
    assert second.closed


async def test_displays_are_left_open_because_they_have_the_last_word() -> None:
    display, sink = ListSink(), ListSink()
    await TeeSink([sink], best_effort=[display]).aclose()
    assert sink.closed
    assert not display.closed


async def test_a_cancelled_batch_is_not_written_twice(tmp_path: Path, make_record: MakeRecord) -> None:
    class HeldSink:
        async def emit(self, records: list[EventRecord]) -> None:
            del records
            started.set()
            await release.wait()

        async def aclose(self) -> None:
            pass

    started, release = asyncio.Event(), asyncio.Event()
    path = tmp_path / "events.log"
    tee = TeeSink([FileSink(path), HeldSink()])
    batch = [make_record(1)]
    emitting = asyncio.ensure_future(tee.emit(batch))
    await started.wait()
    emitting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await emitting
    release.set()
    await tee.emit(batch)
    await tee.aclose()
    assert len(path.read_bytes().splitlines()) == 1
