"""Ten entries in one call, each with an answer of its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from fakes.sqs.errors import SqsError, batch_error
from fakes.sqs.values import BatchAnswer, Done, Failed, Sent

_ENTRIES_MAX = 10
_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")


class Entry(Protocol):
    """What every entry has."""

    @property
    def id(self) -> str:
        """Its name in the batch."""
        ...


E = TypeVar("E", bound=Entry)


def check_ids(entries: Sequence[Entry], kind: str) -> None:
    """Refuse a batch whose entries cannot be told apart, or of a wrong number of them.

    Raises:
        SqsError: Such a batch.
    """
    if not entries:
        raise batch_error("EmptyBatchRequest", f"There should be at least one {kind} in the request.")
    if len(entries) > _ENTRIES_MAX:
        raise batch_error(
            "TooManyEntriesInBatchRequest",
            f"Maximum number of entries per request are {_ENTRIES_MAX}. You have sent {len(entries)}.",
        )
    seen: set[str] = set()
    for entry in entries:
        if not _ID.fullmatch(entry.id):
            raise batch_error(
                "InvalidBatchEntryId",
                "A batch entry id can only contain alphanumeric characters, hyphens and underscores. "
                "It can be at most 80 letters long.",
            )
        if entry.id in seen:
            raise batch_error("BatchEntryIdsNotDistinct", f"Id {entry.id} repeated.")
        seen.add(entry.id)


def each(entries: Sequence[E], act: Callable[[E], Sent | Done]) -> BatchAnswer:
    """Carry out every entry; what is refused does not keep the others back."""
    successful: list[Sent | Done] = []
    failed: list[Failed] = []
    for entry in entries:
        try:
            successful.append(act(entry))
        except SqsError as error:
            failed.append(Failed(entry.id, error.is_sender_fault, error.code, error.message))
    return BatchAnswer(tuple(successful), tuple(failed))
