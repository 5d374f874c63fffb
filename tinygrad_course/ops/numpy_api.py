"""NumPy's functions on Tensors: `np.sum(t, axis=0)`, `np.where(mask, t, 0)` and the like.

Each entry takes NumPy's arguments and calls the function of this package that does the same. Rules rely on them too.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..tensor import Tensor
from . import (
    arithmetic,
    choosing,
    contraction,
    diagonals,
    einstein,
    elementwise,
    extremes,
    indexing,
    joining,
    layout,
    rearrange,
    reduction,
    scan,
    shape,
    sorting,
    statistics,
)
from .protocols import FUNCTIONS, REDUCTIONS, implements

__all__: list[str] = []

# --- Functions whose arguments are the same -----------------------------------------------------------------------

FUNCTIONS |= {
    np.allclose: arithmetic.allclose, np.argwhere: choosing.argwhere, np.array_equal: arithmetic.equal,
    np.atleast_1d: shape.atleast_1d, np.atleast_2d: shape.atleast_2d, np.atleast_3d: shape.atleast_3d,
    np.broadcast_arrays: shape.broadcast_tensors, np.column_stack: joining.column_stack,
    np.count_nonzero: reduction.count_nonzero, np.diag: diagonals.diag, np.diagflat: diagonals.diagflat,
    np.diagonal: diagonals.diagonal, np.dstack: joining.dstack, np.expand_dims: shape.unsqueeze,
    np.fliplr: rearrange.fliplr, np.flipud: rearrange.flipud, np.hstack: joining.hstack, np.inner: contraction.inner,
    np.isclose: arithmetic.isclose, np.isin: sorting.isin, np.kron: rearrange.kron, np.moveaxis: shape.movedim,
    np.ndim: layout.dim, np.outer: contraction.outer, np.squeeze: shape.squeeze, np.swapaxes: shape.swapaxes,
    np.trace: contraction.trace, np.vstack: joining.vstack,
}  # fmt: skip

# --- Functions whose arguments have other names -------------------------------------------------------------------

FUNCTIONS |= {
    np.copy: lambda a, order="K", subok=False: layout.clone(a),
    np.cross: lambda a, b, axis=-1: contraction.cross(a, b, axis),
    np.einsum: lambda *operands, optimize=False: einstein.einsum(*operands),  # noqa: PLW0108
    np.nan_to_num: lambda x, copy=True, nan=0.0, posinf=None, neginf=None: choosing.nan_to_num(x, nan, posinf, neginf),
    np.nonzero: lambda a: choosing.nonzero(a, as_tuple=True),
    np.ravel: lambda a, order="C": shape.ravel(a),
    np.rot90: lambda m, k=1, axes=(0, 1): rearrange.rot90(m, k, axes),
    np.searchsorted: lambda a, v, side="left": sorting.searchsorted(a, v, side=side),
    np.shape: lambda a: a.array.shape,
    np.size: lambda a, axis=None: a.array.size if axis is None else a.array.shape[axis],
    np.tensordot: lambda a, b, axes=2: contraction.tensordot(a, b, axes),
    np.tril: lambda m, k=0: diagonals.tril(m, k),
    np.triu: lambda m, k=0: diagonals.triu(m, k),
}


def _whole(x: Any) -> Any:
    return x if isinstance(x, Tensor) else Tensor._wrap(np.asarray(x))


# --- Reductions ---------------------------------------------------------------------------------------------------


def _reducing(name: str, function: Any) -> Any:
    def implementation(a: Any, axis: Any = None, keepdims: Any = False, **others: Any) -> Any:
        for option in others:
            raise TypeError(f"np.{name} with {option}= is not supported on Tensors; use tc.{function.__name__}")
        return function(a, axis, keepdims is True)

    return implementation


for _numpy, _ufunc, _function in (
    (np.sum, np.add, reduction.sum), (np.max, np.maximum, extremes.amax), (np.min, np.minimum, extremes.amin),
    (np.all, np.logical_and, reduction.all), (np.any, np.logical_or, reduction.any),
    (np.mean, None, reduction.mean), (np.nansum, None, reduction.nansum), (np.nanmean, None, reduction.nanmean),
    (np.argmax, None, extremes.argmax), (np.argmin, None, extremes.argmin),
):  # fmt: skip
    FUNCTIONS[_numpy] = _reducing(_numpy.__name__, _function)
    if _ufunc is not None:
        REDUCTIONS[_ufunc] = _function

FUNCTIONS[np.amax], FUNCTIONS[np.amin] = FUNCTIONS[np.max], FUNCTIONS[np.min]


@implements(np.prod)
def _prod(a: Any, axis: Any = None, keepdims: bool = False) -> Any:
    for d in sorted(axis, reverse=True) if isinstance(axis, tuple) else ():
        a = reduction.prod(a, d, keepdims)
    return a if isinstance(axis, tuple) else reduction.prod(a, axis, keepdims)


REDUCTIONS[np.multiply] = _prod


@implements(np.var)
def _var(a: Any, axis: Any = None, *, ddof: float = 0, keepdims: bool = False) -> Any:
    return statistics.var(a, axis, correction=ddof, keepdim=keepdims)


@implements(np.std)
def _std(a: Any, axis: Any = None, *, ddof: float = 0, keepdims: bool = False) -> Any:
    return statistics.std(a, axis, correction=ddof, keepdim=keepdims)


@implements(np.median)
def _median(a: Any, axis: Any = None, keepdims: bool = False) -> Any:
    return sorting.quantile(a, 0.5, axis, keepdims)  # of an even number NumPy takes the mean of the two in the middle


@implements(np.quantile)
def _quantile(a: Any, q: Any, axis: Any = None, *, method: str = "linear", keepdims: bool = False) -> Any:
    return sorting.quantile(a, q, axis, keepdims, interpolation=method)


@implements(np.cumsum)
def _cumsum(a: Any, axis: Any = None) -> Any:
    return scan.cumsum(shape.ravel(a) if axis is None else a, axis or 0)


@implements(np.cumprod)
def _cumprod(a: Any, axis: Any = None) -> Any:
    return scan.cumprod(shape.ravel(a) if axis is None else a, axis or 0)


@implements(np.diff)
def _diff(a: Any, n: int = 1, axis: int = -1) -> Any:
    return scan.diff(a, n, axis)


# --- Shapes -------------------------------------------------------------------------------------------------------


@implements(np.reshape)
def _reshape(a: Any, shape_: Any = None, *, shape: Any = None) -> Any:
    target = shape if shape_ is None else shape_
    return a.reshape(target)


@implements(np.transpose)
def _transpose(a: Any, axes: Any = None) -> Any:
    return shape.permute(a, axes if axes is not None else tuple(range(a.ndim))[::-1])


@implements(np.broadcast_to)
def _broadcast_to(array: Any, shape_: Any) -> Any:
    return shape.broadcast_to(array, shape_ if isinstance(shape_, (tuple, list)) else (shape_,))


@implements(np.concatenate)
def _concatenate(arrays: Any, axis: Any = 0) -> Any:
    if axis is None:
        return joining.cat([shape.ravel(_whole(x)) for x in arrays])
    return joining.cat(arrays, axis)


@implements(np.stack)
def _stack(arrays: Any, axis: int = 0) -> Any:
    return joining.stack(arrays, axis)


@implements(np.split, np.array_split)
def _split(ary: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    return list(joining.tensor_split(ary, indices_or_sections, axis))


@implements(np.flip)
def _flip(m: Any, axis: Any = None) -> Any:
    return rearrange.flip(m, tuple(range(m.ndim)) if axis is None else axis)


@implements(np.roll)
def _roll(a: Any, shift: Any, axis: Any = None) -> Any:
    return rearrange.roll(a, shift, axis)


@implements(np.tile)
def _tile(A: Any, reps: Any) -> Any:
    return rearrange.tile(A, reps)


@implements(np.repeat)
def _repeat(a: Any, repeats: Any, axis: Any = None) -> Any:
    return rearrange.repeat_interleave(a, repeats, axis)


@implements(np.pad)
def _pad(array: Any, pad_width: Any, mode: str = "constant", *, constant_values: float = 0) -> Any:
    if mode != "constant":
        raise TypeError(f"np.pad with mode={mode!r} is not supported on Tensors; use nn.functional.pad")
    widths = np.broadcast_to(pad_width, (array.ndim, 2))
    return rearrange.pad(array, [int(w) for pair in widths[::-1] for w in pair], constant_values)


@implements(np.meshgrid)
def _meshgrid(*xi: Any, indexing: str = "xy") -> Any:
    return list(rearrange.meshgrid(*map(_whole, xi), indexing=indexing))


# --- Choosing and ordering ----------------------------------------------------------------------------------------


@implements(np.where)
def _where(condition: Any, x: Any = None, y: Any = None) -> Any:
    return choosing.where(condition, x, y)


@implements(np.clip)
def _clip(a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:
    return choosing.clamp(a, min if a_min is None else a_min, max if a_max is None else a_max)


@implements(np.take)
def _take(a: Any, indices: Any, axis: Any = None) -> Any:
    where = (slice(None),) * (axis % a.ndim if axis is not None else 0)
    return indexing.take_out(a if axis is not None else shape.ravel(a), (*where, indices))


@implements(np.take_along_axis)
def _take_along_axis(arr: Any, indices: Any, axis: Any = -1) -> Any:
    return indexing.take_along_dim(_whole(arr), _whole(indices), axis)


@implements(np.sort)
def _sort(a: Any, axis: int = -1, *, stable: Any = None) -> Any:
    return sorting.sort(a, axis).values


@implements(np.argsort)
def _argsort(a: Any, axis: int = -1, *, stable: Any = None) -> Any:
    return sorting.argsort(a, axis, stable=bool(stable))


@implements(np.unique)
def _unique(ar: Any, *, return_inverse: bool = False, return_counts: bool = False, axis: Any = None) -> Any:
    return sorting.unique(ar, True, return_inverse, return_counts, axis)


@implements(np.round)
def _round(a: Any, decimals: int = 0) -> Any:
    return arithmetic.round(a, decimals=decimals)


@implements(np.dot)
def _dot(a: Any, b: Any) -> Any:
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return elementwise.multiply(a, b)
    return contraction.tensordot(_whole(a), _whole(b), ([-1], [max(np.ndim(b) - 2, 0)]))
