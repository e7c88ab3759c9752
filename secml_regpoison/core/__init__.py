"""Hypergradients and the minimax problem: torch in, torch out."""
from .hypergradient import Hypergradient, hypergradient
from .iterates import Iterate, Solution
from .minimax import solve
from .problem import Problem

__all__ = ['Hypergradient', 'Iterate', 'Problem', 'Solution', 'hypergradient',
           'solve']
