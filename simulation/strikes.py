"""Faults that strike at a time: what each does to the world."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from simulation.fault_source import FaultSource
from simulation.faults import Fault, FaultClass
from simulation.fleet import Fleet, SimulatedWorker
from simulation.loop import SimulationLoop
from simulation.plan import RunPlan
from simulation.weather import Weather

STARVED_SLICE_S = 0.5
"""A starved worker stands still for so long, goes on for a tenth of that, and so on."""
STARVED_SHARE = 0.1


class Strikes:
    """Carries out the faults of a plan that strike at moments.

    Args:
        plan: Which, and when.
        loop: Time.
        faults: Told of what struck, and of what made a difference.
        fleet: The workers.
        weather: What lies between them and the queue.
    """

    def __init__(
        self, plan: RunPlan, loop: SimulationLoop, faults: FaultSource, fleet: Fleet, weather: Weather
    ) -> None:
        self._plan = plan
        self._loop = loop
        self._faults = faults
        self._fleet = fleet
        self._weather = weather

    def plan(self) -> None:
        """See to it that each strikes when its time has come."""
        for fault in self._plan.faults:
            act = TIMED.get(fault.kind)
            if act is not None:
                self._loop.at(self._loop.world, fault.at_s, self._strike, act, fault)

    def _strike(self, act: Callable[[Strikes, Fault], None], fault: Fault) -> None:
        if not self._faults.quiet:
            self._faults.note(fault)
            act(self, fault)

    def _until(self, fault: Fault) -> float:
        return self._loop.now + fault.size

    # -- what concerns all -------------------------------------------------------------------------------

    def begin_outage(self, fault: Fault) -> None:
        """The queue stops answering."""
        self._weather.outage_until = max(self._weather.outage_until, self._until(fault))

    def begin_refusals(self, fault: Fault) -> None:
        """The queue refuses most calls."""
        self._weather.refusing_until = max(self._weather.refusing_until, self._until(fault))

    # -- what concerns one worker ------------------------------------------------------------------------

    def _worker(self, fault: Fault) -> SimulatedWorker | None:
        """The worker that a fault strikes: the n-th of those that run now."""
        running = [worker for worker in self._fleet.workers if worker.running]
        return running[fault.which % len(running)] if running else None

    def _trouble(self, until: dict[str, float], fault: Fault) -> None:
        """What a worker has to bear for a while; a shorter fault does not end a longer one."""
        worker = self._worker(fault)
        if worker is not None:
            name = worker.host.name
            until[name] = max(until.get(name, 0.0), self._until(fault))

    def cut_off(self, fault: Fault) -> None:
        """No call of a worker gets through."""
        self._trouble(self._weather.cut_until, fault)

    def deafen(self, fault: Fault) -> None:
        """No answer gets back to a worker."""
        self._trouble(self._weather.deaf_until, fault)

    def clog(self, fault: Fault) -> None:
        """The calls of a worker are held."""
        self._trouble(self._weather.clogged_until, fault)

    def fill_disk(self, fault: Fault) -> None:
        """A worker can store no events."""
        self._trouble(self._weather.full_until, fault)

    def crash(self, fault: Fault) -> None:
        """SIGKILL."""
        worker = self._worker(fault)
        if worker is not None:
            self._faults.had_effect(fault.kind)
            self._fleet.kill(worker)

    def halt(self, fault: Fault) -> None:
        """SIGSTOP, and SIGCONT later."""
        worker = self._worker(fault)
        if worker is not None and not worker.host.stopped:
            self._faults.had_effect(fault.kind)
            self._fleet.stop(worker)
            self._loop.at(self._loop.world, self._until(fault), self._fleet.go_on, worker)

    def suspend(self, fault: Fault) -> None:
        """The machine of a worker stands still."""
        worker = self._worker(fault)
        if worker is not None and not worker.host.stopped:
            self._faults.had_effect(fault.kind)
            self._fleet.suspend(worker)
            self._loop.at(self._loop.world, self._until(fault), self._fleet.go_on, worker)

    def starve(self, fault: Fault) -> None:
        """A worker gets little of the processor."""
        worker = self._worker(fault)
        if worker is not None:
            self._faults.had_effect(fault.kind)
            self._starve_on(worker, self._until(fault))

    def _starve_on(self, worker: SimulatedWorker, until: float) -> None:
        """Stand still for a slice, and see after that."""
        now = self._loop.now
        if self._faults.quiet or now >= until or worker.host.stopped:
            return
        self._fleet.stop(worker)
        self._loop.at(self._loop.world, now + STARVED_SLICE_S, self._fleet.go_on, worker)
        again_at = now + STARVED_SLICE_S * (1 + STARVED_SHARE)
        self._loop.at(self._loop.world, again_at, self._starve_on, worker, until)

    def terminate(self, fault: Fault) -> None:
        """SIGTERM."""
        worker = self._worker(fault)
        if worker is not None:
            self._faults.had_effect(fault.kind)
            self._fleet.terminate(worker)

    def give_notice(self, fault: Fault) -> None:
        """The machine of a worker is to go; it does, unless the notice is all."""
        worker = self._worker(fault)
        if worker is None:
            return
        self._faults.had_effect(fault.kind)
        self._fleet.give_notice(worker, fault.size)
        if fault.kind is FaultClass.NOTICE:
            self._loop.at(self._loop.world, self._until(fault), self._fleet.kill, worker)

    def step_wall(self, fault: Fault) -> None:
        """The time of day of a worker steps."""
        worker = self._worker(fault)
        if worker is not None:
            worker.clock.step_wall(fault.size, partial(self._faults.had_effect, fault.kind))


TIMED: dict[FaultClass, Callable[[Strikes, Fault], None]] = {
    FaultClass.OUTAGE: Strikes.begin_outage,
    FaultClass.THROTTLE_BURST: Strikes.begin_refusals,
    FaultClass.PARTITION: Strikes.cut_off,
    FaultClass.ONE_WAY: Strikes.deafen,
    FaultClass.CLOG: Strikes.clog,
    FaultClass.DISK_FULL: Strikes.fill_disk,
    FaultClass.WORKER_CRASH: Strikes.crash,
    FaultClass.WORKER_STOP: Strikes.halt,
    FaultClass.SUSPEND: Strikes.suspend,
    FaultClass.STARVED: Strikes.starve,
    FaultClass.SIGTERM: Strikes.terminate,
    FaultClass.NOTICE: Strikes.give_notice,
    FaultClass.NOTICE_WITHOUT_KILL: Strikes.give_notice,
    FaultClass.WALL_STEP: Strikes.step_wall,
}
"""The classes that strike at a time, with what each does."""
