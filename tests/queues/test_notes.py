"""Notes of attempts beside a message."""

from __future__ import annotations

import pytest

from cloud_tasks.core.task import NOTES_MAX, AttemptNote
from cloud_tasks.queues.notes import as_text, decode_notes, encode_notes

AT = "2026-01-01T00:00:00.000+00:00"


def test_notes_come_back_with_the_time_of_their_writing() -> None:
    notes = (AttemptNote(1, "exception", 0.5, "Ünglück", "w", "then"), AttemptNote(2, "timed_out", 1.0))
    assert decode_notes(encode_notes(notes), AT) == (notes[0], AttemptNote(2, "timed_out", 1.0, at=AT))


def test_the_newest_are_kept() -> None:
    notes = tuple(AttemptNote(number, "exception", 0.0, at=AT) for number in range(NOTES_MAX + 3))
    assert decode_notes(encode_notes(notes), "") == notes[3:]


@pytest.mark.parametrize("raw", [b"", b"[{", b"{}", b'[{"attempt": "x"}]', b"\xff", b"[" * 10_000])
def test_what_is_none_of_ours_is_nothing(raw: bytes) -> None:
    assert decode_notes(raw, AT) == ()


def test_what_utf_8_cannot_hold_is_written_out() -> None:
    assert encode_notes(()) == b""
    (note,) = decode_notes(encode_notes((AttemptNote(1, "exception", 0.0, "a\ud800b"),)), AT)
    assert note.error == as_text("a\ud800b") == "a\\ud800b"
