"""Other shapes for the same values: reshaping, reordering dims, adding, dropping and repeating them.

Most results are views: they share the memory of their input wherever strides can express it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..tensor import Size, Tensor
from .arguments import Dims, all_dims, dim_of, numpy_names, shape_of
from .op import Op, declare
from .views import view as _view

__all__ = [
    "adjoint", "atleast_1d", "atleast_2d", "atleast_3d", "broadcast_shapes", "broadcast_tensors", "broadcast_to",
    "flatten", "moveaxis", "movedim", "permute", "ravel", "reshape", "squeeze", "swapaxes",
    "swapdims", "t", "transpose", "unflatten", "unsqueeze",
]  # fmt: skip

_reshape = declare(
    lambda x, shape: x.reshape(shape), vjp=lambda g, _y, _x, shape: g.reshape(_x.shape), name="reshape",
    doc="The same values, read in row order, in another shape.",
)  # fmt: skip


def _inverse(dims: Sequence[int]) -> tuple[int, ...]:
    n = len(dims)
    places = [0] * n
    for place, dim in enumerate(dims):
        places[dim % n] = place
    return tuple(places)


_permute: Op = declare(
    lambda x, dims: x.transpose(dims), vjp=lambda g, _y, _x, dims: _permute.apply(g, dims=_inverse(dims)),
    name="permute", doc="The dims in another order.",
)  # fmt: skip
_expand = declare(
    np.broadcast_to, vjp=lambda g, _y, _x, shape: g, name="expand", broadcasts=True,
    doc="Repeated along dims of length 1 and new dims in front, without copying.",
)  # fmt: skip
# --- reshape ------------------------------------------------------------------------------------------------------


def reshape(input: Tensor, *shape: int | Sequence[int]) -> Tensor:
    """The same values, read in row order, in another shape; one length may be -1, and is then inferred.

    Raises:
        RuntimeError: if the shapes differ in their number of values.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.reshape(tc.tensor([1, 2, 3, 4]), (2, -1))
        tensor([[1, 2],
                [3, 4]])
    """
    return _view(_reshape, input, shape=shape_of(shape))


def view(input: Tensor, *shape: Any) -> Tensor:
    """As `reshape`; with a dtype of the same width instead of a shape, the same bytes read as that dtype."""
    if len(shape) == 1 and isinstance(shape[0], (np.dtype, type)):
        if input.requires_grad:
            raise RuntimeError("view: reading bytes as another dtype has no gradient; use x.to(dtype) to convert")
        return Tensor._wrap(input.array.view(shape[0]))
    return _view(_reshape, input, shape=shape_of(shape))


def reshape_as(input: Tensor, other: Tensor) -> Tensor:
    """As `reshape`, to the shape of `other`."""
    return _view(_reshape, input, shape=other.array.shape)


def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """The dims from `start_dim` to `end_dim` as one.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.flatten(tc.zeros(2, 3, 4), start_dim=1).shape
        Size([2, 12])
    """
    shape = input.array.shape
    first, last = dim_of("flatten", start_dim, len(shape)), dim_of("flatten", end_dim, len(shape))
    if first > last:
        raise RuntimeError(f"flatten: start_dim {start_dim} comes after end_dim {end_dim} for shape {shape}")
    joined = math.prod(shape[first : last + 1])
    return _view(_reshape, input, shape=(*shape[:first], joined, *shape[last + 1 :]))


def ravel(input: Tensor) -> Tensor:
    """All values in one dim.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.ravel(tc.tensor([[1, 2], [3, 4]]))
        tensor([1, 2, 3, 4])
    """
    return _view(_reshape, input, shape=(-1,) if input.array.size else (0,))


def unflatten(input: Tensor, dim: int, sizes: Sequence[int]) -> Tensor:
    """One dim as several; one of `sizes` may be -1.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.unflatten(tc.zeros(2, 12), 1, (3, -1)).shape
        Size([2, 3, 4])
    """
    shape = input.array.shape
    dim = dim_of("unflatten", dim, len(shape))
    return _view(_reshape, input, shape=(*shape[:dim], *shape_of((sizes,)), *shape[dim + 1 :]))


@numpy_names
def squeeze(input: Tensor, dim: Dims = None, *, axis: Dims = None) -> Tensor:
    """Without the dims of length 1: all of them, or those of `dim` that have that length.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.squeeze(tc.zeros(1, 3, 1)).shape, tc.squeeze(tc.zeros(1, 3, 1), 0).shape
        (Size([3]), Size([3, 1]))
    """
    shape = input.array.shape
    dims = all_dims("squeeze", dim, len(shape))
    return _view(_reshape, input, shape=tuple(n for i, n in enumerate(shape) if n != 1 or i not in dims))


@numpy_names
def unsqueeze(input: Tensor, dim: int, *, axis: int | None = None) -> Tensor:
    """With a new dim of length 1 at `dim`.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.unsqueeze(tc.zeros(3), 0).shape, tc.unsqueeze(tc.zeros(3), -1).shape
        (Size([1, 3]), Size([3, 1]))
    """
    shape = input.array.shape
    dim = dim_of("unsqueeze", dim, len(shape) + 1)
    return _view(_reshape, input, shape=(*shape[:dim], 1, *shape[dim:]))


def _at_least(name: str, tensors: tuple[Any, ...], places: Any) -> Any:
    if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)):
        tensors = tuple(tensors[0])
    raised = tuple(x if x.ndim >= len(places(0)) else x.reshape(places(x.ndim, *x.shape)) for x in tensors)
    return raised[0] if len(raised) == 1 else raised


def atleast_1d(*tensors: Any) -> Any:
    """With one dim at least; one tensor, or a tuple for several.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.atleast_1d(tc.tensor(3))
        tensor([3])
    """
    return _at_least("atleast_1d", tensors, lambda n, *shape: (1,))


def atleast_2d(*tensors: Any) -> Any:
    """With two dims at least, new ones in front.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.atleast_2d(tc.tensor([3, 4]))
        tensor([[3, 4]])
    """
    return _at_least("atleast_2d", tensors, lambda n, *shape: (1, *(shape or (1,))))


def atleast_3d(*tensors: Any) -> Any:
    """With three dims at least: a vector becomes (1, n, 1), a matrix (m, n, 1).

    Example:
        >>> import tinygrad_course as tc
        >>> tc.atleast_3d(tc.tensor([3, 4])).shape
        Size([1, 2, 1])
    """
    return _at_least("atleast_3d", tensors, lambda n, *shape: (*shape, 1) if n == 2 else (1, *(shape or (1,)), 1))


# --- The order of dims --------------------------------------------------------------------------------------------


def permute(input: Tensor, *dims: int | Sequence[int]) -> Tensor:
    """The dims in the given order.

    Raises:
        RuntimeError: if `dims` does not name every dim once.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.permute(tc.zeros(2, 3, 4), (2, 0, 1)).shape
        Size([4, 2, 3])
    """
    order = shape_of(dims)
    n = input.array.ndim
    if len(order) != n:
        raise RuntimeError(f"permute: got {len(order)} dims {order} for a tensor of {n}: name every dim once")
    return _view(_permute, input, dims=all_dims("permute", order, n))


def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """Two dims exchanged.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.transpose(tc.tensor([[1, 2], [3, 4]]), 0, 1)
        tensor([[1, 3],
                [2, 4]])
    """
    n = input.array.ndim
    a, b = dim_of("transpose", dim0, n), dim_of("transpose", dim1, n)
    order = list(range(n))
    if n:
        order[a], order[b] = b, a
    return _view(_permute, input, dims=tuple(order))


swapaxes = swapdims = transpose


def t(input: Tensor) -> Tensor:
    """The transpose of a matrix; vectors and single values as they are.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.t(tc.zeros(2, 3)).shape
        Size([3, 2])
    """
    n = input.array.ndim
    if n > 2:
        raise RuntimeError(f"t: expected at most 2 dims, got shape {input.array.shape}; use x.mT or x.transpose(0, 1)")
    return _view(_permute, input, dims=tuple(range(n))[::-1])


def _all_reversed(input: Tensor) -> Tensor:
    """The tensor with its dims in reverse order."""
    return _view(_permute, input, dims=tuple(range(input.array.ndim))[::-1])


def adjoint(input: Tensor) -> Tensor:
    """Matrices transposed: the last two dims exchanged.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.adjoint(tc.zeros(5, 2, 3)).shape
        Size([5, 3, 2])
    """
    if input.array.ndim < 2:
        raise RuntimeError(f"mT: expected matrices, got shape {input.array.shape}; unsqueeze a vector first")
    return transpose(input, -2, -1)


def movedim(input: Tensor, source: int | Sequence[int], destination: int | Sequence[int]) -> Tensor:
    """The dims at `source` moved to `destination`; the others keep their order.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.movedim(tc.zeros(2, 3, 4), 0, -1).shape
        Size([3, 4, 2])
    """
    n = input.array.ndim
    sources, destinations = all_dims("movedim", source, n), all_dims("movedim", destination, n)
    if len(sources) != len(destinations):
        raise RuntimeError(f"movedim: {len(sources)} source dims but {len(destinations)} destinations; give as many")
    order = [d for d in range(n) if d not in sources]
    for place, dim in sorted(zip(destinations, sources)):
        order.insert(place, dim)
    return _view(_permute, input, dims=tuple(order))


moveaxis = movedim

# --- Repeating without a copy -------------------------------------------------------------------------------------


def broadcast_to(input: Tensor, size: Sequence[int]) -> Tensor:
    """Repeated to the shape `size` without copying; lengths -1 stay as they are.

    Raises:
        RuntimeError: if a length that is not 1 would change.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.broadcast_to(tc.tensor([[1], [2]]), (2, 3))
        tensor([[1, 1, 1],
                [2, 2, 2]])
    """
    shape = input.array.shape
    target = shape_of((size,))
    lead = len(target) - len(shape)
    if -1 in target:
        if -1 in target[: max(lead, 0)]:
            raise RuntimeError(f"expand: a new dim needs a length, got -1 in {target} for shape {shape}")
        target = tuple(shape[i - lead] if n == -1 else n for i, n in enumerate(target))
    if lead < 0 or any(n not in (1, target[i + lead]) for i, n in enumerate(shape)):
        raise RuntimeError(f"expand: shape {shape} cannot become {target}: only dims of length 1 can be repeated")
    return _view(_expand, input, shape=target)


def expand(input: Tensor, *size: int | Sequence[int]) -> Tensor:
    """As `tc.broadcast_to`, with the lengths as separate arguments or one sequence."""
    return broadcast_to(input, shape_of(size))


def expand_as(input: Tensor, other: Tensor) -> Tensor:
    """Repeated to the shape of `other` without copying."""
    return broadcast_to(input, other.array.shape)


def broadcast_shapes(*shapes: Sequence[int]) -> Size:
    """The shape that tensors of these shapes have when broadcast together.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.broadcast_shapes((3, 1), (4,))
        Size([3, 4])
    """
    try:
        return Size(np.broadcast_shapes(*map(tuple, shapes)))
    except ValueError:
        listed = ", ".join(str(tuple(s)) for s in shapes)
        raise RuntimeError(
            f"broadcast_shapes: {listed} do not fit; lengths must be equal, or 1, from the right"
        ) from None


def broadcast_tensors(*tensors: Tensor) -> tuple[Tensor, ...]:
    """All tensors expanded to their common shape.

    Example:
        >>> import tinygrad_course as tc
        >>> a, b = tc.broadcast_tensors(tc.zeros(3, 1), tc.zeros(4))
        >>> a.shape, b.shape
        (Size([3, 4]), Size([3, 4]))
    """
    shape = broadcast_shapes(*(x.array.shape for x in tensors))
    return tuple(broadcast_to(x, shape) for x in tensors)


METHODS: dict[str, Any] = {
    "adjoint": adjoint, "broadcast_to": broadcast_to, "expand": expand, "expand_as": expand_as, "flatten": flatten,
    "moveaxis": moveaxis, "movedim": movedim, "permute": permute, "ravel": ravel, "reshape": reshape,
    "reshape_as": reshape_as, "squeeze": squeeze, "swapaxes": swapaxes, "swapdims": swapdims, "t": t,
    "transpose": transpose, "unflatten": unflatten, "unsqueeze": unsqueeze, "view": view, "view_as": reshape_as,
}  # fmt: skip
PROPERTIES: dict[str, property] = {
    "T": property(_all_reversed), "mT": property(adjoint, doc="The matrices transposed: the last two dims exchanged."),
}  # fmt: skip
