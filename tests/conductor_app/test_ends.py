"""What the server is told of ends that are no result, as the guide has it."""

from __future__ import annotations

from pathlib import Path

from cloud_tasks.compose.conductor_worker import SERVER_DECIDES
from cloud_tasks.conductor_app.calling import run_worker
from cloud_tasks.conductor_app.form import WholeForm
from cloud_tasks.conductor_app.models import NonRetryableError
from cloud_tasks.conductor_app.workers import Worker
from cloud_tasks.core.book import StopReason
from cloud_tasks.core.outcomes import kind_of_run
from cloud_tasks.core.task import EndKind, Outcome, RunEnd
from cloud_tasks.runners.worker_data import WorkerData

GUIDE = Path(__file__).parents[2] / "docs" / "conductor.md"


def gives_up() -> None:
    raise NonRetryableError("it would only happen again")


def given_up() -> RunEnd:
    answer = run_worker(Worker("a", gives_up), {"taskId": "1"}, WorkerData())
    assert isinstance(answer, tuple)
    return RunEnd(EndKind.RETURNED, retry=answer[0], result=answer[1])


ENDS = {
    "An exception, or a value that is no `TaskResult`": RunEnd(EndKind.RAISED, exception="ValueError: no"),
    "`NonRetryableError`": given_up(),
    "A signal: a crash, a kill, the kernel's want of memory": RunEnd(
        EndKind.EXITED, exit_code=-9, signal="SIGKILL", oom_killed=True
    ),
    "`sys.exit()`, whatever its status": RunEnd(EndKind.EXITED, exit_code=0),
    "The time-out (`timeout_s`)": RunEnd(EndKind.EXITED, exit_code=-15, signal="SIGTERM"),
    "The memory limit (`memory_limit_gb`)": RunEnd(EndKind.MEMORY_LIMIT, exception="MemoryError"),
    "Output that JSON cannot hold": RunEnd(EndKind.NOT_SERIALIZABLE, exception="TypeError: a set"),
}


def status_of(end: RunEnd, *, timed_out: bool) -> str:
    kind = kind_of_run(end, StopReason.TIMEOUT if timed_out else None)
    wanted = SERVER_DECIDES.wants_retry(end, timed_out=timed_out)
    return str(WholeForm().update_of(Outcome(kind, end=end, retry_requested=wanted))["status"])


def test_the_guide_says_the_status_of_each_end() -> None:
    table = GUIDE.read_text().partition("| End | Status |\n|---|---|\n")[2].partition("\n\n")[0]
    said = dict(line.strip("| ").split(" | ") for line in table.splitlines())
    assert said == {name: f"`{status_of(end, timed_out='time-out' in name)}`" for name, end in ENDS.items()}
