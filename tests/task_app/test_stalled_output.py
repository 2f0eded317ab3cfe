"""Standard output that nobody reads for a while must not hold up the worker's event loop."""

from __future__ import annotations

from tests.e2e.programs import Programs, wait_until
from tests.e2e.programs import programs as programs

FLOOD_BYTES = 400_000
"""More than all the pipes on the way hold."""
TASKS = f"""
    import asyncio, pathlib
    from cloud_tasks.tasks import task

    def flood(name):
        print("x" * {FLOOD_BYTES}, flush=True)
        pathlib.Path(name).touch()

    @task(process=True)
    def in_pool():
        flood("pool")

    @task(mode="process")
    def in_process():
        flood("process")

    @task
    async def look():
        while not (pathlib.Path("pool").exists() and pathlib.Path("process").exists()):
            await asyncio.sleep(0.01)
        pathlib.Path("all-printed").touch()
"""
PROGRAM = """
    from cloud_tasks.tasks import Config, DriverFactory, SQLiteConfig, Worker, configure, run
    import tasks

    async def work(config):
        for function in (tasks.in_pool, tasks.in_process, tasks.look):
            await function.dispatch()
        driver = DriverFactory.create("sqlite", config)
        await driver.connect()
        try:
            await Worker(driver, max_tasks=3, process_pool_size=1).start()
        finally:
            await driver.disconnect()

    if __name__ == "__main__":
        config = Config(sqlite=SQLiteConfig(path="cloud_tasks.db"))
        configure(config)
        run(work(config))
"""


def test_the_loop_goes_on_while_nobody_reads_what_tasks_print(programs: Programs) -> None:
    programs.write(TASKS, "tasks.py")
    worker = programs.start(PROGRAM)
    wait_until((programs.directory / "all-printed").exists, 20)
    ended = worker.finish()
    assert ended.status == 0, ended
    assert ended.stdout.count("x") == 2 * FLOOD_BYTES
