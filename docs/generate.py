"""Write the pages that are made from the code: `python docs/generate.py`; with `--check`, only compare them.

A further page is a module next to this one, and a row in `PAGES`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from attempt_page import attempt_page
from commands_page import commands_page
from events_page import events_page
from options_page import options_page

DOCS = Path(__file__).parent

PAGES: tuple[tuple[str, Callable[[], str]], ...] = (
    ("options.md", options_page),
    ("commands.md", commands_page),
    ("events.md", events_page),
    ("attempt.md", attempt_page),
)


def main() -> int:
    """Write the pages, or say which are out of date."""
    parser = argparse.ArgumentParser(description="Write the pages that are made from the code.")
    parser.add_argument("--check", action="store_true", help="change nothing; fail if a page is out of date")
    check = parser.parse_args().check
    pages = [(DOCS / name, page()) for name, page in PAGES]
    stale = [(path, text) for path, text in pages if _read(path) != text]
    for path, text in stale:
        if check:
            print(f"docs/{path.name} is out of date: run `make docs`", file=sys.stderr)
        else:
            path.write_text(text, encoding="utf-8")
    return 1 if check and stale else 0


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


if __name__ == "__main__":
    sys.exit(main())
