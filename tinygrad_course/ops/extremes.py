"""The largest and the smallest values, and where they are."""

from __future__ import annotations

from typing import Any, overload

import numpy as np

from ..graph import bind
from ..tensor import Tensor
from . import elementwise
from .arguments import Dims, ValuesIndices, axis_of, dim_of, numpy_names, reduced_count, spread
from .indexing import at_places
from .op import declare

__all__ = ["amax", "amin", "aminmax", "argmax", "argmin", "max", "min"]


def _check_some(name: str, x: Any, axis: Any) -> None:
    if not x.size and not reduced_count(x.shape, axis):
        kind = RuntimeError if axis is None and not name.startswith("arg") else IndexError
        raise kind(f"{name}: there is no value to choose from in shape {x.shape}; check x.numel() first")


def _extreme(name: str, ufunc: Any) -> Any:
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
        return find(x, axis, keepdims=keepdims) if x.ndim else np.zeros((), np.int64)

    return forward


_argmax = declare(
    _place("argmax", np.ndarray.argmax), name="argmax", doc="Where the largest value is; the first of equals."
)
_argmin = declare(
    _place("argmin", np.ndarray.argmin), name="argmin", doc="Where the smallest value is; the first of equals."
)


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
    return bind(_amax, input, axis=axis_of(dim), keepdims=keepdim)


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
    return bind(_amin, input, axis=axis_of(dim), keepdims=keepdim)


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
    found = bind(place, x, axis=dim)
    values = at_places(x, found, dim_of(place.name, dim, x.array.ndim))
    if keepdim and x.array.ndim:
        return ValuesIndices(values.unsqueeze(dim), found.unsqueeze(dim))
    return ValuesIndices(values, found)


METHODS: dict[str, Any] = {name: globals()[name] for name in __all__}
