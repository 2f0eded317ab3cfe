"""The raw limit of the process runner: fork, JSON in, JSON back through a pipe, reap; two at a time.

It has the same modules loaded as the process that the worker forks tasks from.
"""

import gc
import json
import os
import select
import sys
import time

from benchmarks.programs.noop import noop
from cloud_tasks.runners import template as template
from cloud_tasks.worker import WorkerData


def start(number: int, ready: select.epoll) -> tuple[int, int]:
    """Fork one task; returns its result pipe and its pid."""
    in_read, in_write = os.pipe()
    out_read, out_write = os.pipe()
    pid = os.fork()
    if pid == 0:
        task = json.loads(os.read(in_read, 65536))
        result = noop(task["task_id"], task["data"], WorkerData())
        os.write(out_write, json.dumps(result).encode())
        os._exit(0)
    os.close(in_read)
    os.close(out_write)
    os.write(in_write, json.dumps({"task_id": f"task-{number:07d}", "data": {"n": number}}).encode())
    os.close(in_write)
    ready.register(out_read, select.EPOLLIN)
    return out_read, pid


def main(count: int, width: int) -> None:
    """Run `count` tasks, `width` at a time, and print tasks a second."""
    gc.collect()
    gc.freeze()
    ready = select.epoll()
    began = time.perf_counter()
    running = dict(start(number, ready) for number in range(width))
    started = width
    while running:
        for fd, _ in ready.poll():
            json.loads(os.read(fd, 65536))
            ready.unregister(fd)
            os.close(fd)
            os.waitpid(running.pop(fd), 0)
            if started < count:
                pipe, pid = start(started, ready)
                running[pipe] = pid
                started += 1
    print(count / (time.perf_counter() - began))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
