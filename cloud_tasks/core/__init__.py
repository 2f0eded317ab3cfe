"""The pure core: decisions without a clock, a socket or a process.

Nothing below this package imports asyncio, time, random, os, logging or socket (import-linter checks it).
The same code therefore runs in production and in the simulation.
"""
