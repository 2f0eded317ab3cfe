"""Mutants: deliberate bugs of the worker. A simulation that finds none of them proves nothing."""

from simulation.mutants.catalogue import MUTANTS, mutant_of
from simulation.mutants.hunting import MutantResult, hunt, mutated
from simulation.mutants.mutant import Mutant
from simulation.mutants.shrinking import shrink_found

__all__ = ["MUTANTS", "Mutant", "MutantResult", "hunt", "mutant_of", "mutated", "shrink_found"]
