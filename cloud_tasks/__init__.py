"""A worker for task queues: each attempt in its own process, each outcome recorded before the lease is settled.

Import what you need from `cloud_tasks.worker`. This module imports nothing, because every task process
loads it.
"""
