"""The five seams between the worker and the world, and the Protocols of what else a backend has to offer.

Whatever implements one of these can be put in the place of any other: that is what the contract suites in
`tests/contracts/` hold each implementation to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

from msgspec import Struct

from cloud_tasks.core.capabilities import QueueCapabilities as QueueCapabilities
from cloud_tasks.core.events import EventRecord
from cloud_tasks.core.task import AttemptNote, HandBack, Lease, Outcome, RunEnd, Task

if TYPE_CHECKING:
    import asyncio  # which a process that runs tasks does without


@runtime_checkable
class TaskQueue(Protocol):
    """Where tasks come from. The worker sees nothing else of a backend.

    Any call may raise `QueueUnavailableError` (try again later) and, but for `receive`, `LeaseLostError`
    (somebody else has the task; never taken for success).
    """

    async def receive(self, tasks_max: int, wait_s: float) -> list[Lease]:
        """Lease up to `tasks_max` tasks (at least one asked for), waiting at most `wait_s` for the first.

        Returns as soon as there is one; [] when there was none. Cancelling it loses no task for good.

        Raises:
            EndOfTasks: A finite source has handed out everything.
            SourceFailedError: A finite source broke off, after handing out all that it had read. Told once;
                `EndOfTasks` from then on.
        """
        ...

    async def extend(self, lease: Lease, seconds: float) -> Lease:
        """Make the lease end `seconds` from now; returns it with its newest receipt and `duration_s`."""
        ...

    async def ack(self, lease: Lease, outcome: Outcome) -> None:
        """Settle: the task is done and never comes again. Carries the outcome for backends that report it."""
        ...

    async def nack(self, lease: Lease, delay_s: float, reason: HandBack) -> None:
        """Hand back: the task comes again after `delay_s` (clipped to `delay_s_max`)."""
        ...

    async def dead_letter(self, lease: Lease, reason: str) -> None:
        """Settle by putting the message, byte for byte, where failed messages are kept."""
        ...

    @property
    def capabilities(self) -> QueueCapabilities:
        """What this backend can do; the same values for the whole life of the object."""
        ...

    async def aclose(self) -> None:
        """Let go of connections and threads. Leases that are still held stay as they are."""
        ...


@runtime_checkable
class ReadyQueue(Protocol):
    """What a `TaskQueue` may offer besides, when it often has tasks at hand."""

    def take_ready(self, tasks_max: int) -> list[Lease]:
        """Lease what is at hand, as `receive` does, but without waiting; [] says nothing about the end."""
        ...


@runtime_checkable
class WaitableQueue(Protocol):
    """What a `TaskQueue` may offer besides, when it can be waited for without taking anything from it.

    A worker of several queues waits for all of them at once, and then takes from the first that has a task.
    """

    async def wait_ready(self, wait_s: float) -> None:
        """Return when a task may be there to be received, or after `wait_s`. Cancelling it changes nothing.

        Raises:
            QueueUnavailableError: Nobody could be asked.
        """
        ...


@runtime_checkable
class BatchingQueue(Protocol):
    """What a `TaskQueue` may offer besides, when it sends many acks as one.

    With short tasks, a task of the event loop for each ack costs as much as sending it.
    """

    def submit_ack(self, lease: Lease, outcome: Outcome) -> asyncio.Future[None] | None:
        """Do as `ack` does; the answer raises what `ack` would. None: this lease only `ack` can settle.

        Raises:
            LeaseLostError: That is known already.
        """
        ...


@runtime_checkable
class WatchfulQueue(Protocol):
    """What a `TaskQueue` may offer besides, when it hears by itself that leases are lost.

    A worker ends the runs of such tasks: somebody else has them. Of a queue that does not offer it the worker
    learns a loss when it extends or settles.
    """

    def watch_leases(self, lost: Callable[[frozenset[str], str], None]) -> None:
        """From now on call `lost`, on the event loop, with the receipts of leases that were lost, and why."""
        ...


class InstanceIdentity(Struct, frozen=True):
    """What the provider calls this machine.

    Attributes:
        provider: "AWS", "GCP", "AZURE" or "" off the clouds.
        instance_id: The provider's name for it; the host name off the clouds.
    """

    provider: str
    instance_id: str


class TerminationNotice(Struct, frozen=True):
    """The machine is about to be taken away.

    Attributes:
        kind: "spot" for a preemption; other words for other reasons.
        in_s: Seconds from now until it goes; None where nobody tells.
    """

    kind: str
    in_s: float | None = None


class Advisory(Struct, frozen=True, kw_only=True):
    """Something that the provider says about the machine, short of taking it away now.

    Attributes:
        kind: "rebalance": it may be taken away soon; "maintenance": work on it is planned.
        code: What is to happen, in the provider's word; "" for "rebalance".
        event_id: The provider's name for it; "" where it has none.
        state: How far it is, in the provider's word; "" where it does not tell.
        description: What the provider says about it; may be "".
        noticed_at: When the provider said so, in UTC; None where it does not tell.
        not_before: When it happens at the earliest, in UTC; None where that is not told.
        not_after: When it happens at the latest, in UTC; None where that is not told.
    """

    kind: Literal["rebalance", "maintenance"]
    code: str = ""
    event_id: str = ""
    state: str = ""
    description: str = ""
    noticed_at: datetime | None = None
    not_before: datetime | None = None
    not_after: datetime | None = None


class InstanceMetadata(Protocol):
    """What the machine can be asked about itself. No call blocks the event loop, and none raises."""

    async def identity(self) -> InstanceIdentity:
        """Who we are. Never raises: off the clouds, and in an outage, it is the host name."""
        ...

    async def wait_termination_notice(self) -> TerminationNotice:
        """Return when a notice comes; wait for ever where none does.

        The first notice stands, even if the provider takes it back; who asks again is told at once, with what
        is left of the time.
        """
        ...

    async def wait_advisory(self) -> Advisory:
        """Return the next thing that is said; each, and each change of its state, once. May wait for ever."""
        ...

    async def aclose(self) -> None:
        """Let go of connections. Nothing may be asked or waited for any more."""
        ...


class Clock(Protocol):
    """Time. Monotonic inside, UTC only at the edges."""

    def monotonic(self) -> float:
        """Seconds on a clock that never steps; the same one that task processes see."""
        ...

    def utc_now(self) -> datetime:
        """The time of day, aware, in UTC; for records, never for durations."""
        ...

    async def sleep_until(self, moment: float) -> None:
        """Sleep until `monotonic()` reaches `moment`."""
        ...


class RunSpec(Struct, frozen=True):
    """What a runner needs to run one attempt.

    Attributes:
        task: What to run.
        attempt: Number of this attempt, from 1.
        max_runtime_s: When the core will stop it, counted from `started`; None: never. For the task's own
            information (`worker_data.deadline`): runners enforce nothing.
        memory_limit_bytes: Address-space limit for the run; None: none.
    """

    task: Task
    attempt: int
    max_runtime_s: float | None = None
    memory_limit_bytes: int | None = None


class RunListener(Protocol):
    """What a run tells. Calls come on the event loop's thread; from within `start` none but `started`."""

    def started(self, pid: int | None) -> None:
        """The function is about to be called (in process `pid`). At most once, before `ended`."""
        ...

    def start_failed(self, reason: str) -> None:
        """The run could not be started, and nothing is left of it. Nothing else is told after this."""
        ...

    def progress(self, done: float, total: float | None) -> None:
        """The task said how far it is."""
        ...

    def ended(self, end: RunEnd) -> None:
        """The run is over, with this end. Exactly once, after `started`."""
        ...

    def finished(self, end: RunEnd) -> None:
        """The run is over, and nothing is left of it: what else `ended` and `gone` would tell, at once."""
        ...

    def gone(self) -> None:
        """Nothing is left of it, nor of what it started. Exactly once, after `ended`."""
        ...


class TaskRun(Protocol):
    """One run under way. Both calls may come at any time, also after the end, and more than once."""

    def stop(self) -> None:
        """Ask it to end (SIGTERM to the process group, or cancellation)."""
        ...

    def kill(self) -> None:
        """End it now, with everything that it started (SIGKILL)."""
        ...


class TaskRunner(Protocol):
    """How attempts are run. Mechanism only: deadlines and decisions belong to the core.

    Facts are reported through a listener, because a run has more to tell than its end; see
    docs/decisions/0003-runs-report-to-a-listener.md.
    """

    async def open(self) -> None:
        """Get ready: start helper processes, import the user's program.

        Raises:
            ProgramError: The user's program or function cannot be used.
        """
        ...

    def start(self, spec: RunSpec, listener: RunListener) -> TaskRun:
        """Start one attempt; returns at once. Whatever goes wrong is told to the listener."""
        ...

    def notify(self, *, termination: bool = False, shutdown: bool = False) -> None:
        """Make `received_termination_notice` or `received_shutdown_request` true in every task, for good."""
        ...

    async def aclose(self) -> None:
        """Kill what still runs, and end the helper processes. Bounded in time."""
        ...


class EventSink(Protocol):
    """Where events go."""

    async def emit(self, records: list[EventRecord]) -> None:
        """Store events, in order. When it returns they are durable: they survive the end of this process.

        Raises:
            SinkUnavailableError: None of them may be taken for stored; trying again later is safe.
        """
        ...

    async def aclose(self) -> None:
        """Flush and let go."""
        ...


class TaskSender(Protocol):
    """Producing; the worker never needs it."""

    async def send(self, task: Task, delay_s: float = 0.0) -> None:
        """Put one task into the queue."""
        ...

    async def send_many(self, tasks: Iterable[Task]) -> None:
        """Put many in; raises after the first that was refused, naming it.

        Raises:
            MessageRefusedError: A task can never be sent; those before it were.
            SendFailedError: Not all were sent, and it is known which.
            QueueUnavailableError: Nobody knows which were sent.
        """
        ...


class QueueInspector(Protocol):
    """Looking at a queue and managing it; the worker never needs it."""

    async def depth(self) -> Mapping[str, int]:
        """Number of messages: "visible", "in_flight", "delayed", "dead" (approximate on most clouds)."""
        ...

    async def peek(self, tasks_max: int) -> list[Task | bytes]:
        """Look at some messages without taking them away; bytes for what is not a task."""
        ...

    async def purge(self) -> None:
        """Remove every message."""
        ...

    async def create(self) -> None:
        """Create the queue; no error if it exists."""
        ...

    async def delete(self) -> None:
        """Delete the queue; no error if it does not exist."""
        ...


class FeedMessage(Struct, frozen=True):
    """A message of an event queue, as it was taken.

    Attributes:
        body: It, byte for byte.
        receipt: What `ack` wants to see.
    """

    body: bytes
    receipt: str


class MessageFeed(Protocol):
    """Reading an event queue; the worker never needs it. What is not acked comes again."""

    async def receive(self, messages_max: int, wait_s: float) -> list[FeedMessage]:
        """Take up to `messages_max` messages, waiting at most `wait_s` for the first; [] when there was none.

        Raises:
            QueueUnavailableError: Try again later.
        """
        ...

    async def ack(self, messages: list[FeedMessage]) -> None:
        """Remove messages. One whose removal fails comes again; that is no error.

        Raises:
            QueueUnavailableError: None of them may be taken for removed.
        """
        ...

    async def aclose(self) -> None:
        """Let go."""
        ...


class QueueBackend(Protocol):
    """The pair of queues of one job at one provider: its tasks, and the events that its workers tell.

    Making one reads no network. Everything that is opened through it shares its connections, and is closed
    by itself before the backend is.
    """

    async def check(self, *, tasks: bool, events: bool, create: bool) -> None:
        """See that credentials, queues and permissions are there; with `create`, make missing queues.

        Raises:
            ConfigurationError: They are not; tells the source of each value, and the way out.
            QueueUnavailableError: Nobody could be asked.
        """
        ...

    async def tasks(self) -> TaskQueue:
        """The task queue, for a worker. After `check`."""
        ...

    async def sender(self) -> TaskSender:
        """The task queue, for a producer."""
        ...

    async def sink(self) -> EventSink:
        """The event queue, for a worker: at least once, in order per task. After `check`."""
        ...

    async def feed(self) -> MessageFeed:
        """The event queue, for a monitor."""
        ...

    async def inspector(self, which: Literal["tasks", "events"]) -> QueueInspector:
        """One of the two, to be looked at and managed."""
        ...

    async def aclose(self) -> None:
        """Let go of connections and threads; the queues stay as they are."""
        ...


class DeadLetter(Struct, frozen=True, kw_only=True):
    """A message that was put aside.

    Attributes:
        key: What it is called among the dead letters of its queue.
        queue: The queue that it came from.
        body: It, byte for byte.
        reason: Why it was put aside; "" where the server does not keep that.
        attempts: How often it had been handed out; None where that is not known.
        died_at: When; ISO 8601, UTC; "" where that is not known.
        history: What is known of its attempts, oldest first; one that is missing there ended with its worker.
    """

    key: str
    queue: str
    body: bytes
    reason: str = ""
    attempts: int | None = None
    died_at: str = ""
    history: tuple[AttemptNote, ...] = ()


class DeadLetterBox(Protocol):
    """The dead letters of one queue; the worker never needs it."""

    async def oldest(self, letters_max: int) -> list[DeadLetter]:
        """The oldest `letters_max` of them, oldest first; none is taken away."""
        ...

    async def find(self, key: str) -> DeadLetter | None:
        """One of them; None if there is none of that key."""
        ...

    async def retry(self, keys: Sequence[str] | None) -> int:
        """Put them back into their queue as if they had never been tried; None: all. Returns how many.

        Each is in the queue before it is gone from here: never lost, and at the worst in both.
        """
        ...

    async def purge(self, keys: Sequence[str] | None) -> int:
        """Remove them for good; None: all. Returns how many."""
        ...


class OnceSender(Protocol):
    """Producing a task for which several may try; the worker never needs it.

    What was sent is remembered by a key, for each queue by itself.
    """

    async def send_once(self, key: str, task: Task) -> bool:
        """Put a task into the queue, unless one was sent with this key; returns whether this call did it.

        In one step: of any number of callers at the same time, one does it.

        Raises:
            ConfigurationError: The backend is not made ready for it; tells how.
            MessageRefusedError: The task can never be sent, and the key is still free.
            QueueUnavailableError: Nobody knows whether it was sent; trying again is safe.
        """
        ...


class OnceBook(Protocol):
    """What is to be done once, each thing under a key, for each queue by itself.

    Keys are up to 100 characters of ASCII, and ordered as bytes are. All calls raise as `send_once` does.
    """

    async def claim(self, key: str, seconds: float) -> Literal["ours", "theirs", "done"]:
        """Say that we do it, for so long; "theirs" if somebody has said that, "done" if it is done."""
        ...

    async def settle(self, key: str) -> None:
        """Say that it is done, whoever has claimed it."""
        ...

    async def newest(self, not_after: str) -> str | None:
        """The greatest key, up to `not_after`, that is done or was sent; None if there is none."""
        ...

    async def forget(self, before: str) -> None:
        """Let go of all keys that are less: what they stand for could be done again."""
        ...


@runtime_checkable
class OnceDriver(Protocol):
    """What a `QueueDriver` may offer besides, when it can do in one step what is to be done once."""

    def once_sender(self, queue: str) -> OnceSender:
        """The queue, for several producers of the same tasks."""
        ...

    def once_book(self, queue: str) -> OnceBook:
        """What was done once for the queue. The keys of `once_sender` are among it."""
        ...


class QueueDriver(Protocol):
    """A server, or a file, with any number of named queues. Making one reads no network.

    What is opened through it shares its connections; closing such a part leaves them open.
    """

    async def connect(self) -> None:
        """Get ready; no error if it is. Makes no table and no queue.

        Raises:
            ConfigurationError: Credentials, tables or versions are not as they must be.
            QueueUnavailableError: Nobody could be asked.
        """
        ...

    async def disconnect(self) -> None:
        """Let go of connections; no error if there are none. The queues stay as they are."""
        ...

    def tasks(self, queue: str, lease_s: float) -> TaskQueue:
        """The queue for a worker; a lease of it lasts `lease_s`. It need not exist yet."""
        ...

    def sender(self, queue: str) -> TaskSender:
        """The queue for a producer. It need not exist yet."""
        ...

    def inspector(self, queue: str) -> QueueInspector:
        """The queue, to be looked at and managed."""
        ...

    def dead_letters(self, queue: str) -> DeadLetterBox:
        """The dead letters of the queue."""
        ...

    async def queue_names(self) -> list[str]:
        """Names of all queues that are known, sorted."""
        ...
