"""The YAML configuration file of the commands: which keys it may hold, what they mean, where they stand.

`keys` holds the table, `read` reads a file, `merge` puts it together with the command line, `schema` and
`show` tell what it may hold and what it holds.
"""
