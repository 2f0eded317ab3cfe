"""`cloud_tasks worker`: runs task functions from the queues of a driver."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from cloud_tasks.cli.queue_call import QueueCall
from cloud_tasks.compose.event_loop import maker_of
from cloud_tasks.compose.own_loop import run_on_own_loop
from cloud_tasks.compose.running import ConsoleObserver
from cloud_tasks.compose.service import Service
from cloud_tasks.compose.task_app import import_app
from cloud_tasks.compose.task_output import to_console
from cloud_tasks.compose.task_program import ProgramWorker, create_driver
from cloud_tasks.compose.task_worker import TaskWorkerSettings
from cloud_tasks.config.show import show_rows
from cloud_tasks.console import Console, choose_console
from cloud_tasks.interfaces import EventSink, QueueDriver
from cloud_tasks.sinks.file import FileSink
from cloud_tasks.summary import Summary
from cloud_tasks.summary.values import status_of_workers
from cloud_tasks.tasks import close, configure


def run(call: QueueCall) -> int:
    """Work until a signal comes, or the options say that it is enough.

    Returns:
        0 when it ended in good order, whatever became of its tasks: what failed is among the dead letters.
        130 or 143 when tasks had to be left behind after SIGINT or SIGTERM.
    """
    if call.switch("show_config"):
        call.print(show_rows(call.options, call.gathered))
        return 0
    make_loop = maker_of(str(call.value("event_loop")))
    # What is dispatched beside tasks, by threads of theirs for instance; the application may say otherwise.
    configure(call.config)
    import_app(call.text("app"), Path.cwd())
    driver = create_driver(call.config)
    return run_on_own_loop(_work(call, driver), int, make_loop)


async def _work(call: QueueCall, driver: QueueDriver) -> int:
    console = choose_console(
        sys.stdout, sys.stderr, os.environ, json=call.switch("json"), verbose=call.switch("verbose")
    )
    settings = _settings(call)
    service = Service(os.environ, settings.grace_s, ConsoleObserver(console))
    with service.watching():
        try:
            await driver.connect()
            summary = await _run(call, settings, driver, console, service)
            status = status_of_workers([summary])
            console.finish(summary, status)
        finally:
            await close()
            await driver.disconnect()
            await console.aclose()
    return status


async def _run(
    call: QueueCall, settings: TaskWorkerSettings, driver: QueueDriver, console: Console, service: Service
) -> Summary:
    path = call.text("event_log_file")
    sinks: tuple[EventSink, ...] = () if path is None else (FileSink(path),)
    worker = ProgramWorker(
        driver,
        settings,
        sinks=sinks,
        displays=(console, service),
        observer=service,
        output=to_console(console),
        on_signal=service.signalled,
    )
    console.open(None)
    return await worker.work()


def _settings(call: QueueCall) -> TaskWorkerSettings:
    return TaskWorkerSettings(
        queues=call.queues,
        concurrency=call.count("concurrency") or 1,
        max_tasks=call.count("max_tasks"),
        idle_exit_s=call.number("exit_when_empty"),
        starvation_guard_s=call.number("starvation_guard") or 0.0,
        worker_id=call.text("worker_id"),
        heartbeat_s=call.number("heartbeat_interval") or 0.0,
        grace_s=call.number("shutdown_grace_period") or 0.0,
        pool_size=call.count("process_pool_size"),
        pool_tasks_max=call.count("process_pool_max_tasks_per_child"),
        provider=call.text("provider"),
    )
