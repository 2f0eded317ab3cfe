"""Dates as metadata services write them."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def utc_of(text: str) -> datetime | None:
    """The moment that a service wrote, in ISO 8601 or as in an e-mail; None where it wrote none.

    A date without a zone is taken for UTC: that is what all of them mean.
    """
    for parse in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = parse(text)
        except ValueError:
            continue
        return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).astimezone(UTC)
    return None


def seconds_until(text: str, now: datetime) -> float | None:
    """Seconds from `now` until the moment that a service wrote, at least 0; None where it wrote none."""
    moment = utc_of(text)
    return None if moment is None else max(0.0, (moment - now).total_seconds())
