"""Standardizing: subtract the mean, divide by the deviation. The core of batch, layer, group and instance norm."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .op import declare

__all__: list[str] = []

Axes = tuple[int, ...]


def _count(shape: Any, axes: Axes) -> int:
    return math.prod(shape[a] for a in axes)


def _mean_product(a: np.ndarray, b: np.ndarray, *, axes: Axes) -> np.ndarray:
    # Without making the product a · b.
    letters = "abcdefgh"[: a.ndim]
    kept = "".join(c for i, c in enumerate(letters) if i not in axes)
    shape = tuple(1 if i in axes else n for i, n in enumerate(a.shape))
    return np.einsum(f"{letters},{letters}->{kept}", a, b).reshape(shape) * (1 / _count(a.shape, axes))


mean_product = declare(
    _mean_product,
    vjp=(lambda g, _y, _a, b, axes: g * (1 / _count(b.shape, axes)) * b,
         lambda g, _y, a, _b, axes: g * (1 / _count(a.shape, axes)) * a),
    name="mean_product", lazy=True, doc="The mean of a · b over some axes, which stay as 1, for a and b of one shape.",
)  # fmt: skip


def _standardize(x: np.ndarray, *, axes: Axes, eps: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    mean = np.mean(x, axis=axes, keepdims=True)
    y = x - mean
    variance = _mean_product(y, y, axes=axes)
    y *= 1 / np.sqrt(variance + eps)
    return y, mean, variance


def _standardize_rule(g: Any, ys: Any, _x: Any, axes: Axes, eps: float) -> Any:
    g, g_mean, g_variance = g
    y, _, variance = ys
    n = _count(y.shape, axes)
    scale = 1 / np.sqrt(variance + eps)
    # What g sends through the mean and the variance is a constant, and a multiple of y, for each group of values.
    constant = g_mean * (1 / n) - scale * np.mean(g, axis=axes, keepdims=True)
    slope = g_variance * (2 / n) / scale - scale * mean_product.apply(g, y, axes=axes)
    return g * scale + y * slope + constant


standardize = declare(
    _standardize, vjp=_standardize_rule, name="standardize",
    doc="(x - μ) / √(σ² + eps) with mean μ and variance σ² over some axes; gives also μ and σ².",
)  # fmt: skip


def _scale_to_unit(x: np.ndarray, *, axes: Axes, eps: float) -> np.ndarray:
    return x * (1 / np.sqrt(mean_product.apply(x, x, axes=axes) + eps))


def _scale_to_unit_rule(g: Any, y: Any, x: Any, axes: Axes, eps: float) -> Any:
    scale = 1 / np.sqrt(mean_product.apply(x, x, axes=axes) + eps)
    return (g - y * mean_product.apply(g, y, axes=axes)) * scale


scale_to_unit = declare(
    _scale_to_unit, vjp=_scale_to_unit_rule, name="scale_to_unit",
    doc="x / √(mean of x² + eps), with the mean over some axes.",
)  # fmt: skip


def _affine(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    y = x * weight
    y += bias
    return y


affine = declare(
    _affine,
    vjp=(lambda g, _y, _x, weight, _bias: g * weight, lambda g, _y, x, _weight, _bias: g * x,
         lambda g, _y, _x, _weight, _bias: g),
    name="affine", broadcasts=True, lazy=False,
    doc="x · weight + bias, elementwise, in one pass; weight and bias broadcast to x.",
)  # fmt: skip
