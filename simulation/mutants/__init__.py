"""Mutants: deliberate bugs of the worker. A simulation that finds none of them proves nothing."""

from simulation.mutants.catalogue import MUTANTS, mutant_of
from simulation.mutants.hunting import MutantResult, SmallCase, hunt, mutated
from simulation.mutants.mutant import Mutant
from simulation.mutants.shrinking import replays, shrink_found, small_case

__all__ = [
    "MUTANTS",
    "Mutant",
    "MutantResult",
    "SmallCase",
    "hunt",
    "mutant_of",
    "mutated",
    "replays",
    "shrink_found",
    "small_case",
]
