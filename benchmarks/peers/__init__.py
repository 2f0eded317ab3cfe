"""Other systems, each with the same function that does nothing; they run in `.venv-peers`.

Each module `on_...` is the whole program of one system: its `fill` puts tasks into the queue (see `run.py`),
and its workers are started as `installed.py` says. The address of Redis is in `BENCH_REDIS_URL`. Settings
are those that make a system fast without making it lose more than it must: two processes, a hundred tasks
at a time in each (or read ahead), no results kept, no line logged for each task, and a message is
acknowledged after its task wherever there is a choice.
"""
