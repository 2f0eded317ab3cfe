"""What calls about workflows take."""

from __future__ import annotations

from msgspec import Struct

from fakes.conductor.definitions import WorkflowDef
from fakes.conductor.values import Json


class StartWorkflow(Struct, rename="camel"):
    """Start a workflow.

    Attributes:
        name: Which.
        version: Which version; None: the highest.
        input: Its input.
        correlation_id: What the caller calls it.
        priority: Kept, and not looked at.
        task_to_domain: In which domain tasks of a type go; `*` for all types.
        workflow_def: What it does, in place of a definition that the server has.
    """

    name: str
    version: int | None = None
    input: Json = {}
    correlation_id: str | None = None
    priority: int | None = None
    task_to_domain: dict[str, str] = {}
    workflow_def: WorkflowDef | None = None
