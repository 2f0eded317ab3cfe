"""Cases: failures that were found, as files that people can read and that outlive a refactoring."""

from __future__ import annotations

import shlex
from pathlib import Path

import msgspec
import yaml
from msgspec import Struct, structs

from simulation.fault_words import words_of
from simulation.faults import Fault
from simulation.plan import RunPlan
from simulation.source_hash import source_hash
from simulation.verdict import Violation

_WIDTH = 100


class Case(Struct, frozen=True, kw_only=True):
    """A failure.

    Attributes:
        plan: What it follows from.
        invariant: What it breaks.
        what: How, in a sentence.
        code: Hash of the code that it was found in.
        mutant: The mutant that it was found in; "" for the worker as it is.
    """

    plan: RunPlan
    invariant: str
    what: str = ""
    code: str = ""
    mutant: str = ""


def case_of(plan: RunPlan, violation: Violation, mutant: str = "") -> Case:
    """The case of a violation, in the code as it is now."""
    return Case(
        plan=plan,
        invariant=violation.invariant,
        what=violation.what,
        code=source_hash(),
        mutant=mutant,
    )


def command_of(path: str) -> str:
    """What to paste into a terminal to live through a case again."""
    return f"python -m simulation replay {shlex.quote(path)}"


def case_text(case: Case, path: str) -> str:
    """A case as YAML.

    Args:
        case: It.
        path: Where it will be, for the command.
    """
    found: dict[str, object] = {"invariant": case.invariant, "what": case.what, "code": case.code}
    if case.mutant:
        found["mutant"] = case.mutant
    plan = structs.replace(case.plan, faults=())
    body = {**found, "plan": {"seed": plan.seed, **differences(plan, RunPlan())}}
    if case.plan.faults:
        body["faults"] = [_fault(fault) for fault in case.plan.faults]
    head = f"# This run of the simulation broke {case.invariant}. To live through it again:\n"
    dumped = yaml.safe_dump(body, sort_keys=False, allow_unicode=True, width=_WIDTH)
    return f"{head}#\n#     {command_of(path)}\n\n{dumped}"


def differences(part: Struct, usual: Struct) -> dict[str, object]:
    """What of a plan, or a part of one, is not as usual; fit for YAML."""
    found: dict[str, object] = {}
    for name in part.__struct_fields__:
        mine, other = getattr(part, name), getattr(usual, name)
        if mine == other:
            continue
        deeper = isinstance(mine, Struct) and isinstance(other, Struct)
        found[name] = differences(mine, other) if deeper else msgspec.to_builtins(mine)
    return found


def _fault(fault: Fault) -> dict[str, object]:
    usual = Fault(kind=fault.kind)
    return {"words": words_of(fault), "kind": fault.kind.value, **differences(fault, usual)}


def pytest_of(case: Case, file_name: str) -> str:
    """A pytest that fails for as long as the case does; to be put beside the file of the case.

    Args:
        case: It.
        file_name: Name of its file.
    """
    name = "".join(letter if letter.isalnum() else "_" for letter in Path(file_name).stem)
    bug = "from simulation.mutants import mutated\n" if case.mutant else ""
    report = "report = run(case.plan)"
    under = f"with mutated(case.mutant):\n        {report}" if case.mutant else report
    return (
        f'"""{case.invariant}, in the run that `{file_name}` tells of."""\n\n'
        "from __future__ import annotations\n\n"
        "from pathlib import Path\n\n"
        "from simulation.case_file import load_case\n"
        f"{bug}from simulation.run import run\n\n\n"
        f"def test_{name}() -> None:\n"
        f'    case = load_case(str(Path(__file__).with_name("{file_name}")))\n'
        f"    {under}\n"
        "    broken = [one for one in report.violations if one.invariant == case.invariant]\n"
        "    assert broken == []\n"
    )


def write_case(case: Case, path: Path) -> None:
    """Write the file of a case.

    Raises:
        OSError: It cannot be written.
    """
    path.write_text(case_text(case, str(path)), encoding="utf-8")
