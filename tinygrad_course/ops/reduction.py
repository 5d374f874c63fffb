"""Reductions: from many values to one, over all dims or some.

Their rules keep cotangents small: the gradient of a sum is the cotangent itself, with the reduced dims as 1, which
broadcasts to the input's shape (`lazy=True`).
"""

from __future__ import annotations

import builtins
import math
from typing import Any, overload

import numpy as np
from numpy.typing import DTypeLike

from ..graph import bind
from ..tensor import Tensor
from . import elementwise
from .arguments import Dims, ValuesIndices, dim_of, numpy_names, reduced_count, require_float, spread
from .indexing import take_along_dim
from .op import declare

__all__ = [
    "all", "amax", "amin", "aminmax", "any", "argmax", "argmin", "count_nonzero", "max", "mean", "min", "nanmean",
    "nansum", "prod", "sum",
]  # fmt: skip

_INT64 = np.dtype(np.int64)


def _axis(dim: Dims) -> Any:
    """NumPy's axis for a dim; no dims at all mean every one, as in PyTorch."""
    if dim is None or isinstance(dim, int):
        return dim
    return tuple(dim) or None if isinstance(dim, (list, tuple)) else dim.__index__()  # type: ignore[union-attr]


# --- Sums and products --------------------------------------------------------------------------------------------


def _sum_of(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    # Integers and bools add up in int64, whatever their width.
    return np.add.reduce(x, axis, None if x.dtype.kind == "f" else _INT64, None, keepdims)


_sum = declare(
    _sum_of, vjp=lambda g, _y, _x, axis=None, keepdims=False: spread(g, _x.ndim, axis, keepdims),
    name="sum", lazy=True, doc="The sum over some dims, or all.",
)  # fmt: skip


def _mean_of(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    require_float("mean", x)
    # Halves are summed as singles: 65504 is soon exceeded.
    total = np.add.reduce(x, axis, np.float32 if x.itemsize == 2 else None, None, keepdims)
    n = reduced_count(x.shape, axis)
    return (total / n if n else total * math.nan).astype(x.dtype, copy=False)


_mean = declare(
    _mean_of,
    vjp=lambda g, _y, _x, axis=None, keepdims=False: (
        spread(g, _x.ndim, axis, keepdims) / builtins.max(reduced_count(_x.shape, axis), 1)
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
    lambda x, axis, keepdims=False: np.multiply.reduce(
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
    return bind(_sum, input, axis=_axis(dim), keepdims=keepdim)


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
    return bind(_mean, input, axis=_axis(dim), keepdims=keepdim)


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
    return np.where(elementwise.isnan(x), 0, x)  # type: ignore[call-overload, no-any-return]


@numpy_names
def count_nonzero(input: Tensor, dim: Dims = None, *, axis: Dims = None) -> Tensor:
    """How many values are not 0, over `dim` or in all.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.count_nonzero(tc.tensor([0, 3, 4]))
        tensor(2)
    """
    return sum(elementwise.ne(input, 0), dim)


# --- The largest and the smallest ---------------------------------------------------------------------------------


def _check_some(name: str, x: Any, axis: Any) -> None:
    if not x.size and not reduced_count(x.shape, axis):
        kind = RuntimeError if axis is None and not name.startswith("arg") else IndexError
        raise kind(f"{name}: there is no value to choose from in shape {x.shape}; check x.numel() first")


def _extreme(name: str, ufunc: np.ufunc) -> Any:
    def forward(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        if not x.size:
            _check_some(name, x, axis)
        return ufunc.reduce(x, axis, None, None, keepdims)

    return forward


def _shared(g: Any, y: Any, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The cotangent in equal parts for all values that attain the extreme (a NaN does, where there is one)."""
    kind = x.dtype.type
    attained = (x == spread(y, x.ndim, axis, keepdims)) | (x != x)
    attained = np.where(attained, kind(1), kind(0))
    return spread(g, x.ndim, axis, keepdims) * (attained / np.add.reduce(attained, axis, keepdims=True))


_amax = declare(_extreme("amax", np.maximum), vjp=_shared, name="amax", lazy=True,
                doc="The largest value over some dims, or all; ties share the gradient evenly.")  # fmt: skip
_amin = declare(_extreme("amin", np.minimum), vjp=_shared, name="amin", lazy=True,
                doc="The smallest value over some dims, or all; ties share the gradient evenly.")  # fmt: skip


def _place(name: str, find: Any) -> Any:
    def forward(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
        if not x.size:
            _check_some(name, x, axis)
        return find(x, axis=axis, keepdims=keepdims) if x.ndim else np.zeros((), _INT64)

    return forward


_argmax = declare(_place("argmax", np.argmax), name="argmax", doc="Where the largest value is; the first of equals.")
_argmin = declare(_place("argmin", np.argmin), name="argmin", doc="Where the smallest value is; the first of equals.")


@numpy_names
def amax(
    input: Tensor, dim: Dims = None, keepdim: bool = False, *, axis: Dims = None, keepdims: bool = False
) -> Tensor:
    """The largest value over `dim`, or of all; values that tie share the gradient evenly.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.amax(tc.tensor([[1, 5], [7, 2]]), dim=(0, 1))
        tensor(7)
    """
    return bind(_amax, input, axis=_axis(dim), keepdims=keepdim)


@numpy_names
def amin(
    input: Tensor, dim: Dims = None, keepdim: bool = False, *, axis: Dims = None, keepdims: bool = False
) -> Tensor:
    """The smallest value over `dim`, or of all; values that tie share the gradient evenly.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.amin(tc.tensor([[1, 5], [7, 2]]), dim=0)
        tensor([1, 2])
    """
    return bind(_amin, input, axis=_axis(dim), keepdims=keepdim)


class MinMax(tuple[Tensor, Tensor]):
    """The smallest and the largest value, as `.min` and `.max`."""

    __slots__ = ()
    min = property(lambda self: self[0], doc="The smallest value.")
    max = property(lambda self: self[1], doc="The largest value.")


@numpy_names
def aminmax(
    input: Tensor, *, dim: int | None = None, keepdim: bool = False, axis: int | None = None, keepdims: bool = False
) -> MinMax:
    """The smallest and the largest value over `dim`, or of all.

    Example:
        >>> import tinygrad_course as tc
        >>> low, high = tc.aminmax(tc.tensor([3, 1, 2]))
        >>> low, high
        (tensor(1), tensor(3))
    """
    return MinMax((amin(input, dim, keepdim), amax(input, dim, keepdim)))


@numpy_names
def argmax(
    input: Tensor, dim: int | None = None, keepdim: bool = False, *, axis: int | None = None, keepdims: bool = False
) -> Tensor:
    """The index of the largest value along `dim`, or in the flattened tensor; the first of equals.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.argmax(tc.tensor([[1, 5], [7, 2]]), dim=1)
        tensor([1, 0])
    """
    return bind(_argmax, input, axis=dim, keepdims=keepdim)


@numpy_names
def argmin(
    input: Tensor, dim: int | None = None, keepdim: bool = False, *, axis: int | None = None, keepdims: bool = False
) -> Tensor:
    """The index of the smallest value along `dim`, or in the flattened tensor; the first of equals.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.argmin(tc.tensor([[1, 5], [7, 2]]))
        tensor(0)
    """
    return bind(_argmin, input, axis=dim, keepdims=keepdim)


@overload
def max(input: Tensor) -> Tensor: ...
@overload
def max(input: Tensor, dim: Tensor) -> Tensor: ...
@overload
def max(input: Tensor, *, other: Tensor) -> Tensor: ...
@overload
def max(input: Tensor, dim: int, keepdim: bool = False) -> ValuesIndices: ...
@overload
def max(input: Tensor, *, axis: int, keepdims: bool = False) -> ValuesIndices: ...
@numpy_names
def max(
    input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Tensor | None = None, axis: Any = None,
    keepdims: bool = False,
) -> Any:  # fmt: skip
    """The largest value; with `dim`, a named tuple (values, indices); of two tensors, the elementwise maximum.

    Over all values, ties share the gradient evenly; along a `dim` the value at the index gets it.

    Example:
        >>> import tinygrad_course as tc
        >>> x = tc.tensor([[1, 5], [7, 2]])
        >>> tc.max(x)
        tensor(7)
        >>> values, indices = tc.max(x, dim=1)
        >>> values, indices
        (tensor([5, 7]), tensor([1, 0]))
    """
    return _extremum(input, dim, keepdim, other, _amax, _argmax, elementwise.maximum)


@overload
def min(input: Tensor) -> Tensor: ...
@overload
def min(input: Tensor, dim: Tensor) -> Tensor: ...
@overload
def min(input: Tensor, *, other: Tensor) -> Tensor: ...
@overload
def min(input: Tensor, dim: int, keepdim: bool = False) -> ValuesIndices: ...
@overload
def min(input: Tensor, *, axis: int, keepdims: bool = False) -> ValuesIndices: ...
@numpy_names
def min(
    input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Tensor | None = None, axis: Any = None,
    keepdims: bool = False,
) -> Any:  # fmt: skip
    """The smallest value; with `dim`, a named tuple (values, indices); of two tensors, the elementwise minimum.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.min(tc.tensor([[1, 5], [7, 2]]), dim=0).values
        tensor([1, 2])
    """
    return _extremum(input, dim, keepdim, other, _amin, _argmin, elementwise.minimum)


def _extremum(x: Tensor, dim: Any, keepdim: bool, other: Any, whole: Any, place: Any, pairwise: Any) -> Any:
    if isinstance(dim, Tensor):
        other = dim
    if other is not None:
        return bind(pairwise, x, other)
    if dim is None:
        return bind(whole, x)
    found = bind(place, x, axis=dim, keepdims=True)
    values = take_along_dim(x, found, dim)
    if keepdim or not x.ndim:
        return ValuesIndices(values, found)
    return ValuesIndices(values.squeeze(dim), found.squeeze(dim))


# --- Tests --------------------------------------------------------------------------------------------------------

_all = declare(lambda x, axis=None, keepdims=False: np.logical_and.reduce(x, axis, None, None, keepdims), name="all",
               doc="Whether all values are true (not 0).")  # fmt: skip
_any = declare(lambda x, axis=None, keepdims=False: np.logical_or.reduce(x, axis, None, None, keepdims), name="any",
               doc="Whether some value is true (not 0).")  # fmt: skip


@numpy_names
def all(input: Tensor, dim: Dims = None, keepdim: bool = False, *, axis: Dims = None, keepdims: bool = False) -> Tensor:
    """Whether all values along `dim`, or in all, are true.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.all(tc.tensor([True, False]))
        tensor(False)
    """
    return bind(_all, input, axis=_axis(dim), keepdims=keepdim)


@numpy_names
def any(input: Tensor, dim: Dims = None, keepdim: bool = False, *, axis: Dims = None, keepdims: bool = False) -> Tensor:
    """Whether some value along `dim`, or at all, is true.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.any(tc.tensor([True, False]))
        tensor(True)
    """
    return bind(_any, input, axis=_axis(dim), keepdims=keepdim)


METHODS: dict[str, Any] = {name: globals()[name] for name in __all__}
