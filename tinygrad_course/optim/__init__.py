"""Optimizers: each update rule declared once, as a pure function of arrays."""

from .optimizer import Optimizer
from .rule import RuleOptimizer
from .sgd import SGD

__all__ = ["SGD", "Optimizer", "RuleOptimizer"]
