"""The raw limit of the pool runner: two processes, a pipe each way, the same JSON, one bare epoll loop."""

import json
import os
import select
import sys
import time

from benchmarks.programs.noop import noop
from cloud_tasks.worker import WorkerData


def member(in_read: int, out_write: int) -> None:
    """Answer task after task."""
    data = WorkerData()
    while line := os.read(in_read, 65536):
        task = json.loads(line)
        os.write(out_write, json.dumps(noop(task["task_id"], task["data"], data)).encode())
    os._exit(0)


def main(count: int, width: int) -> None:
    """Run `count` tasks over `width` members, and print tasks a second."""
    ready = select.epoll()
    to: dict[int, int] = {}
    for _ in range(width):
        in_read, in_write = os.pipe()
        out_read, out_write = os.pipe()
        if os.fork() == 0:
            os.close(in_write)
            member(in_read, out_write)
        ready.register(out_read, select.EPOLLIN)
        to[out_read] = in_write
    began = time.perf_counter()
    started = done = 0
    for in_write in to.values():
        os.write(in_write, task(started))
        started += 1
    while done < count:
        for fd, _ in ready.poll():
            json.loads(os.read(fd, 65536))
            done += 1
            if started < count:
                os.write(to[fd], task(started))
                started += 1
    print(count / (time.perf_counter() - began))
    os._exit(0)


def task(number: int) -> bytes:
    """One task as JSON."""
    return json.dumps({"task_id": f"task-{number:07d}", "data": {"n": number}}).encode()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
