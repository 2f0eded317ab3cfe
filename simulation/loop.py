"""`SimulationLoop`: an asyncio event loop in virtual time, without a selector, whose schedule is drawn."""

from __future__ import annotations

import asyncio
import contextvars
import heapq
import threading
import warnings
import weakref
from collections.abc import Callable, Coroutine
from typing import Any, ClassVar, NoReturn, cast

from simulation.hosts import HOST, Host
from simulation.schedule import InTurn, Schedule
from simulation.steps import Step

_Future = asyncio.Future
UNWIND_STEPS_MAX = 1_000
STEPS_AT_ONCE_MAX = 1_000_000
"""Steps without any time going by, after which it is certain that none ever will: a fleet that begins takes a
hundredth of that."""
TASKS_KEPT = 10_000
"""References to tasks, of which most are gone, before they are looked through."""
Fault = dict[str, Any]
"""What asyncio says about an exception that nobody looked at."""


class SimulationLoop:
    """Runs steps; when none is ready, time jumps to the next timer.

    Each host has a queue of steps of its own, first in first out, as its own event loop would have. Which of
    several hosts goes next, at the same moment, is the schedule's choice. There are no sockets, threads or
    processes; asking for one raises `RuntimeError`.

    Args:
        schedule: Chooses among hosts.
        steps_at_once_max: After so many steps without any time going by, it is certain that none ever will.

    Attributes:
        world: The host of what belongs to no host.
        faults: What nobody has looked at: exceptions of callbacks, and of tasks that were forgotten.
        steps: How many steps had run when it last stopped.
        now: Virtual seconds since the beginning.
        schedule: Chooses among hosts.
        as_asyncio: This loop, for asyncio, which asks for far less than an `AbstractEventLoop` has.
    """

    def __init__(
        self, schedule: Schedule | None = None, *, steps_at_once_max: int = STEPS_AT_ONCE_MAX
    ) -> None:
        self.world = Host(0, "world", contextvars.copy_context())
        self.faults: list[Fault] = []
        self.steps = 0
        self.schedule: Schedule = schedule or InTurn()
        self.as_asyncio = cast("asyncio.AbstractEventLoop", self)
        self.now = 0.0
        self._steps_at_once_max = self._steps_max = steps_at_once_max
        self._moments: list[float] = []
        self._timers: dict[float, Step | list[Step]] = {}
        """What is due at each of the moments: a heap of numbers takes a third of the time of entries."""
        self._ready: list[Host] = []
        self._hosts = [self.world]
        self._dead: list[asyncio.Task[Any]] = []
        self._tasks: list[weakref.ref[asyncio.Task[Any]]] = []
        self._tasks_max = TASKS_KEPT
        self._running = False
        self._stopping = False
        self._closed = False

    # -- hosts -------------------------------------------------------------------------------------------

    def add_host(self, name: str) -> Host:
        """A host that may begin to run."""
        host = Host(len(self._hosts), name, contextvars.copy_context())
        self._hosts.append(host)
        return host

    def start_on(self, host: Host, work: Coroutine[Any, Any, Any], name: str = "") -> asyncio.Task[Any]:
        """Run a coroutine as a task of a host."""
        context = host.context.copy()
        return self._remembered(
            asyncio.Task(work, loop=self.as_asyncio, name=name or host.name, context=context)
        )

    def at(self, host: Host, when: float, callback: Callable[..., object], *args: Any) -> Step:
        """Run a callback of a host at a moment of `time()`, whoever asks for it."""
        if when <= self.now:
            step = Step(host, callback, args, host.context)
            if host.alive:
                self._make_ready(step)
            return step
        step = Step(host, callback, args, host.context, when)
        if self._timers.setdefault(when, step) is step:
            heapq.heappush(self._moments, when)
        else:
            self._join(when, step)
        return step

    def _join(self, when: float, step: Step) -> None:
        """One more that is due at that moment."""
        due = self._timers[when]
        if isinstance(due, Step):
            self._timers[when] = [due, step]
        else:
            due.append(step)

    def kill(self, host: Host) -> None:
        """Let nothing of the host run any more."""
        host.alive = False
        # What nobody refers to any more would be unwound by chance, whenever garbage is collected.
        self._dead += [task for task in self.pending() if is_task_of(host, task)]
        host.ready.clear()
        if host in self._ready:
            self._ready.remove(host)

    def stop_host(self, host: Host) -> None:
        """SIGSTOP: what becomes due waits."""
        host.stopped = True
        if host in self._ready:
            self._ready.remove(host)

    def continue_host(self, host: Host) -> None:
        """SIGCONT."""
        if host.stopped:
            host.stopped = False
            if host.ready and host.alive:
                self._ready.append(host)

    def moment_at(self, share: float) -> float:
        """One of the moments for which anybody waits now, by a number from 0 to 1; now if there are none."""
        moments = self._moments
        return moments[min(int(share * len(moments)), len(moments) - 1)] if moments else self.now

    # -- running -----------------------------------------------------------------------------------------

    def run_forever(self) -> None:
        """Run until `stop` is called or nothing is left that could run.

        Raises:
            StandstillError: Somebody goes on and on without any time going by.
        """
        if self._running:
            raise RuntimeError("this loop is running already")
        self._running, self._stopping = True, False
        outer = asyncio._get_running_loop()  # noqa: SLF001 - made for event loops
        asyncio._set_running_loop(self.as_asyncio)  # noqa: SLF001 - made for event loops
        try:
            self._run()
        finally:
            self._running = False
            asyncio._set_running_loop(outer)  # noqa: SLF001 - made for event loops

    def run_until_complete(self, future: Any) -> Any:
        """Run until the future is done; returns its result.

        Raises:
            DeadlockError: Nothing is left that could bring it about.
        """
        work = asyncio.ensure_future(future, loop=self.as_asyncio)
        work.add_done_callback(self._stop_at)
        self.run_forever()
        work.remove_done_callback(self._stop_at)
        if not work.done():
            raise DeadlockError(f"nothing is left to run, and {work} is not done")
        return work.result()

    def run_until(self, moment: float) -> None:
        """Run until that moment; time is there afterwards, whether or not anything was left to do."""
        stopper = self.call_at(moment, self.stop)
        self.run_forever()
        stopper.cancel()
        if moment > self.now:
            self.now = moment
            self._steps_max = self.steps + self._steps_at_once_max

    def _run(self) -> None:  # noqa: C901 - every step of everything goes through it
        """One step after the other. In one piece, because everything that is simulated goes through it."""
        ready, moments, timers, at_once_max = (
            self._ready,
            self._moments,
            self._timers,
            self._steps_at_once_max,
        )
        steps, steps_max = self.steps, self._steps_max
        try:
            while not self._stopping:
                if ready:
                    index = 0 if len(ready) == 1 else self.schedule.choose(ready)
                    waiting = ready[index].ready
                    step = waiting.popleft()
                    if not waiting:
                        del ready[index]
                elif moments:
                    # Time jumps to the next timer that still means something.
                    moment = heapq.heappop(moments)
                    due = timers.pop(moment)
                    if (
                        type(due) is not Step
                        or due.callback is None
                        or due.host.stopped
                        or not due.host.alive
                    ):
                        if self._make_due_ready(moment, due):
                            steps_max = steps + at_once_max
                        continue
                    step = due
                    if moment > self.now:
                        self.now = moment
                        steps_max = steps + at_once_max
                else:
                    return
                callback = step.callback
                if callback is None:
                    continue
                if steps >= steps_max:
                    raise StandstillError(self.now, step.host.name, at_once_max)
                args = step.args
                # Often among its arguments is who keeps the step, to cancel it: neither is to keep the other.
                step.callback, step.args = None, ()
                steps += 1
                try:
                    step.context.run(callback, *args)
                except Exception as error:  # noqa: BLE001 - boundary: as every event loop does it
                    self.call_exception_handler({"message": f"exception in {callback!r}", "exception": error})
        finally:
            self.steps, self._steps_max = steps, steps_max

    def _make_due_ready(self, moment: float, due: Step | list[Step]) -> bool:
        """Jump to where several are due, or who is stopped; not for nobody. Says whether time went on."""
        steps = [due] if isinstance(due, Step) else due
        alive = [step for step in steps if step.callback is not None and step.host.alive]
        for step in alive:
            self._make_ready(step)
        if not alive or moment <= self.now:
            return False
        self.now = moment
        return True

    def _make_ready(self, step: Step) -> None:
        host = step.host
        if not host.ready and not host.stopped:
            self._ready.append(host)
        host.ready.append(step)

    def _stop_at(self, _: object) -> None:
        self.stop()

    # -- what asyncio asks of a loop ---------------------------------------------------------------------

    def time(self) -> float:
        """Virtual seconds since the beginning."""
        return self.now

    def call_soon(
        self,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> Step:
        """Run a callback in a moment of its host."""
        if context is None:
            host = HOST.get(self.world)
            context = host.context
        else:
            host = context.get(HOST) or self.world
        step = Step(host, callback, args, context)
        if host.alive:
            queue = host.ready
            if not queue and not host.stopped:
                self._ready.append(host)
            queue.append(step)
        return step

    def call_later(
        self,
        delay: float,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> Step:
        """Run a callback after `delay` seconds."""
        return self.call_at(self.now + delay, callback, *args, context=context)

    def call_at(
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> Step:
        """Run a callback at a moment of `time()`; at once if that has gone by."""
        if context is None:
            host = HOST.get(self.world)
            context = host.context
        else:
            host = context.get(HOST) or self.world
        step = Step(host, callback, args, context, when)
        due_at = max(when, self.now)
        if self._timers.setdefault(due_at, step) is step:
            heapq.heappush(self._moments, due_at)
        else:
            self._join(due_at, step)
        return step

    def call_soon_threadsafe(
        self,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> Step:
        """As `call_soon`: there are no other threads.

        Raises:
            RuntimeError: There are. Nothing would be the same twice.
        """
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("a thread calls into the simulation, which has no threads")
        return self.call_soon(callback, *args, context=context)

    def create_future(self) -> asyncio.Future[Any]:
        """A future of this loop."""
        return _Future(loop=self.as_asyncio)

    def create_task(
        self,
        coro: Any,
        *,
        name: str | None = None,
        context: contextvars.Context | None = None,
    ) -> asyncio.Task[Any]:
        """A task of the host that asks for it; its name begins with that of the host.

        Raises:
            RuntimeError: All is over. The coroutine is closed: nobody is to hear of it when it is garbage.
        """
        if self._closed:
            coro.close()
            raise RuntimeError("the simulation is over")
        host = HOST.get(self.world)
        full_name = f"{host.name}: {name}" if name else host.name
        return self._remembered(asyncio.Task(coro, loop=self.as_asyncio, name=full_name, context=context))

    def _remembered(self, task: asyncio.Task[Any]) -> asyncio.Task[Any]:
        """A list of weak references costs less than a `WeakSet`, which is called when each task is gone."""
        tasks = self._tasks
        tasks.append(weakref.ref(task))
        if len(tasks) >= self._tasks_max:
            self._tasks = [one for one in tasks if one() is not None]
            self._tasks_max = max(TASKS_KEPT, 2 * len(self._tasks))
        return task

    def pending(self) -> list[asyncio.Task[Any]]:
        """The tasks that are not done. `asyncio.all_tasks` would look through those of other worlds, too."""
        tasks = (reference() for reference in self._tasks)
        return [task for task in tasks if task is not None and not task.done()]

    @property
    def tasks_remembered(self) -> int:
        """Of how many tasks it is known that there were some."""
        return len(self._tasks)

    def look_for_unseen(self) -> None:
        """Note the exceptions that nobody has looked at of tasks that somebody still refers to.

        The others were noted when they were forgotten. A host that was killed had no time to look.
        """
        killed = {host.name for host in self._hosts if not host.alive}
        for reference in self._tasks:
            task: Any = reference()
            # Whether somebody has looked is nowhere to be asked, but it is what a task goes by itself.
            if task is None or not task.done() or not task._log_traceback:  # noqa: SLF001 - what asyncio looks at
                continue
            if task.get_name().partition(":")[0] not in killed:
                message = f"exception in the task {task.get_name()!r} was never retrieved"
                self.faults.append({"message": message, "exception": task.exception()})

    def stop(self) -> None:
        """End `run_forever` after this step."""
        self._stopping = True

    def is_running(self) -> bool:
        """Whether steps are being run."""
        return self._running

    def is_closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    def close(self) -> None:
        """Forget what has not run, and unwind what still waits: else that would be done later, by chance."""
        self._closed = True
        self._moments.clear()
        self._timers.clear()
        self._ready.clear()
        for host in self._hosts:
            host.alive = False
            host.ready.clear()
        outer = asyncio._get_running_loop()  # noqa: SLF001 - made for event loops
        asyncio._set_running_loop(self.as_asyncio)  # noqa: SLF001 - made for event loops
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)  # of coroutines that a clean-up makes in vain
                for task in self.pending():
                    _unwind(task)
        finally:
            asyncio._set_running_loop(outer)  # noqa: SLF001 - made for event loops

    get_debug: ClassVar[Callable[[], bool]] = staticmethod(bool)
    """Never: asyncio would look at the clock. It asks for each future, and a type answers without a frame."""

    def get_exception_handler(self) -> None:
        """None: faults are noted here, whoever else wants to hear of them."""

    def set_exception_handler(self, handler: object) -> None:
        """No effect, likewise."""

    def call_exception_handler(self, context: Fault) -> None:
        """Note a fault; that of a host that was killed is none."""
        self.faults.append(context)

    def default_exception_handler(self, context: Fault) -> None:
        """As `call_exception_handler`."""
        self.faults.append(context)

    async def shutdown_asyncgens(self) -> None:
        """There is nothing to do."""

    def run_in_executor(self, executor: object, func: object, *args: object) -> NoReturn:
        """Refused: there are no threads here.

        Raises:
            RuntimeError: Always.
        """
        raise RuntimeError("the simulation has no threads: give the adapter its way of making calls")


def is_task_of(host: Host, task: asyncio.Task[Any]) -> bool:
    """Whether a task belongs to a host."""
    return task.get_name().partition(":")[0] == host.name


def _unwind(task: asyncio.Task[Any]) -> None:
    """End a coroutine that nobody will ever step again, whatever it tries to wait for on its way out."""
    forgotten: Any = task
    forgotten._log_destroy_pending = False  # noqa: SLF001 - there is no other way to say so
    coroutine: Any = task.get_coro()
    for _ in range(UNWIND_STEPS_MAX):
        try:
            coroutine.throw(asyncio.CancelledError)
        except BaseException:  # noqa: BLE001 - boundary: what a dead worker would have said is of no interest
            return


class DeadlockError(Exception):
    """Nothing is left to run, and what was waited for has not come about."""


class StandstillError(Exception):
    """Somebody goes on and on, and time does not.

    Attributes:
        at_s: When.
        host: The name of one who is about to go on.
    """

    def __init__(self, at_s: float, host: str, steps: int) -> None:
        self.at_s = at_s
        self.host = host
        super().__init__(f"time stands still at {at_s:,.3f} s: {steps:,} steps and no end to them")
