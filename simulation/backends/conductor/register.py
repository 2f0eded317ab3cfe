"""`Register`: what the service tells of its tasks as history, under the names that the adapter gives them."""

from __future__ import annotations

from msgspec import structs

from cloud_tasks.core.task import MalformedTask, Task
from fakes.conductor.values import ResultStatus, TaskResult, TaskStatus
from fakes.history import Fact, FactKind
from simulation.backends.backend import Site
from simulation.backends.conductor.happenings import ResultTold
from simulation.backends.ledger import BURIED
from simulation.happenings import QueueChanged

UNFENCED = "unfenced"
Whose = tuple[str, str]


class Holder:
    """Who has a task of the server.

    Attributes:
        worker: Who polled it last.
        polls: How often it was polled.
        since: When, the last time.
    """

    __slots__ = ("polls", "since", "worker")

    def __init__(self) -> None:
        self.worker = ""
        self.polls = 0
        self.since = 0.0


class Register:
    """Follows each task.

    The server does not know which delivery an update is about: one that was long on its way, or came after
    its sender had made sure that the task was still its own, may take it from somebody who has it meanwhile.
    That is told as the server's own doing.

    Args:
        site: Where the service stands.
        lease_s: How long a lease is, in seconds.

    Attributes:
        tasks: What each message holds that was ever accepted, by key.
        coming: What the task holds that is being started.
        live: How many are not over.
        dead: How many have failed for good.
    """

    def __init__(self, site: Site, lease_s: float) -> None:
        self.tasks: dict[str, Task | MalformedTask] = {}
        self.coming: Task | MalformedTask | None = None
        self.live = self.dead = 0
        self._site = site
        self._lease_s = lease_s
        self._holders: dict[str, Holder] = {}
        self._keys: dict[str, str] = {}
        self._caller = ""
        self._sent_at = 0.0
        self._looked_at: dict[Whose, float] = {}
        self._handed_back_at: dict[Whose, float] = {}

    def receipt_of(self, server_id: str) -> str:
        """What the adapter shows for the newest delivery of a task of the server."""
        holder = self._holders.get(server_id)
        return "" if holder is None else f"{holder.polls}:{self._lease_s:g}:{server_id}"

    def task_of(self, server_id: str) -> str:
        """Our name of a task of the server; "" for one that is not known."""
        key = self._keys.get(server_id)
        return "" if key is None else self.tasks[key].task_id

    # -- who calls ---------------------------------------------------------------------------------------

    def polls(self, worker: str) -> None:
        """A worker's poll is carried out next."""
        self._caller = worker

    def looks(self, worker: str, server_id: str) -> None:
        """A worker asks what has become of a task."""
        self._looked_at[worker, server_id] = self._site.loop.time()

    def updates(self, result: TaskResult, sent_at: float) -> None:
        """An update is carried out next, that somebody has sent."""
        self._caller, self._sent_at = result.worker_id or "", sent_at
        if result.status is not None and result.status is not ResultStatus.IN_PROGRESS:
            now, receipt = self._site.loop.time(), self.receipt_of(result.task_id or "")
            self._site.history.tell(ResultTold(at=now, worker=self._caller, receipt=receipt))

    def nobody_calls(self) -> None:
        """What comes next the service does by itself."""
        self._caller = ""

    # -- what happens ------------------------------------------------------------------------------------

    def observe(self, fact: Fact) -> None:
        """Something has happened to a task."""
        server_id, worker = fact.receipt, self._caller
        if fact.kind is FactKind.SENT:
            self._begin(fact.key)
        elif fact.kind is FactKind.DELIVERED:
            self._deliver(fact, worker)
        elif fact.kind is FactKind.EXTENDED:
            worker = self._holders[server_id].worker  # the server knows no other
        elif fact.kind is FactKind.NACKED:
            fact = self._handed_back(fact, worker)
        elif fact.kind is not FactKind.EXPIRED:
            fact = self._over(fact)
        self._tell(structs.replace(fact, receipt=self.receipt_of(server_id)), worker)

    def _begin(self, key: str) -> None:
        if self.coming is None:
            raise AssertionError("the server starts a task that nobody asked for")
        self.tasks[key] = self.coming
        self.live += 1

    def _deliver(self, fact: Fact, worker: str) -> None:
        self._keys[fact.receipt] = fact.key
        holder = self._holders.setdefault(fact.receipt, Holder())
        holder.worker, holder.since = worker, fact.at
        holder.polls += 1

    def _over(self, fact: Fact) -> Fact:
        """A task is over; one whose last attempt timed out has expired before."""
        self.live -= 1
        self.dead += fact.kind is FactKind.DEAD_LETTERED
        if fact.reason != TaskStatus.TIMED_OUT.value:
            return fact
        receipt = self.receipt_of(fact.receipt)
        self._tell(structs.replace(fact, kind=FactKind.EXPIRED, receipt=receipt, reason=""), "")
        return structs.replace(fact, reason=BURIED)

    def _handed_back(self, fact: Fact, worker: str) -> Fact:
        if fact.reason != "callback":
            return fact
        holder, whose = self._holders[fact.receipt], (worker, fact.receipt)
        before = self._handed_back_at.get(whose)
        self._handed_back_at[whose] = fact.at
        straggler = self._sent_at < holder.since
        made_sure = before is not None and before < self._looked_at.get(whose, -1.0) < holder.since
        if straggler or made_sure:
            return structs.replace(fact, kind=FactKind.EXPIRED, reason=UNFENCED)
        return structs.replace(fact, reason="interrupted")

    def _tell(self, fact: Fact, worker: str) -> None:
        task_id = self.tasks[fact.key].task_id
        self._site.history.tell(
            QueueChanged(at=self._site.loop.time(), worker=worker, fact=fact, task_id=task_id)
        )
