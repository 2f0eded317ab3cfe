"""A model of all that the machine talks to, and a check of every command that it gives.

The queue's side keeps books of its own (`fakes.message_store`); what the machine believes is compared with
them. The numbers in the checks: S1 nothing is settled before its outcome is durable; S2 a signal or an exit
is never a success; S3 no message is lost; S4 outcome, event and lease belong together; S5 never two live
runs of one task; S6 no run outlives its lease; S7 no more runs than deliveries; S8 attempts within their
budget; S9 put aside if and only if exhausted; S10 no extension after the end; S11 the newest receipt; S12
one verdict; S13 nothing new during a drain; S15 nothing left at the end; S16 time is what the machine is
told; S17 one event for each attempt.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from cloud_tasks.core import commands as do
from cloud_tasks.core import inputs as got
from cloud_tasks.core.capabilities import QueueCapabilities
from cloud_tasks.core.events import TaskCompleted, TaskDeadLettered, TaskEvent, TaskInterrupted
from cloud_tasks.core.machine import MachineSettings, WorkerMachine
from cloud_tasks.core.message import decode_task, encode_task
from cloud_tasks.core.policy import longest_run_s
from cloud_tasks.core.task import EndKind, HandBack, Lease, OutcomeKind, RunEnd, Task
from cloud_tasks.errors import LeaseLostError
from fakes.history import Fact, FactKind
from fakes.message_store import MessageStore
from fakes.messages import Message
from fakes.queue_options import QueueOptions

SETTLEMENTS = (do.Ack, do.Nack, do.DeadLetter)
EPSILON_S = 1e-6


class Run:
    """One attempt as the model sees it."""

    def __init__(self, command: do.StartRun, lease: Lease, latest_end: float) -> None:
        self.id = command.attempt_id
        self.number = command.attempt
        self.key = lease.key
        self.latest_end = latest_end
        self.deadline = float("inf")
        self.started = False
        self.end: RunEnd | None = None
        self.start_failed = False
        self.gone = False
        self.stopped_at: float | None = None
        self.killed = False

    @property
    def alive(self) -> bool:
        return not self.gone and not self.start_failed


class Held:
    """One lease that was handed to the machine, by the number of its attempt."""

    def __init__(self, attempt_id: int, lease: Lease, issued_at: float) -> None:
        self.attempt_id = attempt_id
        self.lease = lease
        self.key = lease.key
        self.held_since = issued_at
        self.ends_at = issued_at + lease.duration_s if lease.duration_s is not None else None
        self.events: list[TaskEvent] = []
        self.spent = 0
        self.stored = False
        self.verdict: do.Command | None = None
        self.settling: do.Command | None = None
        self.settle_effect = False
        self.settled = False
        self.extending: do.Extend | None = None
        self.told_lost = False
        self.run: Run | None = None


class World:
    """Queue, runner, sink and time around one machine."""

    def __init__(
        self, settings: MachineSettings, capabilities: QueueCapabilities, options: QueueOptions, tasks: int
    ) -> None:
        self.settings = settings
        self.capabilities = capabilities
        self.machine = WorkerMachine(settings, capabilities)
        self.twin = WorkerMachine(settings, capabilities)
        self.now = 1000.0
        self.queue_facts: list[Fact] = []
        self.queue = MessageStore(options, self.queue_facts.append)
        for number in range(tasks):
            self.queue.put(self.now, encode_task(Task(f"task {number}", {})), 0.0)
        self.receive: do.Receive | None = None
        self.receive_issued_at = 0.0
        self.received: list[Message] | None = None
        self.held: dict[int, Held] = {}
        self.attempts_of: dict[str, int] = {}
        self.unheard: dict[str, int] = {}
        self.sink: list[do.Record] = []
        self.draining = False
        self.requests = 0
        self.finished: do.Finish | None = None
        self.broken = False
        self.carriers = self._make_carriers()

    # -- facts in, commands out --------------------------------------------------------------------------

    def tell(self, fact: got.Input) -> None:
        """Report a fact to the machine, and check and take in what it asks for."""
        self.broken = True
        commands = self.machine.handle(fact, self.now)
        assert commands == self.twin.handle(fact, self.now), "S16: only the fact and `now` may count"
        for command in commands:
            assert self.finished is None, "the last command was not the last"
            self.carriers[type(command)](command)
        self._check_all()
        self.broken = False

    def _make_carriers(self) -> dict[type, Callable[[Any], None]]:
        return {
            do.Receive: self._on_receive,
            do.CancelReceive: self._on_cancel,
            do.StartRun: self._on_start,
            do.StopRun: self._on_stop,
            do.KillRun: self._on_kill,
            do.Record: self._on_record,
            do.Ack: self._on_settle,
            do.Nack: self._on_settle,
            do.DeadLetter: self._on_settle,
            do.Extend: self._on_extend,
            do.NotifyRuns: lambda _: None,
            do.Finish: self._on_finish,
        }

    @property
    def runs(self) -> list[Run]:
        return [held.run for held in self.held.values() if held.run is not None]

    def _check_all(self) -> None:
        alive = [run for run in self.runs if run.alive]
        assert len(alive) <= self.settings.slots, "S13: more runs than slots"
        assert len({run.key for run in alive}) == len(alive), "S5: two runs of one task"
        assert self.machine.running <= self.settings.slots, "S13: more slots taken than there are"
        for held in self.held.values():
            run = held.run
            if run is None or run.end is not None or not run.alive:
                continue
            if held.ends_at is not None and not held.told_lost and self.finished is None:
                assert run.killed or self.now < held.ends_at, "S6: a run outlives its lease"
            assert run.stopped_at is not None or self.now < run.deadline, "the deadline has passed"
            if run.stopped_at is not None and self.finished is None:
                assert run.killed or self.now < run.stopped_at + self.settings.stop_s, "S16: TERM, then KILL"

    # -- queue -------------------------------------------------------------------------------------------

    def _on_receive(self, command: do.Receive) -> None:
        assert self.receive is None, "one receive at a time"
        assert not self.draining, "S13: no receive after a notice or a request to end"
        assert 1 <= command.tasks_max <= self.capabilities.batch_size_max
        assert command.wait_s >= 0
        self.receive, self.receive_issued_at = command, self.now

    def _on_cancel(self, command: do.CancelReceive) -> None:
        assert self.receive is not None
        assert self.draining

    def take_messages(self) -> None:
        """The queue leases messages for the receive that is under way; the reply is still to come."""
        assert self.receive is not None
        self.received = self.queue.take(self.now, self.receive.tasks_max)

    def answer_receive(self) -> None:
        """The reply arrives."""
        issued_at, messages = self.receive_issued_at, self.received or []
        self.receive = self.received = None
        leases = [self._lease_of(message) for message in messages]
        first = len(self.held) + 1
        for number, lease in enumerate(leases, first):
            self.held[number] = Held(number, lease, issued_at)
        self.tell(got.LeasesReceived(leases, issued_at))

    def fail_receive(self) -> None:
        """The reply is lost; what the queue has leased stays leased."""
        for message in self.received or []:
            self.unheard[message.key] = self.unheard.get(message.key, 0) + 1
        self.receive = self.received = None
        self.tell(got.ReceiveCancelled() if self.draining else got.ReceiveFailed("no answer"))

    def _lease_of(self, message: Message) -> Lease:
        options = self.queue._options
        return Lease(
            decode_task(message.body),
            message.key,
            message.receipt,
            options.lease_s,
            message.delivery_count if self.capabilities.delivery_count else None,
            message.interruptions if self.capabilities.counts_interruptions else 0,
        )

    def _on_extend(self, command: do.Extend) -> None:
        held, limits = self.held[command.attempt_id], self.capabilities
        assert held.extending is None, "one extension at a time"
        assert held.verdict is None, "S10: no extension after the settlement"
        assert not held.told_lost, "S10: no extension of a lost lease"
        assert command.lease == held.lease, "S11: the newest receipt"
        assert limits.renewable
        assert 0 < command.seconds <= (limits.lease_s_max or command.seconds)
        total_s = self.now + command.seconds - held.held_since
        assert limits.lease_total_s_max is None or total_s <= limits.lease_total_s_max + EPSILON_S
        held.extending = command

    def answer_extend(self, held: Held, *, effect: bool, heard: bool, issued_s_ago: float) -> None:
        """The extension takes effect or not, and its reply arrives or not."""
        command = held.extending
        assert command is not None
        issued_at = self.now - issued_s_ago
        fact: got.Input = got.ExtendFailed(held.attempt_id, "no answer")
        newer: Lease | None = None
        if effect:
            fact, newer = self._extend(held, command, issued_at)
        held.extending = None
        if heard and newer is not None:
            held.lease = newer
            assert newer.duration_s is not None
            held.ends_at = max(held.ends_at or 0.0, issued_at + newer.duration_s)
        held.told_lost = heard and isinstance(fact, got.LeaseLost)
        self.tell(fact if heard else got.ExtendFailed(held.attempt_id, "no answer"))

    def _extend(self, held: Held, command: do.Extend, issued_at: float) -> tuple[got.Input, Lease | None]:
        lease = command.lease
        try:
            message = self.queue.extend(self.now, lease.key, lease.receipt, command.seconds)
        except LeaseLostError as error:
            return got.LeaseLost(held.attempt_id, str(error)), None
        assert message.timer is not None
        newer = Lease(lease.task, lease.key, message.receipt, message.timer.moment - self.now)
        return got.Extended(held.attempt_id, newer, issued_at), newer

    def stealable(self) -> list[Held]:
        """Attempts whose lease the queue still knows."""
        return [held for held in self.held.values() if not held.settled and not held.told_lost]

    def steal(self, held: Held) -> None:
        """The queue makes a message visible although its lease goes on."""
        with contextlib.suppress(LeaseLostError):
            self.queue.nack(self.now, held.key, held.lease.receipt, 0.0, interrupted=False)
            self.unheard[held.key] = self.unheard.get(held.key, 0) + 1

    def _on_settle(self, command: do.Ack | do.Nack | do.DeadLetter) -> None:
        held = self.held[command.attempt_id]
        assert held.settling is None, "S12: one settlement at a time"
        assert not held.settled, "S12: settled is settled"
        assert not held.told_lost, "a lost lease is not settled"
        assert held.extending is None, "S11: the receipt is about to change"
        assert command.lease == held.lease, "S11: the newest receipt"
        if held.verdict is not None:
            assert command == held.verdict, "S12: one verdict"
        if held.events:
            assert held.stored, "S1: nothing is settled before the outcome is durable"
            self._check_verdict(held, command)
            self._note_regained(held)
        else:
            assert held.run is None, "S17: a run that ended without an event"
            assert isinstance(command, do.Nack), "an untouched task is handed back"
            assert command.reason is not HandBack.RETRY
        held.verdict = held.settling = command

    def _note_regained(self, held: Held) -> None:
        """What was given up and is handed back after all has not been an attempt, if it was the last one."""
        (event,) = held.events
        if isinstance(event, TaskInterrupted) and event.reason == "lease_lost":
            runs = [one.attempt_id for one in self.held.values() if one.key == held.key and one.run]
            self.attempts_of[held.key] -= held.attempt_id == max(runs, default=0)

    def _check_verdict(self, held: Held, command: do.Command) -> None:
        """S2, S4, S9: outcome, event and settlement belong together."""
        (event,) = held.events
        returned = held.run is not None and held.run.end is not None and held.run.end.kind is EndKind.RETURNED
        goes_back = isinstance(command, do.Nack) and self.capabilities.requeues
        assert event.retry == goes_back, "the event does not say what becomes of the task"
        given_up = isinstance(event, TaskInterrupted) and event.reason == "lease_lost"
        assert isinstance(event, TaskCompleted) == returned or given_up, "S2: completed means returned"
        if isinstance(command, do.Ack):
            assert (command.outcome.kind is OutcomeKind.COMPLETED) == returned, "S2: acked as what it was not"
            assert not isinstance(event, TaskInterrupted), "an interrupted task is never acked"
        if isinstance(command, do.Nack):
            assert (command.reason is HandBack.INTERRUPTED) == isinstance(event, TaskInterrupted)
            assert 0 <= command.delay_s <= self.capabilities.delay_s_max, "S8: a delay out of bounds"
        if isinstance(command, do.DeadLetter):
            self._check_exhausted(held, event)
        if isinstance(event, TaskDeadLettered):
            assert held.run is None
            assert isinstance(command, do.DeadLetter)

    def _check_exhausted(self, held: Held, event: TaskEvent) -> None:
        """S9: put aside if and only if exhausted."""
        if isinstance(event, TaskInterrupted):
            assert self.settings.retry.interruptions_max is not None
            return
        most = self.settings.retry.attempts_max
        assert most is not None
        assert held.spent >= most, "S9: put aside before its time"

    def answer_settle(self, held: Held, *, effect: bool, heard: bool) -> None:
        """The settlement takes effect or not, and its reply arrives or not."""
        command = held.settling
        assert command is not None
        fact: got.Input = got.SettleFailed(held.attempt_id, "no answer")
        if effect:
            fact = self._settle(held, command)
        held.settling = None
        if heard:
            held.settled = isinstance(fact, got.Settled)
            held.told_lost = isinstance(fact, got.LeaseLost)
        self.tell(fact if heard else got.SettleFailed(held.attempt_id, "no answer"))

    def _settle(self, held: Held, command: do.Command) -> got.Input:
        lease, now = held.lease, self.now
        try:
            if isinstance(command, do.Ack):
                self.queue.ack(now, lease.key, lease.receipt)
            elif isinstance(command, do.Nack):
                interrupted = command.reason is not HandBack.RETRY
                self.queue.nack(now, lease.key, lease.receipt, command.delay_s, interrupted=interrupted)
            else:
                assert isinstance(command, do.DeadLetter)
                self.queue.dead_letter(now, lease.key, lease.receipt, command.reason)
        except LeaseLostError as error:
            # The queue cannot tell "you have settled it before" from "somebody else has it".
            return got.LeaseLost(held.attempt_id, str(error))
        return got.Settled(held.attempt_id)

    # -- runs --------------------------------------------------------------------------------------------

    def _on_start(self, command: do.StartRun) -> None:
        held = self.held[command.attempt_id]
        assert not self.draining, "S13: no run starts after a notice or a request to end"
        assert not held.told_lost, "a run of a lost lease"
        assert held.verdict is None
        latest = self._latest_end(held)
        assert command.max_runtime_s == min(self.settings.max_runtime_s, latest - self.now)
        assert held.run is None or held.run.start_failed, "started twice"
        most = self.settings.retry.attempts_max
        assert 1 <= command.attempt <= (most or command.attempt), "S8: more attempts than allowed"
        if held.run is None:
            self.attempts_of[held.key] = self.attempts_of.get(held.key, 0) + 1
            assert command.attempt >= self.attempts_of[held.key], "S8, F21: an attempt was not counted"
        held.run = Run(command, held.lease, latest)

    def _latest_end(self, held: Held) -> float:
        """When a run has to end, so that its task can be settled under a lease that nothing extends."""
        total_s = self.capabilities.lease_total_s_max
        if self.capabilities.renewable or total_s is None:
            return float("inf")
        return held.held_since + longest_run_s(total_s)

    def _on_stop(self, command: do.StopRun) -> None:
        run = self.held[command.attempt_id].run
        assert run is not None
        assert run.end is None
        assert run.alive
        run.stopped_at = self.now

    def _on_kill(self, command: do.KillRun) -> None:
        run = self.held[command.attempt_id].run
        assert run is not None
        assert run.stopped_at is not None or run.end is not None, "S16: TERM, then KILL"
        run.killed = True

    def run_started(self, run: Run) -> None:
        run.started = True
        run.deadline = min(self.now + self.settings.max_runtime_s, run.latest_end)
        self.tell(got.RunStarted(run.id))

    def run_failed_to_start(self, run: Run) -> None:
        run.start_failed = True
        self.tell(got.RunStartFailed(run.id, "no processes left"))

    def run_ends(self, run: Run, end: RunEnd) -> None:
        run.end = end
        self.tell(got.RunEnded(run.id, end))

    def run_finishes(self, run: Run, end: RunEnd) -> None:
        run.end = end
        run.gone = True
        self.tell(got.RunFinished(run.id, end))

    def run_goes(self, run: Run) -> None:
        run.gone = True
        self.tell(got.RunGone(run.id))

    # -- events ------------------------------------------------------------------------------------------

    def _on_record(self, command: do.Record) -> None:
        self.sink.append(command)
        if not isinstance(command.event, TaskEvent):
            assert command.attempt_id is None
            return
        held = self._held_of(command)
        assert not held.events, "S17: one event for each attempt"
        assert held.verdict is None, "S1: recorded after it was settled"
        held.events.append(command.event)
        # That is when it is decided: what is handed back after all in the meantime comes too late for it.
        held.spent = self.attempts_of.get(held.key, 0) + self.unheard.get(held.key, 0)
        run = held.run
        if isinstance(command.event, TaskInterrupted) and command.event.reason != "lease_lost" and run:
            self.attempts_of[held.key] -= 1
        if run is not None and run.alive:
            assert run.end is not None, "S17: an event of a run that goes on"

    def _held_of(self, command: do.Record) -> Held:
        """The attempt that an event ends; for one whose lease was lost, found by what it says."""
        if command.attempt_id is not None:
            return self.held[command.attempt_id]
        event = command.event
        assert isinstance(event, TaskInterrupted), "only a lost lease needs no settlement"
        assert event.reason == "lease_lost"
        open_ones = [
            held
            for held in self.held.values()
            if held.lease.task.task_id == event.task_id and not held.events and held.verdict is None
        ]
        over = [held for held in open_ones if held.run and (held.run.end or held.run.start_failed)]
        found = over or [held for held in open_ones if held.run is None and held.told_lost]
        return found[0]

    def store(self, number: int) -> None:
        """The sink stores the first few events that it was given."""
        batch, self.sink = self.sink[:number], self.sink[number:]
        ids = [record.attempt_id for record in batch if record.attempt_id is not None]
        for attempt_id in ids:
            self.held[attempt_id].stored = True
        self.tell(got.EventsStored(ids))

    # -- the end -----------------------------------------------------------------------------------------

    def request_shutdown(self) -> None:
        self.draining = True
        self.requests += 1
        self.tell(got.ShutdownRequested())

    def give_notice(self, in_s: float | None) -> None:
        self.draining = True
        self.tell(got.NoticeReceived(in_s, "i-1"))

    def _on_finish(self, command: do.Finish) -> None:
        self.finished = command
        unfinished = [h for h in self.held.values() if not h.settled and not h.told_lost]
        if not command.abandoned:
            assert all(run.killed for run in self.runs if run.alive), "S15: runs are left"
            assert not [h for h in unfinished if not self._lost_here(h)]
            assert self.receive is None or self.draining
        for held in self.held.values():
            started = held.run is not None and not (held.run.alive and held.run.end is None)
            assert len(held.events) <= 1
            if not command.abandoned and started:
                assert len(held.events) == 1, "S17: an attempt without its event"

    @staticmethod
    def _lost_here(held: Held) -> bool:
        """Whether the machine itself gave the lease up for lost, before anybody told it."""
        (event,) = held.events
        return isinstance(event, TaskInterrupted) and event.reason == "lease_lost"

    def check_books(self) -> None:
        """S3, S7: no message was lost, and none was run more often than its deliveries allow."""
        counts = self.queue.counts(self.now)
        assert self.queue.accepted == sum(counts.values()) + self.queue.acked + self.queue.removed
        delivered: dict[str, int] = {}
        for fact in self.queue_facts:
            if fact.kind is FactKind.DELIVERED:
                delivered[fact.key] = delivered.get(fact.key, 0) + 1
        for key, deliveries in delivered.items():
            runs = [held for held in self.held.values() if held.key == key and held.run is not None]
            assert len(runs) <= deliveries, "S7: run more often than delivered"
