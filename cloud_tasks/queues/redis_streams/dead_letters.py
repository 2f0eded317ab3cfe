"""`RedisDeadLetters`: the dead letters of a queue."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from typing import TypeAlias

from cloud_tasks.core.arguments import check_positive
from cloud_tasks.interfaces import DeadLetter
from cloud_tasks.queues.notes import decode_notes
from cloud_tasks.queues.redis_streams.connection import Connection
from cloud_tasks.queues.redis_streams.keys import QueueKeys
from cloud_tasks.queues.redis_streams.scripts import RETRY
from cloud_tasks.queues.redis_streams.stamps import as_iso, ms_of_id

_Entry: TypeAlias = tuple[bytes, list[bytes]]
BATCH_MAX = 100
_KEY = re.compile(r"\d{1,19}-\d{1,19}")


class RedisDeadLetters:
    """A stream of its own, beside the queue's.

    Args:
        connection: The server.
        keys: The queue.
        name: Its name.
    """

    def __init__(self, connection: Connection, keys: QueueKeys, name: str) -> None:
        self._connection = connection
        self._keys = keys
        self._name = name

    async def oldest(self, letters_max: int) -> list[DeadLetter]:
        """The oldest, oldest first; see `DeadLetterBox`."""
        check_positive("letters_max", letters_max)
        return [self._letter(entry) for entry in await self._entries(b"-", b"+", letters_max)]

    async def find(self, key: str) -> DeadLetter | None:
        """One of them; see `DeadLetterBox`."""
        if not _KEY.fullmatch(key):
            return None
        entries = await self._entries(key.encode(), key.encode(), 1)
        return self._letter(entries[0]) if entries else None

    async def retry(self, keys: Sequence[str] | None) -> int:
        """Put them back, each in the same moment as it is removed here; see `DeadLetterBox`."""
        return sum(
            [await self._connection.run(RETRY, self._keys.all, *batch) async for batch in self._batches(keys)]
        )

    async def purge(self, keys: Sequence[str] | None) -> int:
        """Remove them for good; see `DeadLetterBox`."""
        return sum(
            [
                await self._connection.call(b"XDEL", self._keys.dead, *batch)
                async for batch in self._batches(keys)
            ]
        )

    async def _batches(self, keys: Sequence[str] | None) -> AsyncIterator[list[bytes]]:
        """Ids, a hundred at a time; None: of all that are there now."""
        if keys is not None:
            ids = list(dict.fromkeys(key.encode() for key in keys if _KEY.fullmatch(key)))
            for start in range(0, len(ids), BATCH_MAX):
                yield ids[start : start + BATCH_MAX]
            return
        newest = await self._connection.call(b"XREVRANGE", self._keys.dead, b"+", b"-", b"COUNT", 1)
        while newest and (entries := await self._entries(b"-", newest[0][0], BATCH_MAX)):
            yield [entry_id for entry_id, _ in entries]

    async def _entries(self, first: bytes, last: bytes, entries_max: int) -> list[_Entry]:
        entries: list[_Entry] = await self._connection.call(
            b"XRANGE", self._keys.dead, first, last, b"COUNT", entries_max
        )
        return entries

    def _letter(self, entry: _Entry) -> DeadLetter:
        entry_id, fields = entry
        values = dict(zip(fields[::2], fields[1::2], strict=True))
        died_at = as_iso(ms_of_id(entry_id))
        return DeadLetter(
            key=entry_id.decode(),
            queue=self._name,
            body=values[b"b"],
            reason=values[b"r"].decode(),
            attempts=int(values[b"n"]),
            died_at=died_at,
            history=decode_notes(values[b"h"], died_at),
        )
