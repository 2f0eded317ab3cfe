"""`cloud_tasks config schema` and `cloud_tasks config show`."""

from __future__ import annotations

import msgspec

from cloud_tasks.cli.call import Call
from cloud_tasks.config_file.schema import json_schema
from cloud_tasks.config_file.show import config_rows


def run(call: Call) -> int:
    """Print the schema, or every value with its origin."""
    if call.topic == "schema":
        call.print(msgspec.json.format(msgspec.json.encode(json_schema()), indent=2).decode())
        return 0
    rows = list(config_rows(call.configuration))
    if call.json:
        call.print_json({row.key: {"value": row.value, "origin": row.origin} for row in rows})
        return 0
    widths = max(len(row.key) for row in rows), max(len(row.shown) for row in rows)
    call.print(*(f"{row.key:<{widths[0]}}  {row.shown:<{widths[1]}}  {row.origin}" for row in rows))
    return 0
