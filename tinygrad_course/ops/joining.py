"""Joining tensors, and taking them apart."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from ..graph import bind
from ..tensor import Tensor
from .arguments import dim_of, numpy_names, shape_of
from .indexing import getitem
from .op import declare
from .shape import atleast_1d, atleast_2d, atleast_3d
from .views import view

__all__ = [
    "cat", "chunk", "column_stack", "concat", "concatenate", "dsplit", "dstack", "hsplit", "hstack", "split", "stack",
    "tensor_split", "unbind", "vsplit", "vstack",
]  # fmt: skip


def _at(dim: int, part: Any) -> tuple[Any, ...]:
    return (slice(None),) * dim + (part,)


_cat = declare(
    lambda *xs, axis, bounds: np.concatenate(xs, axis),
    vjp=lambda i, g, _y, axis, bounds: getitem.apply(g, index=_at(axis, slice(bounds[i], bounds[i + 1]))),
    name="cat", variadic=True, doc="Arrays joined along a dim that exists; `bounds` says where each begins.",
)  # fmt: skip
_stack = declare(
    lambda *xs, axis: np.stack(xs, axis), vjp=lambda i, g, _y, axis: getitem.apply(g, index=_at(axis, i)),
    name="stack", variadic=True, doc="Arrays of one shape joined along a new dim.",
)  # fmt: skip


def _tensors(name: str, tensors: Any) -> list[Any]:
    if isinstance(tensors, Tensor):
        return list(tensors)
    listed = [x if isinstance(x, Tensor) else Tensor._wrap(np.asarray(x)) for x in tensors]
    if not listed:
        raise ValueError(f"{name}: expected at least one tensor, got an empty list")
    return listed


@numpy_names
def cat(tensors: Sequence[Tensor], dim: int = 0, *, axis: int = 0) -> Tensor:
    """Tensors joined along a dim that they have; in the others their lengths must be equal.

    Raises:
        RuntimeError: if the shapes do not fit.
        ValueError: if there is no tensor.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.cat([tc.tensor([1, 2]), tc.tensor([3])])
        tensor([1, 2, 3])
    """
    listed = _tensors("cat", tensors)
    ndim = max(x.array.ndim for x in listed)
    # An empty vector joins with anything, as in PyTorch.
    listed = [x for x in listed if x.array.shape != (0,)] or listed if ndim > 1 else listed
    if not ndim:
        raise RuntimeError("cat: 0-d tensors cannot be joined along a dim; use tc.stack")
    axis = dim_of("cat", dim, ndim)
    try:
        bounds = (0, *accumulate(x.array.shape[axis] for x in listed))
    except IndexError:
        shapes = [x.array.shape for x in listed]
        raise RuntimeError(f"cat: tensors must have the same number of dims, got shapes {shapes}") from None
    return bind(_cat, *listed, axis=axis, bounds=bounds)


concat = concatenate = cat


@numpy_names
def stack(tensors: Sequence[Tensor], dim: int = 0, *, axis: int = 0) -> Tensor:
    """Tensors of one shape joined along a new dim.

    Raises:
        RuntimeError: if the shapes differ, or there is no tensor.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.stack([tc.tensor([1, 2]), tc.tensor([3, 4])], dim=1)
        tensor([[1, 3],
                [2, 4]])
    """
    if not isinstance(tensors, Tensor) and not len(tensors):
        raise RuntimeError("stack: expected at least one tensor, got an empty list")
    listed = _tensors("stack", tensors)
    shape = listed[0].array.shape
    for i, x in enumerate(listed):
        if x.array.shape != shape:
            raise RuntimeError(f"stack: tensors must have one shape, got {shape} and, as number {i}, {x.array.shape}")
    return bind(_stack, *listed, axis=dim_of("stack", dim, len(shape) + 1))


def hstack(tensors: Sequence[Tensor]) -> Tensor:
    """Joined side by side: along dim 1, vectors along dim 0.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.hstack([tc.tensor([1]), tc.tensor([2, 3])])
        tensor([1, 2, 3])
    """
    raised = [atleast_1d(x) for x in tensors]
    return cat(raised, 0 if raised and raised[0].ndim == 1 else 1)


def vstack(tensors: Sequence[Tensor]) -> Tensor:
    """Joined one below the other: along dim 0; vectors count as rows.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.vstack([tc.tensor([1, 2]), tc.tensor([3, 4])])
        tensor([[1, 2],
                [3, 4]])
    """
    return cat([atleast_2d(x) for x in tensors], 0)


def dstack(tensors: Sequence[Tensor]) -> Tensor:
    """Joined in depth: along dim 2.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.dstack([tc.tensor([1, 2]), tc.tensor([3, 4])]).tolist()
        [[[1, 3], [2, 4]]]
    """
    return cat([atleast_3d(x) for x in tensors], 2)


def column_stack(tensors: Sequence[Tensor]) -> Tensor:
    """Joined side by side; vectors count as columns.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.column_stack([tc.tensor([1, 2]), tc.tensor([3, 4])])
        tensor([[1, 3],
                [2, 4]])
    """
    return hstack([x.reshape(-1, 1) if x.ndim < 2 else x for x in tensors])


# --- Taking apart: views ------------------------------------------------------------------------------------------


def _cut(x: Tensor, dim: int, bounds: Sequence[int]) -> tuple[Tensor, ...]:
    return tuple(view(getitem, x, index=_at(dim, slice(a, b))) for a, b in pairwise(bounds))


@numpy_names
def split(
    tensor: Tensor, split_size_or_sections: int | Sequence[int], dim: int = 0, *, axis: int = 0
) -> tuple[Tensor, ...]:
    """Parts of a dim: of one size (the last may be smaller), or of the sizes in a list.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.split(tc.tensor([1, 2, 3, 4, 5]), 2)
        (tensor([1, 2]), tensor([3, 4]), tensor([5]))
    """
    dim = dim_of("split", dim, tensor.array.ndim)
    n = _length("split", tensor, dim)
    if isinstance(split_size_or_sections, (tuple, list)):
        sizes = shape_of((split_size_or_sections,))
        if sum(sizes) != n or any(size < 0 for size in sizes):
            raise RuntimeError(f"split: sizes {list(sizes)} must add up to {n}, the length of dim {dim}")
        return _cut(tensor, dim, (0, *accumulate(sizes)))
    size = int(split_size_or_sections)  # type: ignore[arg-type]
    if size < 0 or (size == 0 and n):
        raise RuntimeError(f"split: the size of a part must be positive, got {size} for dim {dim} of length {n}")
    if not n:
        return _cut(tensor, dim, (0, 0))
    return _cut(tensor, dim, (*range(0, n, size), n))


def _length(name: str, x: Tensor, dim: int) -> int:
    if not x.array.ndim:
        raise RuntimeError(f"{name}: a 0-d tensor has no dim to take apart")
    return x.array.shape[dim]


@numpy_names
def chunk(input: Tensor, chunks: int, dim: int = 0, *, axis: int = 0) -> tuple[Tensor, ...]:
    """At most `chunks` parts of a dim, of equal size but for the last.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.chunk(tc.tensor([1, 2, 3, 4, 5]), 2)
        (tensor([1, 2, 3]), tensor([4, 5]))
    """
    if chunks < 1:
        raise RuntimeError(f"chunk: the number of chunks must be positive, got {chunks}")
    dim = dim_of("chunk", dim, input.array.ndim)
    n = _length("chunk", input, dim)
    if not n:
        return _cut(input, dim, (0,) * (chunks + 1))
    return split(input, -(-n // chunks), dim)


@numpy_names
def tensor_split(
    input: Tensor, indices_or_sections: int | Sequence[int], dim: int = 0, *, axis: int = 0
) -> tuple[Tensor, ...]:
    """Parts of a dim: a number of nearly equal ones, or cut at the given places.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.tensor_split(tc.tensor([1, 2, 3, 4, 5]), (1, 4))
        (tensor([1]), tensor([2, 3, 4]), tensor([5]))
    """
    dim = dim_of("tensor_split", dim, input.array.ndim)
    n = _length("tensor_split", input, dim)
    if isinstance(indices_or_sections, (tuple, list)):
        cuts = [i.__index__() for i in indices_or_sections]
        edges = [0, *(max(0, min(n, c + n if c < 0 else c)) for c in cuts), n]
        return tuple(view(getitem, input, index=_at(dim, slice(a, b))) for a, b in pairwise(edges))
    sections = int(indices_or_sections)  # type: ignore[arg-type]
    if sections < 1:
        raise RuntimeError(f"tensor_split: the number of sections must be positive, got {sections}")
    size, longer = divmod(n, sections)
    return _cut(input, dim, (0, *accumulate(size + (i < longer) for i in range(sections))))


def hsplit(input: Tensor, indices_or_sections: int | Sequence[int]) -> tuple[Tensor, ...]:
    """As `tensor_split`, along dim 1 (dim 0 of a vector)."""
    return tensor_split(input, indices_or_sections, 0 if input.ndim == 1 else 1)


def vsplit(input: Tensor, indices_or_sections: int | Sequence[int]) -> tuple[Tensor, ...]:
    """As `tensor_split`, along dim 0."""
    return tensor_split(input, indices_or_sections, 0)


def dsplit(input: Tensor, indices_or_sections: int | Sequence[int]) -> tuple[Tensor, ...]:
    """As `tensor_split`, along dim 2."""
    return tensor_split(input, indices_or_sections, 2)


@numpy_names
def unbind(input: Tensor, dim: int = 0, *, axis: int = 0) -> tuple[Tensor, ...]:
    """All slices of a dim, which is dropped.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.unbind(tc.tensor([[1, 2], [3, 4]]))
        (tensor([1, 2]), tensor([3, 4]))
    """
    dim = dim_of("unbind", dim, input.array.ndim)
    return tuple(view(getitem, input, index=_at(dim, i)) for i in range(_length("unbind", input, dim)))


METHODS: dict[str, Any] = {
    "chunk": chunk, "dsplit": dsplit, "hsplit": hsplit, "split": split, "tensor_split": tensor_split, "unbind": unbind,
    "vsplit": vsplit,
}  # fmt: skip
