"""Reductions: from many values to one, over all dims or some.

Their rules keep cotangents small: the gradient of a sum is the cotangent itself, with the reduced dims as 1, which
broadcasts to the input's shape (`lazy=True`).
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ..graph import bind
from ..native import enabled
from ..tensor import Tensor
from . import elementwise
from .arguments import Dims, axis_of, dim_of, numpy_names, reduced_count, require_float, spread
from .choosing import where as _where
from .op import declare

__all__ = ["all", "any", "count_nonzero", "mean", "nanmean", "nansum", "prod", "sum"]

_INT64 = np.dtype(np.int64)
_add: Any = np.add.reduce
_multiply: Any = np.multiply.reduce
_and: Any = np.logical_and.reduce
_or: Any = np.logical_or.reduce


# --- Sums and products --------------------------------------------------------------------------------------------


@lru_cache(maxsize=2)
def _row_of_ones(dtype: np.dtype) -> np.ndarray:
    return np.ones(4096, dtype)


def _total(x: np.ndarray) -> Any:
    """The sum of a long array: of rows by BLAS, which takes a fifth of the time, and of their sums by pairs."""
    ones, flat = _row_of_ones(x.dtype), x.reshape(-1)
    whole = len(flat) - len(flat) % len(ones)
    return _add(flat[:whole].reshape(-1, len(ones)).dot(ones)) + _add(flat[whole:])


def _sum_of(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    long = axis is None and not keepdims and x.size > 65536 and x.dtype.char in "fd" and x.flags.c_contiguous
    if long and not enabled():  # BLAS's threads would be in the way of the kernels'
        return _total(x)
    # Integers and bools add up in int64, whatever their width.
    return _add(x, axis, None if x.dtype.kind == "f" else _INT64, None, keepdims)


_sum = declare(
    _sum_of, vjp=lambda g, _y, _x, axis=None, keepdims=False: spread(g, _x.ndim, axis, keepdims),
    name="sum", lazy=True, doc="The sum over some dims, or all.",
)  # fmt: skip


def _mean_of(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    if x.dtype.kind != "f" or x.itemsize == 2:
        require_float("mean", x)
        # Halves are summed as singles: 65504 is soon exceeded.
        return _mean_of(x.astype(np.float32), axis, keepdims).astype(x.dtype)
    total = _sum_of(x, axis, keepdims)
    n = x.size if axis is None else reduced_count(x.shape, axis)
    return total / n if n else total * math.nan


_mean = declare(
    _mean_of,
    vjp=lambda g, _y, _x, axis=None, keepdims=False: (
        spread(g, _x.ndim, axis, keepdims) / max(reduced_count(_x.shape, axis), 1)
    ),
    name="mean", lazy=True, doc="The mean over some dims, or all.",
)  # fmt: skip


def _others(x: Any, axis: int) -> Any:
    """For each value the product of all the others along the axis, without dividing: right where there are zeros."""
    if not x.ndim:
        return np.ones_like(x)
    n = x.shape[axis]
    before = np.concatenate([np.ones_like(_part(x, axis, 0, 1)), _part(x, axis, 0, n - 1)], axis)
    after = np.concatenate([_part(x, axis, 1, n), np.ones_like(_part(x, axis, 0, 1))], axis)
    return np.cumprod(before, axis) * np.flip(np.cumprod(np.flip(after, axis), axis), axis)


def _part(x: Any, axis: int, start: int, stop: int) -> Any:
    return x[(slice(None),) * axis + (slice(start, stop),)]


_prod = declare(
    lambda x, axis, keepdims=False: _multiply(
        x, axis, None if x.dtype.kind == "f" else _INT64, None, keepdims
    ),
    vjp=lambda g, _y, x, axis, keepdims=False: (
        spread(g, x.ndim, axis, keepdims) * _others(x, axis) if math.prod(x.shape) else np.zeros_like(x)
    ),
    name="prod", lazy=True, doc="The product along one dim.",
)  # fmt: skip


@numpy_names
def sum(
    input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: DTypeLike | None = None, axis: Dims = None,
    keepdims: bool = False,
) -> Tensor:  # fmt: skip
    """The sum over `dim`, or over all dims.

    Integers and bools are summed in int64. The sum of nothing is 0.

    Args:
        dim: a dim or several; None or an empty sequence for all.
        keepdim: keep the reduced dims, with length 1.
        dtype: convert to this dtype before summing.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.sum(tc.tensor([[1, 2], [3, 4]]), dim=0)
        tensor([4, 6])
    """
    if dtype is not None:
        input = input.to(dtype)
    return bind(_sum, input, axis=axis_of(dim), keepdims=keepdim)


@numpy_names
def mean(
    input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: DTypeLike | None = None, axis: Dims = None,
    keepdims: bool = False,
) -> Tensor:  # fmt: skip
    """The mean over `dim`, or over all dims; NaN of nothing.

    Raises:
        RuntimeError: if the values are not floats.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.mean(tc.tensor([[1.0, 2.0], [3.0, 4.0]]), dim=1).tolist()
        [1.5, 3.5]
    """
    if dtype is not None:
        input = input.to(dtype)
    return bind(_mean, input, axis=axis_of(dim), keepdims=keepdim)


@numpy_names
def prod(
    input: Tensor, dim: int | None = None, keepdim: bool = False, *, dtype: DTypeLike | None = None,
    axis: int | None = None, keepdims: bool = False,
) -> Tensor:  # fmt: skip
    """The product along `dim`, or of all values; 1 of nothing. The gradient is right where values are 0, too.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.prod(tc.tensor([2, 3, 4]))
        tensor(24)
    """
    if dtype is not None:
        input = input.to(dtype)
    if dim is None:
        whole = bind(_prod, input.reshape(-1), axis=0)
        return whole.reshape((1,) * input.ndim) if keepdim else whole
    return bind(_prod, input, axis=dim_of("prod", dim, input.ndim), keepdims=keepdim)


@numpy_names
def nansum(
    input: Tensor, dim: Dims = None, keepdim: bool = False, *, axis: Dims = None, keepdims: bool = False
) -> Tensor:
    """The sum with NaNs counted as 0.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.nansum(tc.tensor([1.0, float("nan"), 2.0])).item()
        3.0
    """
    return sum(_without_nan(input), dim, keepdim)


@numpy_names
def nanmean(
    input: Tensor, dim: Dims = None, keepdim: bool = False, *, axis: Dims = None, keepdims: bool = False
) -> Tensor:
    """The mean of the values that are not NaN.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.nanmean(tc.tensor([1.0, float("nan"), 2.0])).item()
        1.5
    """
    counted = sum(elementwise.logical_not(elementwise.isnan(input)), dim, keepdim)
    return sum(_without_nan(input), dim, keepdim) / counted.to(input.dtype)


def _without_nan(x: Tensor) -> Tensor:
    return _where(elementwise.isnan(x), 0, x)


@numpy_names
def count_nonzero(input: Tensor, dim: Dims = None, *, axis: Dims = None) -> Tensor:
    """How many values are not 0, over `dim` or in all.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.count_nonzero(tc.tensor([0, 3, 4]))
        tensor(2)
    """
    return sum(elementwise.ne(input, 0), dim)


# --- Tests --------------------------------------------------------------------------------------------------------

_all = declare(lambda x, axis=None, keepdims=False: _and(x, axis, None, None, keepdims), name="all",
               doc="Whether all values are true (not 0).")  # fmt: skip
_any = declare(lambda x, axis=None, keepdims=False: _or(x, axis, None, None, keepdims), name="any",
               doc="Whether some value is true (not 0).")  # fmt: skip


@numpy_names
def all(input: Tensor, dim: Dims = None, keepdim: bool = False, *, axis: Dims = None, keepdims: bool = False) -> Tensor:
    """Whether all values along `dim`, or in all, are true.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.all(tc.tensor([True, False]))
        tensor(False)
    """
    return bind(_all, input, axis=axis_of(dim), keepdims=keepdim)


@numpy_names
def any(input: Tensor, dim: Dims = None, keepdim: bool = False, *, axis: Dims = None, keepdims: bool = False) -> Tensor:
    """Whether some value along `dim`, or at all, is true.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.any(tc.tensor([True, False]))
        tensor(True)
    """
    return bind(_any, input, axis=axis_of(dim), keepdims=keepdim)


METHODS: dict[str, Any] = {name: globals()[name] for name in __all__}
