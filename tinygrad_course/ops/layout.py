"""Copies of tensors, and how their values lie in memory."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..graph import bind
from ..tensor import Size, Tensor
from .arguments import dim_of
from .op import declare

__all__ = ["clone", "numel"]

_clone = declare(lambda x: x.copy(), vjp=lambda g, _y, _x: g, name="clone", lazy=True, shrinks=False,
                 doc="A copy.")  # fmt: skip


def clone(input: Tensor, *, memory_format: Any = None) -> Tensor:
    """A copy, through which gradients flow.

    Example:
        >>> import tinygrad_course as tc
        >>> x = tc.zeros(2)
        >>> y = tc.clone(x)
        >>> y[0] = 1
        >>> x.tolist()
        [0.0, 0.0]
    """
    return bind(_clone, input)


def contiguous(input: Tensor, memory_format: Any = None) -> Tensor:
    """The tensor itself if its values lie in row order in memory, else a copy that does."""
    return input if input.array.flags.c_contiguous else bind(_clone, input)


def is_contiguous(input: Tensor, memory_format: Any = None) -> bool:
    """Whether the values lie in row order in memory."""
    return bool(input.array.flags.c_contiguous)


def size(input: Tensor, dim: int | None = None) -> Any:
    """The shape, or the length of one dim."""
    return Size(input.array.shape) if dim is None else input.array.shape[dim_of("size", dim, input.array.ndim)]


def dim(input: Tensor) -> int:
    """The number of dims."""
    return input.array.ndim


def numel(input: Tensor) -> int:
    """The number of values.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.numel(tc.zeros(2, 3))
        6
    """
    return input.array.size


def stride(input: Tensor, dim: int | None = None) -> Any:
    """How many values lie between neighbours along each dim, or along one."""
    steps = tuple(s // input.array.itemsize for s in input.array.strides)
    return steps if dim is None else steps[dim]


def element_size(input: Tensor) -> int:
    """The bytes of one value."""
    return input.array.itemsize


def storage_offset(input: Tensor) -> int:
    """How many values lie before the first one in the memory that the tensor views."""
    owner = input.array
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    address = input.array.__array_interface__["data"][0] - owner.__array_interface__["data"][0]
    return int(address // input.array.itemsize)


METHODS: dict[str, Any] = {
    "clone": clone, "contiguous": contiguous, "dim": dim, "element_size": element_size, "is_contiguous": is_contiguous,
    "ndimension": dim, "nelement": numel, "numel": numel, "size": size, "storage_offset": storage_offset,
    "stride": stride,
}  # fmt: skip
