"""How the functions of this folder read their arguments: dims, shapes, and NumPy's names for PyTorch's."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from operator import index
from typing import Any, NamedTuple, TypeVar

from ..tensor import Tensor

__all__ = [
    "Dims", "ValuesIndices", "all_dims", "axis_of", "dim_of", "numpy_names", "reduced_count", "require_float",
    "shape_of", "spread",
]  # fmt: skip

Dims = int | Sequence[int] | None
F = TypeVar("F", bound=Callable[..., Any])


class ValuesIndices(NamedTuple):
    """What a selection along a dim gives: the values, and where each was found."""

    values: Tensor
    indices: Tensor


def numpy_names(function: F) -> F:
    """Let a function take NumPy's `axis` and `keepdims` for `dim` and `keepdim`.

    The function lists them last in its signature, where type checkers and `help()` see them, and never reads them.
    """

    @functools.wraps(function)
    def renamed(*args: Any, **kwargs: Any) -> Any:
        if kwargs:
            for theirs, ours in (("axis", "dim"), ("keepdims", "keepdim")):
                if theirs in kwargs:
                    if ours in kwargs:
                        raise TypeError(f"{function.__name__}: {theirs}= is another name of {ours}=; give one of them")
                    kwargs[ours] = kwargs.pop(theirs)
        return function(*args, **kwargs)

    return renamed  # type: ignore[return-value]


def dim_of(name: str, dim: int, ndim: int) -> int:
    """A dim counted from 0; 0-d tensors count as having one, as in PyTorch."""
    n = ndim or 1
    if not -n <= dim < n:
        raise IndexError(f"{name}: dim {dim} is out of range for {ndim} dimensions (expected {-n} to {n - 1})")
    return index(dim) % n


def axis_of(dim: Any) -> Any:
    """NumPy's axis for a dim; no dims at all mean every one, as in PyTorch."""
    if dim is None or isinstance(dim, int):
        return dim
    return tuple(dim) or None if isinstance(dim, (list, tuple)) else dim.__index__()


def all_dims(name: str, dim: Dims, ndim: int) -> tuple[int, ...]:
    """Dims counted from 0, without repeats; all of them for None."""
    if dim is None:
        return tuple(range(ndim))
    dims = tuple(dim_of(name, d, ndim) for d in ((dim,) if not isinstance(dim, Sequence) else dim))
    if len(set(dims)) < len(dims):
        raise RuntimeError(f"{name}: a dim appears twice in {dim}")
    return dims


def shape_of(sizes: Sequence[Any]) -> tuple[int, ...]:
    """The shape meant by `f(2, 3)` or `f((2, 3))`."""
    if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)):
        sizes = sizes[0]
    return tuple(map(index, sizes))


def require_float(name: str, x: Any) -> None:
    """Raise RuntimeError, as PyTorch does, if `x` does not hold floats."""
    if x.dtype.kind != "f":
        raise RuntimeError(f"{name}: expected a floating tensor, got {x.dtype}; convert it first, e.g. x.float()")


def reduced_count(shape: Sequence[int], axis: Any) -> int:
    """How many values a reduction of an array of this shape makes one of."""
    if axis is None:
        return math.prod(shape)
    if not shape:
        return 1
    return shape[axis] if isinstance(axis, int) else math.prod(shape[a] for a in axis)


def spread(g: Any, ndim: int, axis: Any, keepdims: bool) -> Any:
    """A reduced array with the reduced dims back as 1, so that it broadcasts to the input (of `ndim` dimensions).

    `g` may itself be smaller than the reduction's result, as cotangents may.
    """
    if keepdims or axis is None or not g.ndim:
        return g
    shape = tuple(g.shape)
    axes = {axis % ndim} if isinstance(axis, int) else {a % ndim for a in axis}
    lengths = iter((1,) * (ndim - len(axes) - len(shape)) + shape)
    return g.reshape(tuple(1 if i in axes else next(lengths) for i in range(ndim)))
