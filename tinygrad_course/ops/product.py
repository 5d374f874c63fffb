"""Products of matrices: the operations that do most of the work of a network."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from ..config import config
from .op import declare

__all__ = ["linear", "matmul"]

# Multiplications up to which a call of OpenBLAS is quicker than a kernel, and uses no threads.
BY_BLAS = 1 << 18


def _matmul_left(g: Any, _y: Any, a: Any, b: Any) -> Any:
    """g bᵀ, where a vector operand counts as a row (left) or a column (right) of a matrix."""
    if b.ndim == 1:
        return np.expand_dims(g, -1) * b
    if a.ndim == 1:
        g = np.expand_dims(g, -2)
        c = matmul.apply(g, b.swapaxes(-1, -2))
        return c.reshape(c.shape[:-2] + c.shape[-1:])
    return matmul.apply(g, b.swapaxes(-1, -2))


def _matmul_right(g: Any, _y: Any, a: Any, b: Any) -> Any:
    """aᵀ g, with the same reading of vectors."""
    if a.ndim == 1 and b.ndim == 1:
        return g * a
    if a.ndim == 1:
        return np.expand_dims(a, -1) * np.expand_dims(g, -2)
    if b.ndim == 1:
        c = matmul.apply(a.swapaxes(-1, -2), np.expand_dims(g, -1))
        return c.reshape(c.shape[:-1])
    return matmul.apply(a.swapaxes(-1, -2), g)


matmul = declare(
    np.matmul, vjp=(_matmul_left, _matmul_right), broadcasts=True, lazy=False, shrinks=False,
    doc="The matrix product of a (..., n, k) and b (..., k, m): (..., n, m); leading dimensions broadcast, "
        "a vector counts as a row (a) or a column (b).",
)  # fmt: skip


def _linear(x: Any, weight: Any, bias: Any = None) -> Any:
    y = _product(x, weight.T)
    if bias is not None:
        y += bias
    return y


def _linear_weight(g: Any, _y: Any, x: Any, _weight: Any, _bias: Any = None) -> Any:
    if x.ndim == 1:
        return np.expand_dims(g, 1) * x
    if x.ndim > 2:
        g, x = g.reshape((-1, g.shape[-1])), x.reshape((-1, x.shape[-1]))
    return _product(g.T, x)


def _product(a: Any, b: Any) -> Any:
    """`matmul` with a matrix; on small arrays `dot` takes half the time."""
    arrays = type(a) is np.ndarray and a.ndim <= 2 and type(b) is np.ndarray
    if arrays and (a.size * b.shape[-1] <= BY_BLAS or not config.native):
        return a.dot(b)
    return matmul.apply(a, b)


def _linear_input(g: Any, _y: Any, _x: Any, weight: Any, _bias: Any = None) -> Any:
    return _product(g, weight)


@lru_cache(maxsize=32)
def _ones(count: int, dtype: np.dtype) -> np.ndarray:
    return np.ones(count, dtype)


def _linear_bias(g: Any, _y: Any, _x: Any, _weight: Any, _bias: Any) -> Any:
    if g.ndim != 2:
        return g
    if type(g) is np.ndarray and g.size > 8192:
        return np.add.reduce(g, 0)
    # The sum over a batch as a product with ones: on small matrices several times faster than a reduction.
    return _product(_ones(len(g), g.dtype), g)


linear = declare(
    _linear,
    vjp=(_linear_input, _linear_weight, _linear_bias),
    name="linear", broadcasts=True, lazy=False, shrinks=False,
    doc="x Wᵀ + b in one operation: x (*, in), W (out, in), b (out) or left out; gives (*, out).",
)  # fmt: skip
