"""Dropout: values, or whole channels, set to 0 (or to the value that keeps mean and variance) at random."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...ops import where
from ...ops.inplace import assign
from ...ops.random import draw_bernoulli
from ...tensor import Tensor
from ._check import require, require_float, require_tensor

__all__ = ["alpha_dropout", "dropout", "dropout1d", "dropout2d", "dropout3d", "feature_alpha_dropout"]


def _kept(p: float, shape: tuple[int, ...], dtype: Any) -> Tensor:
    """1 with probability 1 - p, else 0: a fresh draw each time, also of a recorded computation."""
    chance = np.broadcast_to(np.asarray(1.0 - p, np.float32), shape)
    return draw_bernoulli(chance, dtype=np.dtype(dtype), generator=None)


def _check(name: str, input: Tensor, p: float) -> None:
    require_tensor(name, input=input)
    require(0 <= p <= 1, f"{name}: expected a probability p from 0 to 1, got {p}", ValueError)
    require_float(name, input)


def _inverted(name: str, input: Tensor, p: float, training: bool, inplace: bool, shape: tuple[int, ...]) -> Tensor:
    _check(name, input, p)
    if not training or p == 0:
        return input
    y = input * 0.0 if p == 1 else input * (_kept(p, shape, input.array.dtype) * (1 / (1 - p)))
    return assign(input, y, f"{name}_") if inplace else y


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """In training, set each value to 0 with probability p and divide the rest by 1 - p; else nothing.

    Srivastava et al. (2014), in the inverted form, in which evaluation needs no factor.

    Args:
        input: any tensor of floats.
        p: the probability of 0.
        training: whether to drop.
        inplace: put the result into the input.

    Raises:
        ValueError: if p is no probability.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.nn.functional.dropout(tc.ones(3), 0.5, training=False)
        tensor([1., 1., 1.])
    """
    return _inverted("dropout", input, p, training, inplace, tuple(input.shape))


def _channels(name: str, n: int, input: Tensor) -> tuple[int, ...]:
    """The shape of one mask value for each channel, of a batch or of one example."""
    shape = tuple(input.shape)
    require(len(shape) in (n + 1, n + 2), f"{name}: expected an input of {n + 2} or {n + 1} dims, got shape {shape}")
    return shape[:-n] + (1,) * n


def dropout1d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """`dropout` of whole channels of (N, C, L) or (C, L)."""
    return _inverted("dropout1d", input, p, training, inplace, _channels("dropout1d", 1, input))


def dropout2d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """`dropout` of whole channels of (N, C, H, W) or (C, H, W) (Tompson et al., 2015)."""
    return _inverted("dropout2d", input, p, training, inplace, _channels("dropout2d", 2, input))


def dropout3d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """`dropout` of whole channels of (N, C, D, H, W) or (C, D, H, W)."""
    return _inverted("dropout3d", input, p, training, inplace, _channels("dropout3d", 3, input))


# The value at minus infinity of SELU, which stands for a dropped value.
_DROPPED = -1.7580993408473766


def _alpha(name: str, input: Tensor, p: float, training: bool, inplace: bool, shape: tuple[int, ...]) -> Tensor:
    _check(name, input, p)
    if not training or p == 0:
        return input
    if p == 1:
        y = input * 0.0
    else:
        scale = 1 / math.sqrt((1 - p) * (1 + p * _DROPPED**2))
        y = where(_kept(p, shape, bool), input, _DROPPED) * scale + (-scale * p * _DROPPED)
    return assign(input, y, f"{name}_") if inplace else y


def alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """Dropout that keeps mean 0 and variance 1, for nets of SELUs (Klambauer et al., 2017)."""
    return _alpha("alpha_dropout", input, p, training, inplace, tuple(input.shape))


def feature_alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """`alpha_dropout` of whole channels (N, C, ...)."""
    shape = tuple(input.shape)
    return _alpha("feature_alpha_dropout", input, p, training, inplace, shape[:2] + (1,) * (len(shape) - 2))
