"""Functions of `nn`: what its modules compute (being written)."""

from __future__ import annotations

from ..ops import linear, sigmoid, tanh

__all__ = ["linear", "sigmoid", "tanh"]
