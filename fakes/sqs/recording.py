"""A record of every call and its answer, in the order in which they took effect."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, TypeAlias

import msgspec
from msgspec import Struct

from cloud_tasks.interfaces import Clock
from fakes.faults import FaultKind
from fakes.sqs.errors import SqsError
from fakes.sqs.faulty import NoReplyError
from fakes.sqs.operations import Caller

CANCELLED = "cancelled"
"""In place of an error: the caller hung up, and the call had no effect."""

CarryOut: TypeAlias = Callable[[Caller, str, Struct], Awaitable[Struct]]


class RecordedCall(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One call.

    Attributes:
        asked_at: When it arrived, on the machine's monotonic clock.
        at: When it took effect and was answered.
        operation: Its name.
        who: The access key that it was signed with.
        invocation: What the client calls it; the same when it tries again by itself.
        request: What it asked for, as on the wire.
        answer: What it was answered, likewise; None for a refusal.
        error: Why it was refused; "" for success, `CANCELLED` where the caller hung up before.
        lost: Whether the answer never went out.
        struck: The faults that made a difference to it.
    """

    asked_at: float
    at: float
    operation: str
    who: str = ""
    invocation: str = ""
    request: Mapping[str, Any] = {}
    answer: Mapping[str, Any] | None = None
    error: str = ""
    lost: bool = False
    struck: tuple[FaultKind, ...] = ()


class TurnClock:
    """Time that stands still while the event loop turns once: what happens in one go has one moment.

    So what is written down of a call is the very moment that the model went by.

    Args:
        clock: Time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._now_s: float | None = None

    def monotonic(self) -> float:
        """The time, as it was when it was first asked for in this turn."""
        if self._now_s is None:
            self._now_s = self._clock.monotonic()
            asyncio.get_running_loop().call_soon(self._go_on)
        return self._now_s

    def utc_now(self) -> datetime:
        """The time of day."""
        return self._clock.utc_now()

    async def sleep_until(self, moment: float) -> None:
        """Sleep until that moment."""
        await self._clock.sleep_until(moment)

    def _go_on(self) -> None:
        self._now_s = None


class Recorder:
    """Carries out calls, and writes a line of JSON for each.

    Args:
        carry_out: What carries them out.
        clock: When; one on which no time goes by between an effect and its line.
        write: Takes each line.
    """

    def __init__(self, carry_out: CarryOut, clock: Clock, write: Callable[[bytes], object]) -> None:
        self._carry_out = carry_out
        self._clock = clock
        self._write = write

    async def carry_out(self, caller: Caller, name: str, request: Struct) -> Struct:
        """Carry out a call, and record it; raises what the call raises."""
        asked_at = self._clock.monotonic()

        def record(answer: Struct | None, error: str = "", *, lost: bool = False) -> None:
            call = RecordedCall(
                asked_at=asked_at,
                at=self._clock.monotonic(),
                operation=name,
                who=caller.who,
                invocation=caller.invocation,
                request=msgspec.to_builtins(request),
                answer=None if answer is None else msgspec.to_builtins(answer),
                error=error,
                lost=lost,
                struck=tuple(caller.struck),
            )
            self._write(msgspec.json.encode(call) + b"\n")

        try:
            answer = await self._carry_out(caller, name, request)
        except SqsError as error:
            record(None, error.code)
            raise
        except NoReplyError as error:
            record(error.answer, lost=True)
            raise
        except asyncio.CancelledError:
            record(None, CANCELLED)
            raise
        record(answer)
        return answer


def who_signed(authorization: str) -> str:
    """The access key in a header of AWS's signatures; "" if there is none."""
    return authorization.partition("Credential=")[2].partition("/")[0]
