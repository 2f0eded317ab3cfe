"""The server's time, as it stands in ids and states: milliseconds since 1970, UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def as_iso(milliseconds: int) -> str:
    """ISO 8601, UTC."""
    return (_EPOCH + timedelta(milliseconds=milliseconds)).isoformat(timespec="milliseconds")


def ms_of_id(entry_id: bytes) -> int:
    """When an entry was written; ids that the server makes begin with it."""
    return int(entry_id.split(b"-")[0])
