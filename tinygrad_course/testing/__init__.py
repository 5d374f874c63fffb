"""Check gradients: numerical derivatives with step control, and their comparison with the backward pass."""

import importlib as _importlib
from typing import Any as _Any

from .admit import admits
from .check import check_gradients
from .gradcheck import gradcheck
from .numerical import Estimate, derivative, slopes
from .report import Finding, GradientError, Kink, Passed, Row

__all__ = [
    "Estimate",
    "Finding",
    "GradientError",
    "Kink",
    "Passed",
    "Row",
    "admits",
    "check_gradients",
    "derivative",
    "gradcheck",
    "slopes",
]


def __getattr__(name: str) -> _Any:
    if name == "strategies":  # needs Hypothesis
        return _importlib.import_module(f"{__name__}.strategies")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
