"""Activation functions: those of `ops` with PyTorch's signatures, and the random ones.

`inplace=True` puts the result into the input, where that is not a value that gradients still need.
"""

from __future__ import annotations

import warnings
from typing import Any

from numpy.typing import DTypeLike

from ...ops import activation as ops
from ...ops import sigmoid, tanh, where
from ...ops.activation import (
    gelu,
    glu,
    hardshrink,
    logsigmoid,
    prelu,
    softplus,
    softshrink,
    softsign,
    tanhshrink,
)
from ...ops.inplace import assign
from ...ops.random import draw_exponential, draw_uniform
from ...tensor import Tensor
from ._check import require, require_float

__all__ = [
    "celu", "elu", "gelu", "glu", "gumbel_softmax", "hardshrink", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu",
    "log_softmax", "logsigmoid", "mish", "prelu", "relu", "relu6", "rrelu", "selu", "sigmoid", "silu", "softmax",
    "softmin", "softplus", "softshrink", "softsign", "tanh", "tanhshrink", "threshold",
]  # fmt: skip


def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """max(0, x) + min(0, alpha (exp(x / alpha) - 1)), elementwise (Barron, 2017)."""
    y = ops.celu(input, alpha)
    return assign(input, y, "celu_") if inplace else y


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x where positive, else alpha (exp(x) - 1), elementwise (Clevert et al., 2015)."""
    y = ops.elu(input, alpha)
    return assign(input, y, "elu_") if inplace else y


def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """x / 6 + 1/2 clipped to [0, 1], elementwise."""
    y = ops.hardsigmoid(input)
    return assign(input, y, "hardsigmoid_") if inplace else y


def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """x · hardsigmoid(x), elementwise (Howard et al., 2019)."""
    y = ops.hardswish(input)
    return assign(input, y, "hardswish_") if inplace else y


def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """x clipped to [min_val, max_val], elementwise."""
    y = ops.hardtanh(input, min_val, max_val)
    return assign(input, y, "hardtanh_") if inplace else y


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """x where positive, else negative_slope · x, elementwise."""
    y = ops.leaky_relu(input, negative_slope)
    return assign(input, y, "leaky_relu_") if inplace else y


def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """x · tanh(softplus(x)), elementwise (Misra, 2019)."""
    y = ops.mish(input)
    return assign(input, y, "mish_") if inplace else y


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """max(0, x), elementwise (lecture, ch. 6). The slope at 0 is 0."""
    y = ops.relu(input)
    return assign(input, y, "relu_") if inplace else y


def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """min(max(0, x), 6), elementwise."""
    y = ops.relu6(input)
    return assign(input, y, "relu6_") if inplace else y


def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """The self-normalizing exponential unit, elementwise (Klambauer et al., 2017)."""
    y = ops.selu(input)
    return assign(input, y, "selu_") if inplace else y


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """x · sigmoid(x), elementwise (Elfwing et al., 2017)."""
    y = ops.silu(input)
    return assign(input, y, "silu_") if inplace else y


def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """x where x > threshold, else value, elementwise."""
    y = ops.threshold(input, threshold, value)
    return assign(input, y, "threshold_") if inplace else y


def _implicit(name: str, input: Tensor, dim: int | None) -> int:
    """The dim that PyTorch guesses where none is given, with a warning."""
    if dim is not None:
        return dim
    guess = 0 if input.ndim in (0, 1, 3) else 1
    warnings.warn(f"{name}: no dim was given, taking {guess}; pass dim=", UserWarning, stacklevel=3)
    return guess


def softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: DTypeLike | None = None) -> Tensor:
    """exp xᵢ / Σⱼ exp xⱼ along a dim, without overflow (lecture, ch. 5).

    Example:
        >>> import tinygrad_course as tc
        >>> tc.nn.functional.softmax(tc.tensor([0.0, 0.0]), dim=0)
        tensor([0.5000, 0.5000])
    """
    return ops.softmax(input, _implicit("softmax", input, dim), dtype)


def softmin(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: DTypeLike | None = None) -> Tensor:
    """softmax(-x) along a dim."""
    return ops.softmax(-input, _implicit("softmin", input, dim), dtype)


def log_softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: DTypeLike | None = None) -> Tensor:
    """xᵢ - log Σⱼ exp xⱼ along a dim, without overflow."""
    return ops.log_softmax(input, _implicit("log_softmax", input, dim), dtype)


def rrelu(
    input: Tensor, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False, inplace: bool = False
) -> Tensor:
    """x where positive, else a x, with a slope a drawn from U[lower, upper] for each value; its mean in evaluation.

    Xu et al., "Empirical evaluation of rectified activations" (2015).
    """
    require(lower <= upper, f"rrelu: expected lower <= upper, got {lower} and {upper}")
    if not training:
        return leaky_relu(input, (lower + upper) / 2, inplace)
    require_float("rrelu", input)
    slope: Any = draw_uniform(
        size=input.array.shape, low=float(lower), high=float(upper), dtype=input.array.dtype, generator=None
    )
    y = where(input >= 0, input, input * slope)
    return assign(input, y, "rrelu_") if inplace else y


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
