"""Events to several places."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from cloud_tasks.core.events import EventRecord
from cloud_tasks.errors import SinkUnavailableError
from cloud_tasks.interfaces import EventSink

REMEMBERED_MAX = 100_000
"""How many half-stored events are remembered; beyond it a retry may store some of them twice."""


class TeeSink:
    """Emits to every sink; an event counts as stored when all of them have it.

    After a failure of one, the same record objects may be emitted again, in any grouping: the sinks that
    stored them already do not get them a second time.

    Args:
        sinks: Those that must store every event.
        best_effort: Those whose failures never matter (displays). They get each event once and first, and are
            not closed here: a display has the last word.
    """

    def __init__(self, sinks: Sequence[EventSink], best_effort: Sequence[EventSink] = ()) -> None:
        self._best_effort = [_Branch(sink) for sink in best_effort]
        self._branches = [_Branch(sink) for sink in sinks]

    async def emit(self, records: list[EventRecord]) -> None:
        """Store the events in every sink.

        Raises:
            SinkUnavailableError: Some sink could not store them; names each one's reason.
        """
        for display in self._best_effort:
            await display.try_emit(records)
        failures = [failure for branch in self._branches if (failure := await branch.emit(records))]
        if failures:
            raise SinkUnavailableError("; ".join(str(failure) for failure in failures)) from failures[0]
        for branch in (*self._best_effort, *self._branches):
            branch.forget(records)

    async def aclose(self) -> None:
        """Close every sink but the best-effort ones, even if some cannot be closed in good order.

        Raises:
            SinkUnavailableError: Some sink could not flush its last events.
        """
        failures: list[SinkUnavailableError] = []
        for branch in self._branches:
            try:
                await branch.sink.aclose()
            except SinkUnavailableError as error:
                failures.append(error)
        if failures:
            raise SinkUnavailableError("; ".join(str(failure) for failure in failures)) from failures[0]


class _Branch:
    """One sink, and what it has stored of the events that another has not."""

    def __init__(self, sink: EventSink) -> None:
        self.sink = sink
        # Keyed by identity; holding the record keeps its identity from being used again.
        self._stored: dict[int, EventRecord] = {}

    async def emit(self, records: list[EventRecord]) -> SinkUnavailableError | None:
        missing = self._missing(records)
        if missing:
            try:
                await self.sink.emit(missing)
            except SinkUnavailableError as error:
                return error
            self._remember(missing)
        return None

    async def try_emit(self, records: list[EventRecord]) -> None:
        missing = self._missing(records)
        self._remember(missing)
        with contextlib.suppress(Exception):  # boundary: a display must not hold up any task
            await self.sink.emit(missing)

    def forget(self, records: list[EventRecord]) -> None:
        for record in records:
            self._stored.pop(id(record), None)

    def _missing(self, records: list[EventRecord]) -> list[EventRecord]:
        if not self._stored:
            return records
        return [record for record in records if id(record) not in self._stored]

    def _remember(self, records: list[EventRecord]) -> None:
        for record in records:
            self._stored[id(record)] = record
        while len(self._stored) > REMEMBERED_MAX:
            del self._stored[next(iter(self._stored))]
