"""Optimizers: each update rule declared once, as a pure function of arrays.

Descent as in the lecture (ch. 8): `SGD` with momentum, `Rprop`, `LBFGS`, `NaturalGradient`; the learning rate follows
`lr_scheduler`. Weight decay is the lecture's L2 (ch. 9), and decoupled in `AdamW`.
"""

import importlib as _importlib
from typing import Any as _Any

from . import lr_scheduler
from .adadelta import Adadelta
from .adagrad import Adagrad
from .adam import Adam, AdamW
from .adamax import Adamax
from .asgd import ASGD
from .lbfgs import LBFGS
from .nadam import NAdam
from .natural_gradient import GaussNewton, NaturalGradient
from .optimizer import Optimizer
from .radam import RAdam
from .rmsprop import RMSprop
from .rprop import Rprop
from .rule import RuleOptimizer
from .sgd import SGD

__all__ = [
    "ASGD", "LBFGS", "SGD", "Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "GaussNewton", "NAdam", "NaturalGradient",
    "Optimizer", "RAdam", "RMSprop", "Rprop", "RuleOptimizer", "lr_scheduler",
]  # fmt: skip


def __getattr__(name: str) -> _Any:
    if name == "swa_utils":  # it needs nn, and few need it
        return _importlib.import_module(f"{__name__}.swa_utils")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
