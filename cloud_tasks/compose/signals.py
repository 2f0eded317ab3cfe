"""SIGINT and SIGTERM while a worker runs."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Sequence
from types import FrameType, TracebackType
from typing import Any, Self, TypeAlias

from msgspec import Struct

_Disposition: TypeAlias = Callable[[int, FrameType | None], Any] | int | None
"""What `signal.getsignal` gives; None where the handler was not set by Python."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_DEFAULTS: dict[signal.Signals, _Disposition] = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGTERM: signal.SIG_DFL,
}


class SignalWatch:
    """Passes the names of signals on, as a context; who receives them may change meanwhile.

    A worker that is not run in the main thread gets no signals: its program calls the shots.
    """

    def __init__(self, receiver: Callable[[str], None]) -> None:
        """Pass signals on to `receiver`."""
        self.receiver = receiver

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            if not _watches:
                _install(asyncio.get_running_loop())
            _watches.append(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self in _watches:
            _watches.remove(self)
            if not _watches:
                _uninstall(asyncio.get_running_loop())


class _Before(Struct, frozen=True):
    """What a signal did before the worker took it.

    Attributes:
        disposition: As `signal.getsignal` says.
        on_loop: Puts the program's own handler on the loop again; None if there was none, or none is known.
    """

    disposition: _Disposition
    on_loop: Callable[[], None] | None


_watches: list[SignalWatch] = []
"""Those that listen now; a program may run several workers, and a signal is meant for all of them."""
_before: dict[signal.Signals, _Before] = {}


def _install(loop: asyncio.AbstractEventLoop) -> None:
    for number in _SIGNALS:
        _before[number] = _Before(signal.getsignal(number), _putting_back(loop, number))
        loop.add_signal_handler(number, _pass_on, number.name)


def _uninstall(loop: asyncio.AbstractEventLoop) -> None:
    for number in _SIGNALS:
        before, handle = _before.pop(number), _handle_of(loop, number)
        if handle is not None and _callback_of(handle)[0] is not _pass_on:
            continue  # the program has put its own there since
        loop.remove_signal_handler(number)
        if before.on_loop is not None:
            before.on_loop()
        elif before.disposition is not None:
            signal.signal(number, before.disposition)


def _handle_of(loop: asyncio.AbstractEventLoop, number: signal.Signals) -> asyncio.Handle | None:
    """What the loop calls at a signal; None also where the loop is not of asyncio, and does not tell."""
    handlers: dict[int, asyncio.Handle] = getattr(loop, "_signal_handlers", {})
    return handlers.get(number)


def _putting_back(loop: asyncio.AbstractEventLoop, number: signal.Signals) -> Callable[[], None] | None:
    handle = _handle_of(loop, number)
    if handle is None:
        return None
    callback, args = _callback_of(handle)
    return lambda: loop.add_signal_handler(number, callback, *args)


def _callback_of(handle: asyncio.Handle) -> tuple[Callable[..., object], Sequence[Any]]:
    return handle._callback, handle._args  # type: ignore[attr-defined] # noqa: SLF001 - nothing public tells


def _pass_on(name: str) -> None:
    for watch in tuple(_watches):
        watch.receiver(name)


def _be_deaf() -> None:
    """In a fork: signals do what they did before. The worker would hear of them, whose wakeup socket it has.

    What ran on a loop cannot run here, where no loop does: the interpreter's defaults take its place.
    """
    if not _before:
        return
    signal.set_wakeup_fd(-1)
    for number, before in _before.items():
        disposition = before.disposition
        if disposition is None or _is_asyncios(disposition):
            disposition = _DEFAULTS[number]
        signal.signal(number, disposition)
    _before.clear()
    _watches.clear()


def _is_asyncios(disposition: _Disposition) -> bool:
    function = getattr(disposition, "func", disposition)  # `asyncio.run` has a partial for SIGINT
    return str(getattr(function, "__module__", "")).partition(".")[0] == "asyncio"


os.register_at_fork(after_in_child=_be_deaf)
