"""Check gradients: numerical derivatives with step control, and their comparison with the backward pass."""

from .gradcheck import gradcheck
from .numerical import Estimate, derivative, slopes
from .report import Finding, GradientError, Row

__all__ = ["Estimate", "Finding", "GradientError", "Row", "derivative", "gradcheck", "slopes"]
