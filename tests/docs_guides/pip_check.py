"""`pip install 'cloud-tasks[...]'` for tests: installs nothing, and looks whether the extras are here."""

from __future__ import annotations

import importlib.metadata
import re
import sys
import tomllib
from pathlib import Path

PROJECT = Path(__file__).parents[2] / "pyproject.toml"


def main() -> str | None:
    """Say what is wrong, if anything is."""
    named = re.fullmatch(r"install cloud-tasks\[([a-z,]+)\]", " ".join(sys.argv[1:]))
    if named is None:
        return f"a guide installs cloud-tasks with extras, and not {sys.argv[1:]}"
    extras = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    unknown = sorted(set(named[1].split(",")) - set(extras))
    if unknown:
        return f"there is no extra {', '.join(unknown)}"
    for extra in named[1].split(","):
        for requirement in extras[extra]:
            importlib.metadata.version(re.split(r"[\[><=]", requirement)[0])
    return None


if __name__ == "__main__":
    sys.exit(main())
