"""The notes of a task's attempts as JSON, for adapters that keep them beside its message."""

from __future__ import annotations

import msgspec
from msgspec import structs

from cloud_tasks.core.task import NOTES_MAX, AttemptNote

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(tuple[AttemptNote, ...]).decode


def encode_notes(notes: tuple[AttemptNote, ...]) -> bytes:
    """The newest `NOTES_MAX` of them; b"" for none."""
    return _encode([_readable(note) for note in notes[-NOTES_MAX:]]) if notes else b""


def decode_notes(raw: bytes, at: str) -> tuple[AttemptNote, ...]:
    """What was encoded; those that had no time yet were written `at`. () for what is none of ours."""
    if not raw:
        return ()
    try:
        notes = _decode(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return ()
    return tuple(note if note.at else structs.replace(note, at=at) for note in notes)


def as_text(text: str) -> str:
    """The text, without what UTF-8 cannot hold (lone surrogates)."""
    return text.encode("utf-8", "backslashreplace").decode()


def _readable(note: AttemptNote) -> AttemptNote:
    if note.error.isascii():
        return note
    return structs.replace(note, error=as_text(note.error))
