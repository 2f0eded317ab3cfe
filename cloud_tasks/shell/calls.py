"""Carries out the machine's requests to the queue, and reports what became of each."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import TypeAlias

from cloud_tasks.core import commands as do
from cloud_tasks.core import inputs as got
from cloud_tasks.errors import (
    EndOfTasks,
    LeaseLostError,
    Problem,
    QueueError,
    QueueUnavailableError,
    SourceFailedError,
)
from cloud_tasks.interfaces import BatchingQueue, Clock, ReadyQueue, TaskQueue
from cloud_tasks.shell.bell import Bell
from cloud_tasks.shell.traces import trace_of

Feed: TypeAlias = Callable[[got.Input], None]
IN_A_ROW_MAX = 64
"""How many receives are answered on the spot before other things get their turn."""
Settlement: TypeAlias = do.Ack | do.Nack | do.DeadLetter


class QueueCalls:
    """Every call to the queue: one receive at a time, the others side by side.

    What can be done without waiting is done on the spot: with short tasks, a turn of the loop for every call
    would cost as much as the rest of the shell.

    Args:
        queue: The queue.
        clock: Tells when a call was issued.
        feed: Takes the facts.

    Attributes:
        source_problems: What was wrong with the user's input where a finite source broke off.
        source_failure: Why it broke off; "" if it has not.
    """

    def __init__(self, queue: TaskQueue, clock: Clock, feed: Feed) -> None:
        self._queue = queue
        self._clock = clock
        self._feed = feed
        self._immediate = queue.capabilities.immediate
        self._batching = queue if isinstance(queue, BatchingQueue) else None
        self._ready = queue if isinstance(queue, ReadyQueue) else None
        self._in_a_row = 0
        self._receiver: asyncio.Task[None] | None = None
        self._wanted: do.Receive | None = None
        self._want = Bell()
        self._receiving = False
        self._giving_up = False
        self._failing = False
        self.source_problems: tuple[Problem, ...] = ()
        self.source_failure = ""
        self._calls: dict[asyncio.Task[None], None] = {}
        """Under way, in the order in which they began: they are given up in that order."""

    def receive(self, command: do.Receive) -> None:
        """Ask for tasks."""
        if self._ready is not None and self._in_a_row < IN_A_ROW_MAX:
            self._in_a_row += 1
            leases = self._ready.take_ready(command.tasks_max)
            if leases:
                self._feed(got.LeasesReceived(leases, self._clock.monotonic()))
                return
        self._wanted = command
        self._want.ring()

    @property
    def takes_turns(self) -> bool:
        """Whether `turn_over` has to be told: only of a queue that may answer receives on the spot."""
        return self._ready is not None

    def turn_over(self) -> None:
        """What was done in a row is done; called whenever the shell has carried out all that was asked."""
        self._in_a_row = 0

    def cancel_receive(self, command: do.CancelReceive) -> None:
        """Give up asking; what arrives all the same is reported all the same."""
        if self._wanted is None:
            return
        self._giving_up = True
        if self._receiving and self._receiver is not None:
            self._receiver.cancel()

    def settle(self, command: Settlement) -> None:
        """Ack, nack or dead-letter."""
        if self._immediate:
            self._settle_now(command)
        elif not (self._batching and isinstance(command, do.Ack) and self._submit(command, self._batching)):
            self._spawn(self._settle_once(command))

    def extend(self, command: do.Extend) -> None:
        """Extend a lease."""
        self._spawn(self._extend_once(command))

    async def run_receives(self) -> None:
        """Ask for tasks whenever that is wanted, until cancelled.

        One task for all receives: with short tasks, one for each would cost as much as the rest of the shell.
        """
        self._receiver = asyncio.current_task()
        answers = 0
        fact: got.Input
        while True:
            if not self._want.is_rung():
                answers = 0
            elif answers == IN_A_ROW_MAX or self._ready is not None:
                # A source that always has something at hand must not keep the loop from everything else. One
                # that answers on the spot has answered as often already.
                await asyncio.sleep(0)
                answers = 0
            answers += 1
            await self._want.wait()
            if self._wanted is not None:
                fact = got.ReceiveCancelled() if self._giving_up else await self._receive_once(self._wanted)
                self._wanted = None
                self._receiving = self._giving_up = False
                self._feed(fact)

    async def aclose(self) -> None:
        """Give up every call that is under way."""
        tasks = list(self._calls)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _spawn(self, call: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(call)
        self._calls[task] = None
        task.add_done_callback(self._calls.pop)

    async def _receive_once(self, command: do.Receive) -> got.Input:
        self._receiving = True
        issued_at = self._clock.monotonic()
        try:
            leases = await self._queue.receive(command.tasks_max, command.wait_s)
        except EndOfTasks:
            return got.SourceEnded()
        except SourceFailedError as error:
            self.source_problems, self.source_failure = error.problems, str(error)
            return got.SourceFailed(self.source_failure, trace_of(error))
        except QueueUnavailableError as error:
            return got.ReceiveFailed(str(error), self._trace_of_first(error))
        except asyncio.CancelledError:
            if not self._giving_up or self._receiver is None:
                raise
            self._receiver.uncancel()
            return got.ReceiveCancelled()
        except Exception as error:  # noqa: BLE001 - boundary: a fault of an adapter must not end the worker
            return got.ReceiveFailed(f"{type(error).__name__}: {error}", self._trace_of_first(error))
        self._failing = False
        return got.LeasesReceived(leases, issued_at)

    def _trace_of_first(self, error: Exception) -> str:
        """Where it was raised; for the first of several in a row, as it takes time."""
        known, self._failing = self._failing, True
        return "" if known else trace_of(error)

    def _settle_now(self, command: Settlement) -> None:
        call = self._settle_once(command)
        try:
            call.send(None)
        except StopIteration:
            return
        call.close()
        raise QueueError(f"{type(self._queue).__name__} says that its settlements are immediate, and waits")

    def _submit(self, command: do.Ack, queue: BatchingQueue) -> bool:
        """Hand the ack over to the queue, if it takes it."""
        attempt_id = command.attempt_id

        def told(answer: asyncio.Future[None]) -> None:
            error = asyncio.CancelledError() if answer.cancelled() else answer.exception()
            self._feed(_failure(attempt_id, error, got.SettleFailed) if error else got.Settled(attempt_id))

        try:
            answer = queue.submit_ack(command.lease, command.outcome)
        except Exception:  # noqa: BLE001 - boundary: a fault of an adapter must not end the worker; `ack` tells it
            return False
        if answer is None:
            return False
        answer.add_done_callback(told)
        return True

    async def _settle_once(self, command: Settlement) -> None:
        attempt_id = command.attempt_id
        fact = await self._attempt_call(attempt_id, self._settlement(command), got.SettleFailed)
        self._feed(fact or got.Settled(attempt_id))

    def _settlement(self, command: Settlement) -> Awaitable[None]:
        if isinstance(command, do.Ack):
            return self._queue.ack(command.lease, command.outcome)
        if isinstance(command, do.Nack):
            return self._queue.nack(command.lease, command.delay_s, command.reason)
        return self._queue.dead_letter(command.lease, command.reason)

    async def _extend_once(self, command: do.Extend) -> None:
        issued_at = self._clock.monotonic()
        lease = command.lease

        async def call() -> None:
            nonlocal lease
            lease = await self._queue.extend(command.lease, command.seconds)

        fact = await self._attempt_call(command.attempt_id, call(), got.ExtendFailed)
        self._feed(fact or got.Extended(command.attempt_id, lease, issued_at))

    @staticmethod
    async def _attempt_call(
        attempt_id: int, call: Awaitable[None], failed: type[got.SettleFailed | got.ExtendFailed]
    ) -> got.Input | None:
        """Make one call about one lease; None when it went well."""
        try:
            await call
        except Exception as error:  # noqa: BLE001 - boundary: a fault of an adapter must not end the worker
            return _failure(attempt_id, error, failed)
        return None


def _failure(
    attempt_id: int, error: BaseException, failed: type[got.SettleFailed | got.ExtendFailed]
) -> got.Input:
    """What a call about one lease came to that raised."""
    if isinstance(error, LeaseLostError):
        return got.LeaseLost(attempt_id, str(error), trace_of(error))
    text = str(error) if isinstance(error, QueueUnavailableError) else f"{type(error).__name__}: {error}"
    return failed(attempt_id, text, trace_of(error))
