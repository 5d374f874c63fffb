"""Order: sorting, the k largest, medians, quantiles, and looking values up.

Where the values come from is an operation without gradient; taking them from there (`take_along_dim`) has one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..graph import bind
from ..tensor import Tensor
from . import elementwise
from .arguments import ValuesIndices, dim_of, numpy_names, require_float
from .choosing import where
from .indexing import narrow, take_along_dim, take_out
from .op import declare

__all__ = [
    "argsort", "bucketize", "isin", "kthvalue", "median", "mode", "msort", "nanmedian", "quantile", "searchsorted",
    "sort", "topk", "unique", "unique_consecutive",
]  # fmt: skip


def _argsort_of(x: Any, axis: int, descending: bool = False, stable: bool = False) -> Any:
    if not x.ndim:
        return np.zeros((), np.int64)
    if not descending:
        return np.argsort(x, axis, kind="stable" if stable else None)
    # Descending and stable: sort the reversed array, and read both its order and its places from the end.
    n = x.shape[axis]
    return n - 1 - np.flip(np.argsort(np.flip(x, axis), axis, kind="stable"), axis)


_argsort = declare(_argsort_of, name="argsort", doc="The indices that sort along a dim; NaNs count as the largest.")


@numpy_names
def argsort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False, *, axis: int = -1) -> Tensor:
    """The indices that sort along `dim`; NaNs count as the largest values.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.argsort(tc.tensor([30, 10, 20]))
        tensor([1, 2, 0])
    """
    axis = dim_of("argsort", dim, input.array.ndim)
    return bind(_argsort, input, axis=axis, descending=bool(descending), stable=bool(stable))


@numpy_names
def sort(
    input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False, *, axis: int = -1
) -> ValuesIndices:
    """The values in order along `dim`, and where each was: a named tuple (values, indices).

    Args:
        stable: equal values keep their order.

    Example:
        >>> import tinygrad_course as tc
        >>> values, indices = tc.sort(tc.tensor([30, 10, 20]))
        >>> values, indices
        (tensor([10, 20, 30]), tensor([1, 2, 0]))
    """
    order = argsort(input, dim, descending, stable)
    return ValuesIndices(take_along_dim(input, order, dim), order)


def msort(input: Tensor) -> Tensor:
    """The values in order along dim 0.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.msort(tc.tensor([3, 1, 2]))
        tensor([1, 2, 3])
    """
    return sort(input, 0).values


@numpy_names
def topk(
    input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True, *, axis: int = -1
) -> ValuesIndices:
    """The `k` largest (or smallest) values along `dim` in order, and where each was.

    Raises:
        RuntimeError: if there are fewer than `k` values.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.topk(tc.tensor([30, 10, 20]), 2).indices
        tensor([0, 2])
    """
    k, axis = int(k), dim_of("topk", dim, input.array.ndim)
    n = input.array.shape[axis] if input.array.ndim else 1
    if not 0 <= k <= n:
        raise RuntimeError(f"topk: k = {k} is out of range for the {n} values of dim {dim}")
    order = argsort(input, axis, largest)
    if input.array.ndim:
        order = narrow(order, axis, 0, k)
    return ValuesIndices(take_along_dim(input, order, axis), order)


@numpy_names
def kthvalue(
    input: Tensor, k: int, dim: int = -1, keepdim: bool = False, *, axis: int = -1, keepdims: bool = False
) -> ValuesIndices:
    """The `k`-th smallest value along `dim`, counted from 1, and where it was.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.kthvalue(tc.tensor([30, 10, 20]), 2).values
        tensor(20)
    """
    axis = dim_of("kthvalue", dim, input.array.ndim)
    n = input.array.shape[axis] if input.array.ndim else 1
    if not 1 <= k <= n:
        raise RuntimeError(f"kthvalue: k = {k} is out of range for the {n} values of dim {dim}")
    order = argsort(input, axis, stable=True)
    if not input.array.ndim:
        return ValuesIndices(input.clone(), order)
    return _chosen(input, narrow(order, axis, k - 1, 1), axis, keepdim)


def _chosen(x: Tensor, places: Tensor, axis: int, keepdim: bool) -> ValuesIndices:
    """The values at places along a dim, where there is one place in each line."""
    if not x.array.ndim:
        return ValuesIndices(x.clone(), places)
    values = take_along_dim(x, places, axis)
    return ValuesIndices(values, places) if keepdim else ValuesIndices(values.squeeze(axis), places.squeeze(axis))


def _median_place(x: Any, axis: int, skip_nan: bool = False) -> Any:
    if not x.ndim:
        return np.zeros((), np.int64)
    n = x.shape[axis]
    if not n:
        raise IndexError("median: there is no value to choose from")
    order = np.argsort(x, axis, kind="stable")
    bad = np.add.reduce(x != x, axis, keepdims=True)  # NaNs, sorted to the end
    middle = np.maximum(n - bad - 1, 0) // 2
    return np.take_along_axis(order, middle if skip_nan else np.where(bad > 0, n - bad, middle), axis)


_median = declare(_median_place, name="median_place", doc="Where along a dim the median (the lower of two) is.")


@numpy_names
def median(
    input: Tensor, dim: int | None = None, keepdim: bool = False, *, axis: int | None = None, keepdims: bool = False
) -> Any:
    """The median (the lower of the two in the middle); with `dim`, a named tuple (values, indices). NaN if any is.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.median(tc.tensor([40, 10, 30, 20]))
        tensor(20)
    """
    return _median_of(input, dim, keepdim, False)


@numpy_names
def nanmedian(
    input: Tensor, dim: int | None = None, keepdim: bool = False, *, axis: int | None = None, keepdims: bool = False
) -> Any:
    """As `median`, of the values that are not NaN.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.nanmedian(tc.tensor([1.0, float("nan"), 3.0])).item()
        1.0
    """
    return _median_of(input, dim, keepdim, True)


def _median_of(x: Tensor, dim: int | None, keepdim: bool, skip_nan: bool) -> Any:
    if dim is None:
        if not x.array.size:
            return Tensor._wrap(np.full((), math.nan, x.dtype if x.dtype.kind == "f" else np.float32))
        x = x.reshape(-1)
        return _chosen(x, bind(_median, x, axis=0, skip_nan=skip_nan), 0, False).values
    axis = dim_of("median", dim, x.array.ndim)
    return _chosen(x, bind(_median, x, axis=axis, skip_nan=skip_nan), axis, keepdim)


def _mode_place(x: Any, axis: int) -> Any:
    if not x.ndim:
        return np.zeros((), np.int64)
    lines = np.moveaxis(x, axis, -1)
    out = np.empty(lines.shape[:-1], np.int64)
    for at in np.ndindex(out.shape):
        _, first, counts = np.unique(lines[at][::-1], return_index=True, return_counts=True)
        out[at] = x.shape[axis] - 1 - first[np.argmax(counts)]  # the latest place of the smallest of the most frequent
    return np.expand_dims(out, axis)


_mode = declare(_mode_place, name="mode_place", doc="Where along a dim the most frequent value is last.")


@numpy_names
def mode(
    input: Tensor, dim: int = -1, keepdim: bool = False, *, axis: int = -1, keepdims: bool = False
) -> ValuesIndices:
    """The most frequent value along `dim` (the smallest of several), and where it is last.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.mode(tc.tensor([3, 1, 3, 2])).values
        tensor(3)
    """
    axis = dim_of("mode", dim, input.array.ndim)
    return _chosen(input, bind(_mode, input, axis=axis), axis, keepdim)


@numpy_names
def quantile(
    input: Tensor, q: float | Sequence[float] | Tensor, dim: int | None = None, keepdim: bool = False, *,
    interpolation: str = "linear", axis: int | None = None, keepdims: bool = False,
) -> Tensor:  # fmt: skip
    """The q-quantiles along `dim`, or of all values; for several q, along a new first dim.

    Args:
        q: between 0 and 1.
        interpolation: "linear", "lower", "higher", "nearest" or "midpoint", between neighbours.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.quantile(tc.tensor([0.0, 10.0, 20.0]), 0.25).item()
        5.0
    """
    require_float("quantile", input)
    if not input.array.size:
        raise RuntimeError("quantile: the input has no values")
    steps = {"linear": None, "lower": math.floor, "higher": math.ceil, "nearest": round, "midpoint": None}
    if interpolation not in steps:
        raise RuntimeError(f"quantile: interpolation must be one of {', '.join(steps)}, got {interpolation!r}")
    wanted = np.asarray(q._value("quantile") if isinstance(q, Tensor) else q, float)
    if ((wanted < 0) | (wanted > 1)).any():
        raise RuntimeError(f"quantile: q must lie between 0 and 1, got {wanted.tolist()}")
    flat = dim is None
    x = input.reshape(-1) if flat else input
    axis = dim_of("quantile", 0 if dim is None else dim, x.array.ndim)
    ordered = sort(x.reshape(1) if not x.array.ndim else x, axis).values.movedim(axis, 0)
    place = wanted.reshape(-1) * (len(ordered) - 1)
    exact = steps[interpolation]
    if exact is not None:
        place = np.array([exact(p) for p in place.tolist()], float)
    low = np.floor(place).astype(np.intp)
    share = np.where(place == low, 0, 0.5) if interpolation == "midpoint" else place - low
    share = share.astype(input.dtype).reshape((-1,) + (1,) * (ordered.ndim - 1))
    below, above = take_out(ordered, low), take_out(ordered, np.minimum(low + 1, len(ordered) - 1))
    y = below + (above - below) * share
    y = where(elementwise.isnan(ordered[-1:]), math.nan, y)
    if keepdim:
        y = y.reshape((-1, *(1,) * input.ndim)) if flat else y.unsqueeze(axis + 1)
    return y if wanted.ndim else y[0]


# --- Looking up ---------------------------------------------------------------------------------------------------


def _searchsorted_of(edges: Any, values: Any, side: Any = "left") -> Any:
    if edges.ndim == 1:
        return np.searchsorted(edges, values, side)
    if edges.shape[:-1] != values.shape[:-1]:
        raise RuntimeError(
            f"searchsorted: sequences of shape {edges.shape} and values of shape {values.shape} "
            "must agree but for the last dim"
        )
    out = np.empty(values.shape, np.int64)
    for at in np.ndindex(edges.shape[:-1]):
        out[at] = np.searchsorted(edges[at], values[at], side)
    return out


_searchsorted = declare(_searchsorted_of, name="searchsorted", doc="Where values belong in sorted sequences.")
_isin = declare(np.isin, name="isin", doc="Whether each value is among the tested ones.")


def searchsorted(
    sorted_sequence: Tensor, input: Tensor | float, *, right: bool = False, side: str | None = None
) -> Tensor:
    """Where in a sorted sequence (the last dim) each value belongs: before its equals, or with `right` after them.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.searchsorted(tc.tensor([10, 20, 30]), tc.tensor([20, 25]))
        tensor([1, 2])
    """
    return bind(_searchsorted, sorted_sequence, input, side=side or ("right" if right else "left"))


def bucketize(input: Tensor | float, boundaries: Tensor, *, right: bool = False) -> Tensor:
    """Which bucket each value falls into, between sorted boundaries.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.bucketize(tc.tensor([5, 15]), tc.tensor([10, 20]))
        tensor([0, 1])
    """
    return searchsorted(boundaries, input, right=right)


def isin(elements: Tensor, test_elements: Tensor | float, *, invert: bool = False) -> Tensor:
    """Whether each value is among `test_elements`.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.isin(tc.tensor([1, 2, 3]), tc.tensor([2, 4]))
        tensor([False,  True, False])
    """
    found = bind(_isin, elements, test_elements)
    return elementwise.logical_not(found) if invert else found


def unique(
    input: Tensor, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False,
    dim: int | None = None,
) -> Any:  # fmt: skip
    """The different values, in order; with `dim`, the different slices of it.

    Args:
        return_inverse: also where in the result each value of the input is.
        return_counts: also how often each occurs.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.unique(tc.tensor([3, 1, 3]), return_counts=True)
        (tensor([1, 3]), tensor([1, 2]))
    """
    axis = None if dim is None else dim_of("unique", dim, input.array.ndim)
    find: Any = np.unique
    found = find(input._value("unique"), return_inverse=return_inverse, return_counts=return_counts, axis=axis)
    if not isinstance(found, tuple):
        return Tensor._wrap(found)
    parts = [Tensor._wrap(np.asarray(part)) for part in found]
    if return_inverse:
        parts[1] = parts[1].reshape(input.array.shape if axis is None else -1)
    return tuple(parts)


def unique_consecutive(input: Tensor, return_inverse: bool = False, return_counts: bool = False) -> Any:
    """The values of the flattened tensor without immediate repetitions.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.unique_consecutive(tc.tensor([3, 3, 1, 3]))
        tensor([3, 1, 3])
    """
    flat = input._value("unique_consecutive").reshape(-1)
    new = np.concatenate([np.ones(min(1, flat.size), bool), flat[1:] != flat[:-1]])
    parts = [flat[new]]
    if return_inverse:
        parts.append((np.cumsum(new) - 1).reshape(input.array.shape))
    if return_counts:
        parts.append(np.diff(np.append(np.flatnonzero(new), flat.size)))
    found = tuple(Tensor._wrap(part) for part in parts)
    return found if len(found) > 1 else found[0]


METHODS: dict[str, Any] = {name: globals()[name] for name in __all__ if name not in ("bucketize", "searchsorted")}
