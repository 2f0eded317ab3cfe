"""Finds task ids that are there twice, in eight bytes a task.

Ids are compared by their 64-bit hashes first. Two different ids may have the same hash, so an equal pair is
only a candidate, and is looked at again in the file itself.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable

_BUCKETS = 256
_BUCKET_BITS = 56
"""Hashes have 64 bits, and the upper eight name the bucket."""
_STREAMED_BUCKETS = 4096


class CheckedIds:
    """The ids of a whole file: gathered first, compared at the end."""

    def __init__(self) -> None:
        self._buckets = [array("q") for _ in range(_BUCKETS)]

    def add(self, task_ids: Iterable[str]) -> None:
        """Take note of ids; many at a time cost less."""
        # Sorted, what belongs into one bucket stands together.
        hashes = array("q", sorted(map(hash, task_ids)))
        start = 0
        for number, bucket in enumerate(self._buckets, -_BUCKETS // 2 + 1):
            end = bisect_left(hashes, number << _BUCKET_BITS, start)
            bucket.extend(hashes[start:end])
            start = end

    def candidates(self) -> tuple[frozenset[int], int]:
        """Hashes that came more than once, and how often one came again."""
        found: set[int] = set()
        again = 0
        for bucket in self._buckets:
            distinct = len(set(bucket))
            if distinct != len(bucket):
                again += len(bucket) - distinct
                found.update(hashed for hashed, count in Counter(bucket).items() if count > 1)
        return frozenset(found), again


class StreamedIds:
    """The ids of a file as it is read: compared at once.

    Args:
        exact: Keep the ids themselves, in memory that grows with them, so that no candidate is wrong.
    """

    def __init__(self, *, exact: bool) -> None:
        self._buckets = [array("q") for _ in range(_STREAMED_BUCKETS)]
        self._exact: set[str] | None = set() if exact else None

    def add(self, task_id: str) -> bool:
        """Take note of an id; whether it (or, if not exact, one with its hash) was there before."""
        if self._exact is not None:
            count = len(self._exact)
            self._exact.add(task_id)
            return len(self._exact) == count
        hashed = hash(task_id)
        bucket = self._buckets[hashed % _STREAMED_BUCKETS]
        index = bisect_left(bucket, hashed)
        if index < len(bucket) and bucket[index] == hashed:
            return True
        bucket.insert(index, hashed)
        return False
