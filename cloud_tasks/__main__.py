"""`python -m cloud_tasks`: the commands."""

from __future__ import annotations

import sys

from cloud_tasks.cli import main

if __name__ == "__main__":
    sys.exit(main())
