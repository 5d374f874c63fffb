"""Standardizing: subtract the mean, divide by the deviation. The core of batch, layer, group and instance norm."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .op import declare

__all__: list[str] = []

Axes = tuple[int, ...]

# Bytes of rows that are standardized at a time.
BLOCK = 1 << 18


def _count(shape: Any, axes: Axes) -> int:
    return math.prod(shape[a] for a in axes)


def _rows(x: np.ndarray, axes: Axes) -> np.ndarray | None:
    """A view of x with a row for each group of values that are standardized together, if memory is ordered so."""
    kept = [a for a in range(x.ndim) if a not in axes]
    order = sorted(kept, key=lambda a: -x.strides[a]) + sorted(axes, key=lambda a: -x.strides[a])
    moved = x.transpose(order)
    return moved.reshape(-1, _count(x.shape, axes)) if moved.flags.c_contiguous and x.size else None


def _reduced_like(x: np.ndarray, axes: Axes) -> np.ndarray:
    """An empty array for one value of each group, in the same order of memory."""
    return np.empty_like(x, shape=tuple(1 if a in axes else n for a, n in enumerate(x.shape)))


def _mean_product(a: np.ndarray, b: np.ndarray, *, axes: Axes) -> np.ndarray:
    # Without making the product a · b.
    if a.strides == b.strides and a.dtype == b.dtype:
        left, right = _rows(a, axes), _rows(b, axes)
        if left is not None and right is not None:
            out = _reduced_like(a, axes)
            _rows(out, axes)[:, 0] = np.vecdot(left, right) * (1 / left.shape[1])  # type: ignore[index]
            return out
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
    rows = _rows(x, axes)
    if rows is None:
        mean = np.mean(x, axis=axes, keepdims=True)
        y = x - mean
        variance = _mean_product(y, y, axes=axes)
        y *= 1 / np.sqrt(variance + eps)
        return y, mean, variance
    y, mean, variance = np.empty_like(x), _reduced_like(x, axes), _reduced_like(x, axes)
    ys, means, variances = _rows(y, axes), _rows(mean, axes), _rows(variance, axes)
    n = rows.shape[1]
    ones = np.ones((n, 1), x.dtype)
    # Some rows at a time, such that all passes over them find them in cache.
    step = max(1, BLOCK // (n * x.itemsize))
    for i in range(0, len(rows), step):
        part = slice(i, i + step)
        m = np.matmul(rows[part], ones)
        m *= 1 / n
        d = np.subtract(rows[part], m, out=ys[part])  # type: ignore[index]
        v = np.vecdot(d, d)[:, None]
        v *= 1 / n
        d *= 1 / np.sqrt(v + eps)
        means[part], variances[part] = m, v  # type: ignore[index]
    return y, mean, variance


def _combine(a: Any, b: Any, c: Any, d: Any, e: Any) -> Any:
    y = a * b
    y += c * d
    y += e
    return y


combine = declare(
    _combine,
    vjp=(lambda g, _y, _a, b, _c, _d, _e: g * b, lambda g, _y, a, _b, _c, _d, _e: g * a,
         lambda g, _y, _a, _b, _c, d, _e: g * d, lambda g, _y, _a, _b, c, _d, _e: g * c,
         lambda g, _y, _a, _b, _c, _d, _e: g),
    name="combine", broadcasts=True, lazy=False,
    doc="a · b + c · d + e, elementwise; a and c have the shape of the result.",
)  # fmt: skip


def _standardize_rule(g: Any, ys: Any, _x: Any, axes: Axes, eps: float) -> Any:
    g, g_mean, g_variance = g
    y, _, variance = ys
    n = _count(y.shape, axes)
    scale = 1 / np.sqrt(variance + eps)
    # What g sends through the mean and the variance is a constant, and a multiple of y, for each group of values.
    constant = g_mean * (1 / n) - scale * np.mean(g, axis=axes, keepdims=True)
    slope = g_variance * (2 / n) / scale - scale * mean_product.apply(g, y, axes=axes)
    return combine.apply(g, scale, y, slope, constant)


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
