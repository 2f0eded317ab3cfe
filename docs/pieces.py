"""Small pieces of Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable

NOTICE = "<!-- Made by docs/generate.py: change the code, then run `make docs`. -->"


def code(*words: str) -> str:
    """Words as code, with commas between them."""
    return ", ".join(f"`{word}`" for word in words if word)


def marked(text: str) -> str:
    """Running text with its flags as code."""
    return re.sub(r"(?<![`\w])--[a-z][-a-z]*\w", r"`\g<0>`", text)


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A table."""
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
