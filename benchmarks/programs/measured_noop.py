"""The no-op worker; prints the seconds that it worked and the peak memory of the worker process in bytes."""

import resource
import sys
import time

from benchmarks.programs.noop import noop
from cloud_tasks.worker import Worker

if __name__ == "__main__":
    worker = Worker(noop, args=sys.argv[1:])
    began = time.perf_counter()
    worker.run()
    print(time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
