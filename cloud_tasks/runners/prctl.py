"""Two things that only Linux can do, and that nothing in the standard library asks for."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_SIGKILL = 9


class _Prctl:
    """The C function and its arguments, made once in the template, so that forks have them for nothing."""

    def __init__(self) -> None:
        from ctypes import CDLL, c_int, c_ulong

        self.call: Callable[..., int] = CDLL(None).prctl
        self.deathsig, self.subreaper = c_int(_PR_SET_PDEATHSIG), c_int(_PR_SET_CHILD_SUBREAPER)
        self.kill, self.zero, self.one = c_ulong(_SIGKILL), c_ulong(0), c_ulong(1)


_prctl = _Prctl() if sys.platform == "linux" else None


def die_with_parent() -> None:
    """Be killed when the parent dies. Not kept by forks, kept by `exec`."""
    if _prctl is not None:
        _prctl.call(_prctl.deathsig, _prctl.kill, _prctl.zero, _prctl.zero, _prctl.zero)


def outlive_parent() -> None:
    """Take that back."""
    if _prctl is not None:
        _prctl.call(_prctl.deathsig, _prctl.zero, _prctl.zero, _prctl.zero, _prctl.zero)


def adopt_orphans() -> None:
    """Become the parent of all descendants whose own parents die. Not kept by forks."""
    if _prctl is not None:
        _prctl.call(_prctl.subreaper, _prctl.one, _prctl.zero, _prctl.zero, _prctl.zero)
