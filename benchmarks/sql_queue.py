"""Queues in a database: how fast, against a bare loop in SQL, and what the depth of a queue costs.

    python -m benchmarks.sql_queue PATH_OR_DSN ... [--deep 1000000] [--tasks 20000]

The tables that it makes are called `bench_...`, and are dropped before and after.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import statistics
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from sqlalchemy.ext.asyncio import create_async_engine

from benchmarks.measuring import Finding, at_least, at_most, figure
from cloud_tasks.clock import SystemClock
from cloud_tasks.compose.garbage import garbage_looked_for_rarely
from cloud_tasks.core.task import Outcome, OutcomeKind, Task
from cloud_tasks.queues.sql import SqlSettings, open_driver
from cloud_tasks.queues.sql.driver import SqlDriver

DONE = Outcome(OutcomeKind.COMPLETED)
QUEUE = "bench"
BATCH = 100
LOOPS = 4
"""So many receives are under way at a time, as a worker with many slots has them."""
RUNS = 5
SHALLOW = 1_000


def tasks(count: int) -> Iterator[Task]:
    """Small ones."""
    return (Task(f"task-{number}", {"number": number}) for number in range(count))


@contextlib.asynccontextmanager
async def tables(dsn: str, name: str) -> AsyncIterator[SqlDriver]:
    """New tables, dropped at the end."""
    settings = SqlSettings(
        dsn=dsn,
        queue_table=name,
        dead_letter_table=f"{name}_dead",
        completed_table=f"{name}_completed",
        call_s=600,
    )
    driver = open_driver(settings, SystemClock())
    metadata, database = driver._parts.tables.metadata, driver._parts.database  # noqa: SLF001 - measured below its surface

    async def drop() -> None:
        await database.call(lambda connection: connection.run_sync(metadata.drop_all))

    await drop()
    await driver.migrate()
    yield driver
    await drop()
    await driver.disconnect()


async def drain(driver: SqlDriver, count: int, loops: int) -> float:
    """Receive and ack that many; returns tasks per second."""
    queue = driver.tasks(QUEUE, 300.0)
    left = count

    async def loop() -> None:
        nonlocal left
        while left > 0:
            wanted = min(BATCH, left)
            left -= wanted
            leases = await queue.receive(wanted, 5.0)
            left += wanted - len(leases)
            await asyncio.gather(*(queue.ack(lease, DONE) for lease in leases))

    with garbage_looked_for_rarely():  # as workers do
        started = time.perf_counter()
        await asyncio.gather(*(loop() for _ in range(loops)))
        took_s = time.perf_counter() - started
    await queue.aclose()
    return count / took_s


async def bare(driver: SqlDriver, name: str, count: int, *, plain: bool) -> float:
    """Remove that many with as little as can be said in SQL: nothing is leased, nothing can be retried.

    Args:
        driver: Whose table it is.
        name: The table.
        count: How many.
        plain: Whether the connection is as the server gives it, with the planner's own choices.
    """
    dialect = driver._dialect  # noqa: SLF001 - measured below its surface
    first = f"SELECT id FROM {name} WHERE queue = '{QUEUE}' ORDER BY visible_at, id LIMIT {BATCH}"  # noqa: S608 - names of our own
    skip = "" if dialect.embedded else " FOR UPDATE SKIP LOCKED"
    removal = f"DELETE FROM {name} WHERE id IN ({first}{skip}) RETURNING body"  # noqa: S608 - names of our own
    engine = dialect.engine()
    if plain:
        engine = create_async_engine(engine.url, isolation_level="AUTOCOMMIT")
    left = count
    async with engine.connect() as pooled:
        connection = await pooled.get_raw_connection()
        async with connection.driver_connection.cursor() as cursor:  # type: ignore[union-attr] # it is open
            started = time.perf_counter()
            while left > 0:
                if dialect.returning:
                    await cursor.execute(removal)
                    left -= len(await cursor.fetchall())
                    continue
                await cursor.execute("START TRANSACTION")
                await cursor.execute(first.replace("id", "id, body", 1) + skip)
                ids = ", ".join(str(row[0]) for row in await cursor.fetchall())
                await cursor.execute(f"DELETE FROM {name} WHERE id IN ({ids})")  # noqa: S608 - names of our own
                left -= cursor.rowcount
                await cursor.execute("COMMIT")
            took_s = time.perf_counter() - started
    await engine.dispose()
    return count / took_s


async def speed(dsn: str, count: int) -> AsyncIterator[Finding]:
    """Sending, draining, and the bare loop; medians, taking turns."""
    seen: dict[str, list[float]] = {what: [] for what in ("send", "one", "many", "bare", "plain")}
    async with tables(dsn, "bench_speed") as driver:
        kind = driver._dialect.name  # noqa: SLF001 - measured below its surface
        for _ in range(RUNS):
            for what in ("one", "many", "bare", *(["plain"] if kind == "PostgreSQL" else [])):
                started = time.perf_counter()
                await driver.sender(QUEUE).send_many(tasks(count))
                seen["send"].append(count / (time.perf_counter() - started))
                if what in ("one", "many"):
                    seen[what].append(await drain(driver, count, LOOPS if what == "many" else 1))
                else:
                    seen[what].append(await bare(driver, "bench_speed", count, plain=what == "plain"))
    medians = {what: statistics.median(values) for what, values in seen.items() if values}
    yield figure(f"{kind}: send_many", medians["send"], "tasks/s")
    yield figure(f"{kind}: receive({BATCH}) and {BATCH} acks, one after the other", medians["one"], "tasks/s")
    yield figure(f"{kind}: the same, {LOOPS} at a time", medians["many"], "tasks/s")
    bare_name = f"{kind}: bare dequeue-and-delete by {BATCH}"
    ours = max(medians["one"], medians["many"])
    if kind == "PostgreSQL":
        yield figure(bare_name, medians["plain"], "tasks/s")
        bare_name = f"{kind}: the same, told to walk along the index"
        yield at_least(f"{kind}: leases and acks / bare dequeue-and-delete", ours / medians["plain"], 0.5, "")
    yield figure(bare_name, medians["bare"], "tasks/s")
    yield figure(f"{kind}: leases and acks / that", ours / medians["bare"], "")


async def depth(dsn: str, deep: int) -> AsyncIterator[Finding]:
    """What a task costs in a deep queue, over what it costs in a shallow one."""
    kind = open_driver(SqlSettings(dsn=dsn), SystemClock())._dialect.name  # noqa: SLF001 - measured below its surface
    rates: dict[int, list[float]] = {SHALLOW: [], deep: []}
    async with tables(dsn, "bench_shallow") as shallow, tables(dsn, "bench_deep") as deeply:
        await deeply.sender(QUEUE).send_many(tasks(deep))
        for _ in range(2 * RUNS + 1):
            for size, driver in ((SHALLOW, shallow), (deep, deeply)):
                await driver.sender(QUEUE).send_many(tasks(SHALLOW))
                rates[size].append(await drain(driver, SHALLOW, 1))
    cost = statistics.median(rates[SHALLOW]) / statistics.median(rates[deep])
    yield at_most(f"{kind}: cost of a task at a depth of {deep:,} / of {SHALLOW:,}", cost, 1.3, "")


async def measure(dsns: list[str], count: int, deep: int) -> None:
    """Measure each database, and print what is found."""
    for dsn in dsns:
        for part in [speed(dsn, count), *([depth(dsn, deep)] if deep else [])]:
            async for found in part:
                verdict = {None: "", True: "  good", False: "  NOT GOOD"}[found.good]
                print(
                    f"{found.name:75} {found.value:12,.2f} {found.unit} {found.target}{verdict}", flush=True
                )


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("dsn", nargs="+")
    parser.add_argument("--tasks", type=int, default=20_000)
    parser.add_argument("--deep", type=int, default=1_000_000, help="0: leave the depth out")
    arguments = parser.parse_args()
    for one in arguments.dsn:
        if "://" not in one:
            Path(one).parent.mkdir(parents=True, exist_ok=True)
    asyncio.run(measure(arguments.dsn, arguments.tasks, arguments.deep))


if __name__ == "__main__":
    main()
