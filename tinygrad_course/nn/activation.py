"""Activation functions as modules."""

from __future__ import annotations

from ..ops import sigmoid, tanh
from ..tensor import Tensor
from .module import Module

__all__ = ["Sigmoid", "Tanh"]


class Sigmoid(Module):
    """1 / (1 + e⁻ˣ), elementwise."""

    def forward(self, input: Tensor) -> Tensor:
        return sigmoid(input)


class Tanh(Module):
    """tanh x, elementwise."""

    def forward(self, input: Tensor) -> Tensor:
        return tanh(input)
