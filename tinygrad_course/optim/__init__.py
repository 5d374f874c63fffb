"""Optimizers: each update rule declared once, as a pure function of arrays."""

from .adam import Adam, AdamW
from .optimizer import Optimizer
from .rule import RuleOptimizer
from .sgd import SGD

__all__ = ["SGD", "Adam", "AdamW", "Optimizer", "RuleOptimizer"]
