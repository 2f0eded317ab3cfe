"""How Sphinx builds the pages."""

from __future__ import annotations

from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx

from cloud_tasks.version import __version__

project = "Cloud tasks"
release = __version__
html_title = f"{project} {release}"

extensions = ["myst_parser"]
exclude_patterns = ["_build"]
myst_heading_anchors = 3


def setup(app: Sphinx) -> None:
    """Diagrams are drawn where the repository is shown; here they are text."""
    app.add_lexer("mermaid", TextLexer)
