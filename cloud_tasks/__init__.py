"""A worker for task queues: each attempt in its own process, each outcome recorded before its lease settles.

Import what you need from `cloud_tasks.worker`. This module imports nothing, because every task process
loads it.
"""
