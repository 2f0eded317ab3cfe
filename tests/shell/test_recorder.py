"""The times of events."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from cloud_tasks.shell.recorder import utc_text


@given(st.datetimes(timezones=st.just(UTC)))
def test_times_are_written_as_isoformat_writes_them(moment: datetime) -> None:
    assert utc_text(moment) == moment.isoformat()
