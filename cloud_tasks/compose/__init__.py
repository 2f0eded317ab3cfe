"""The composition root: the only place that chooses adapters and puts a worker together.

`assembly` puts a worker together, `backends` opens queues for the commands. This module imports neither, so
that a command pays only for what it needs.
"""
