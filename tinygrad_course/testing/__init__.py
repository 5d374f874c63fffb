"""Check gradients: numerical derivatives with step control, and their comparison with the backward pass."""

from .gradcheck import gradcheck
from .numerical import Estimate, derivative, slopes
from .report import Finding, GradientError, Kink, Passed, Row

__all__ = ["Estimate", "Finding", "GradientError", "Kink", "Passed", "Row", "derivative", "gradcheck", "slopes"]
