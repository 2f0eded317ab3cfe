"""Options: one table from which flags, variables, help, documentation and checks are made.

`table` holds the options, `resolve` turns a command line and an environment into `Settings`, `show` tells
where each value came from.
"""
