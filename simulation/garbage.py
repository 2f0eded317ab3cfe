"""How often a process that lives through worlds looks for garbage."""

from __future__ import annotations

import gc


def look_for_garbage_rarely() -> None:
    """From now on: worlds leave little behind, and looking through them early costs a twentieth."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
