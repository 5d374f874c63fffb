"""Activation functions: those of `ops`, at PyTorch's place, and the random ones."""

from __future__ import annotations

from typing import Any

from ...ops import sigmoid, tanh, where
from ...ops.activation import (
    celu,
    elu,
    gelu,
    glu,
    hardshrink,
    hardsigmoid,
    hardswish,
    hardtanh,
    leaky_relu,
    log_softmax,
    logsigmoid,
    mish,
    prelu,
    relu,
    relu6,
    selu,
    silu,
    softmax,
    softmin,
    softplus,
    softshrink,
    softsign,
    tanhshrink,
    threshold,
)
from ...ops.random import draw_exponential, draw_uniform
from ...tensor import Tensor
from ._check import require, require_float

__all__ = [
    "celu", "elu", "gelu", "glu", "gumbel_softmax", "hardshrink", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu",
    "log_softmax", "logsigmoid", "mish", "prelu", "relu", "relu6", "rrelu", "selu", "sigmoid", "silu", "softmax",
    "softmin", "softplus", "softshrink", "softsign", "tanh", "tanhshrink", "threshold",
]  # fmt: skip


def rrelu(input: Tensor, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False) -> Tensor:
    """x where positive, else a x, with a slope a drawn from U[lower, upper] for each value; its mean in evaluation.

    Xu et al., "Empirical evaluation of rectified activations" (2015).
    """
    require(lower <= upper, f"rrelu: expected lower <= upper, got {lower} and {upper}")
    if not training:
        return leaky_relu(input, (lower + upper) / 2)
    require_float("rrelu", input)
    slope: Any = draw_uniform(
        size=input.array.shape, low=float(lower), high=float(upper), dtype=input.array.dtype, generator=None
    )
    return where(input >= 0, input, input * slope)


def gumbel_softmax(logits: Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1) -> Tensor:
    """A differentiable draw of classes: softmax of (logits + Gumbel noise) / tau (Jang et al., 2016).

    Args:
        logits: unnormalized log-probabilities.
        tau: the temperature; the smaller, the closer to a choice of one class.
        hard: give one-hot vectors, with the gradient of the soft ones.
        eps: unused; kept for PyTorch's signature.
        dim: the dim of the classes.
    """
    require_float("gumbel_softmax", logits, "logits")
    drawn: Any = draw_exponential(size=logits.array.shape, rate=1.0, dtype=logits.array.dtype, generator=None)
    soft = softmax((logits - drawn.log()) / tau, dim)
    if not hard:
        return soft
    chosen = (soft == soft.detach().amax(dim, keepdim=True)).to(soft.dtype)
    return chosen - soft.detach() + soft
