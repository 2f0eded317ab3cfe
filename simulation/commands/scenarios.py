"""`scenarios`: what there is in the library."""

from __future__ import annotations

import argparse

from simulation.commands.telling import Commands, say
from simulation.scenario_file import load_scenario, scenario_names
from simulation.sometimes import POINTS
from simulation.statuses import Status


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    """Tell its options."""
    parser = commands.add_parser("scenarios", help=__doc__, description=__doc__)
    parser.add_argument("name", nargs="?", help="tell more of one")
    parser.set_defaults(command=scenarios)
    return parser


def scenarios(arguments: argparse.Namespace) -> Status:
    """List them, or tell of one what it is to reach."""
    if arguments.name is None:
        width = max(map(len, scenario_names()))
        say(*(f"{name:<{width}}  {load_scenario(name).description}" for name in scenario_names()))
        return Status.CLEAN
    scenario = load_scenario(arguments.name)
    say(scenario.description, "", "Faults: " + ", ".join(kind.value for kind in scenario.classes))
    say("To be reached:", *(f"  {name}: {POINTS[name]}" for name in scenario.reaches))
    return Status.CLEAN
