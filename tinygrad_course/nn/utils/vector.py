"""All parameters as one vector, and back."""

from __future__ import annotations

from collections.abc import Iterable

from ...tensor import Tensor

__all__ = ["parameters_to_vector", "vector_to_parameters"]


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """All values one after the other, in the graph.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.nn.utils.parameters_to_vector(tc.nn.Linear(2, 3).parameters()).shape
        Size([9])
    """
    from ...ops import cat

    return cat([p.reshape(-1) for p in parameters])


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Give the parameters the values of a vector, as slices of its memory."""
    if not isinstance(vec, Tensor):
        raise TypeError(f"vector_to_parameters: expected a Tensor, got {type(vec).__name__}")
    listed = list(parameters)
    total = sum(p.array.size for p in listed)
    if vec.array.shape != (total,):
        raise ValueError(f"vector_to_parameters: expected a vector of {total} values, got shape {tuple(vec.shape)}")
    start = 0
    for p in listed:
        stop = start + p.array.size
        p.data = vec.array[start:stop].reshape(p.array.shape)
        start = stop
