"""Hypergradients and the minimax problem: torch in, torch out."""
from .hypergradient import Hypergradient, hypergradient
from .minimax import Solution, solve
from .problem import Problem

__all__ = ['Hypergradient', 'Problem', 'Solution', 'hypergradient', 'solve']
