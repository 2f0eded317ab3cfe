"""Pieces of HTML that the chapters are put together from; every word given to them is escaped here."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import NamedTuple


class Chapter(NamedTuple):
    """A chapter: where links lead, its title, its HTML."""

    anchor: str
    title: str
    body: str


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[int] = ()) -> str:
    """A table of cells that are HTML already; `numbers` are the columns set to the right."""

    def cells(tag: str, row: Sequence[str]) -> str:
        return "".join(
            f'<{tag} class="number">{cell}</{tag}>' if column in numbers else f"<{tag}>{cell}</{tag}>"
            for column, cell in enumerate(row)
        )

    body = "\n".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    head = f"<thead><tr>{cells('th', heads)}</tr></thead>"
    return f'<div class="wide"><table>{head}<tbody>\n{body}\n</tbody></table></div>'


def figure(plot: str, caption: str) -> str:
    """A plot with its caption."""
    return f"<figure>{plot}<figcaption>{html.escape(caption)}</figcaption></figure>"


def code(words: str) -> str:
    """A name as code."""
    return f"<code>{html.escape(words)}</code>"


def legend(*names: str) -> str:
    """What the colours stand for, in their order."""
    return f'<ul class="legend">{"".join(f"<li>{html.escape(name)}</li>" for name in names)}</ul>'
