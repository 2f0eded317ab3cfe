"""Workers as classes, one for each queue: what a user's program and its processes know of them.

The processes of workers hold what is here: nothing heavy.
"""
