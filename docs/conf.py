"""How Sphinx builds the pages."""

from __future__ import annotations

from cloud_tasks.version import __version__

project = "Cloud tasks"
release = __version__
html_title = f"{project} {release}"

extensions = ["myst_parser"]
exclude_patterns = ["_build"]
myst_heading_anchors = 3
