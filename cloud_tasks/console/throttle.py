"""So many lines and no more: a hundred thousand failures must not flood a terminal."""

from __future__ import annotations

from cloud_tasks.console.wording import counted

BURST_MAX = 20
LINES_PER_S = 1.0


class Throttle:
    """Lets some lines through at once, then one a second; counts what it holds back."""

    def __init__(self) -> None:
        self._tokens = float(BURST_MAX)
        self._refilled_at: float | None = None
        self._hidden = 0

    def allow(self, now: float) -> bool:
        """Whether a line may be shown at `now` (monotonic, seconds)."""
        if self._refilled_at is not None:
            self._tokens = min(BURST_MAX, self._tokens + (now - self._refilled_at) * LINES_PER_S)
        self._refilled_at = now
        if self._tokens < 1:
            self._hidden += 1
            return False
        self._tokens -= 1
        return True

    def take_note(self) -> str:
        """What was held back since the last note; "" if nothing was."""
        hidden, self._hidden = self._hidden, 0
        return f"... {counted(hidden, 'more line')} like these not shown" if hidden else ""
