"""The report: one HTML page that needs nothing else, written from the findings."""

from __future__ import annotations

import html
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import sections
from findings import Findings
from pieces import Chapter
from summary import headlines

_STYLE = Path(__file__).with_name("report.css")


class Context(NamedTuple):
    """What is told about the run beside its findings.

    Attributes:
        python: Version of the interpreter whose library was measured.
        directory: Where the library lies.
        machine: The machine, in a few words.
    """

    python: str
    directory: str
    machine: str


def page(findings: Findings, context: Context) -> str:
    """The whole page."""
    chapters = sections.chapters(findings)
    contents = "\n".join(
        f'<li><a href="#{chapter.anchor}">{html.escape(chapter.title)}</a></li>' for chapter in chapters
    )
    body = "\n".join(_chapter(chapter) for chapter in chapters)
    title = f"A census of Python {html.escape(context.python)}'s standard library"
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>
{_STYLE.read_text(encoding="utf-8")}</style>
</head>
<body>
<nav aria-label="Contents"><p>Contents</p><ol>
{contents}
</ol></nav>
<main>
<header>
<h1>{title}</h1>
<p class="lead">{_lead(findings)}</p>
{_cards(headlines(findings))}
</header>
{body}
<footer><p>Measured in <code>{html.escape(context.directory)}</code> on {html.escape(context.machine)}.
One task for each file, each in a process of its own, run by <code>cloud_tasks</code>; every number on
this page comes from the events that the worker wrote.</p></footer>
</main>
</body>
</html>
"""


def _chapter(chapter: Chapter) -> str:
    return f'<section id="{chapter.anchor}"><h2>{html.escape(chapter.title)}</h2>\n{chapter.body}\n</section>'


def _lead(findings: Findings) -> str:
    at_a_time = findings.simultaneous_tasks
    side_by_side = f", {at_a_time} at a time" if at_a_time else ""
    return (
        f"{findings.files:,} source files, each parsed and measured as a task of its own{side_by_side}, "
        f"in {findings.wall_s:.1f} seconds."
    )


def _cards(pairs: Iterable[tuple[str, str]]) -> str:
    cards = "".join(
        f"<div><dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd></div>" for name, value in pairs
    )
    return f'<dl class="cards">{cards}</dl>'
