"""Whether this process is importing the user's program in order to run its tasks.

The `Worker` facade asks, so that a program without a main guard is told so instead of starting workers
inside its own helper processes.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

_depth = 0


def importing_program() -> bool:
    """Whether the user's program is being imported by a helper process right now."""
    return _depth > 0


class ProgramImport:
    """The time during which the program is being imported, as a context."""

    def __enter__(self) -> None:
        global _depth  # noqa: PLW0603 - one depth for all imports
        _depth += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        global _depth  # noqa: PLW0603 - one depth for all imports
        _depth -= 1
