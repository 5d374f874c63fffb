"""Collating: from a list of samples to one batch of tensors."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..tensor import Tensor
from ._tensors import wrap

__all__ = ["default_collate", "default_convert"]


def default_collate(batch: Sequence[Any]) -> Any:
    """Stack samples into a batch, as PyTorch does.

    Tensors and arrays are stacked along a new first dimension; int and float become int64 and float64 tensors; strings
    stay a list; mappings, named tuples and sequences are collated field by field (a tuple gives a list).

    Raises:
        ValueError: if there is no sample.
        RuntimeError: if arrays differ in shape, or sequences in length.
        TypeError: if a sample has a type that cannot be stacked.

    Example:
        >>> from tinygrad_course.utils.data import default_collate
        >>> default_collate([(1, "a"), (2, "b")])
        [tensor([1, 2]), ['a', 'b']]
    """
    if not batch:
        raise ValueError("default_collate: expected at least one sample; the batch sampler gave an empty list")
    first = batch[0]
    if isinstance(first, Tensor):
        return _stack_tensors(batch)
    if isinstance(first, np.ndarray):
        return wrap(_stack([np.asarray(item) for item in batch]))
    if isinstance(first, float):  # before np.generic: np.float64 is a float, and of the same dtype
        return wrap(np.asarray(batch, dtype=np.float64))
    if isinstance(first, int):
        return wrap(np.asarray(batch, dtype=np.bool_ if isinstance(first, bool) else np.int64))
    if isinstance(first, np.generic) and first.dtype.kind in "fiub":
        return wrap(np.asarray(batch))
    if isinstance(first, (str, bytes)):
        return list(batch)
    if isinstance(first, Mapping):
        return _like(first, {key: default_collate([item[key] for item in batch]) for key in first})
    if isinstance(first, Sequence):
        lengths = sorted({len(item) for item in batch})
        if len(lengths) > 1:
            raise RuntimeError(f"default_collate: samples have different numbers of fields ({lengths})")
        fields = [default_collate(field) for field in zip(*batch, strict=True)]
        return type(first)(*fields) if hasattr(first, "_fields") else fields
    raise TypeError(
        "default_collate: samples must be made of tensors, arrays, numbers, strings, mappings and sequences, got "
        f"{type(first).__module__}.{type(first).__qualname__}; use transforms.ToTensor() for images, or pass your own "
        "collate_fn"
    )


def default_convert(data: Any) -> Any:
    """Turn the arrays of one sample into tensors and leave the rest: what `batch_size=None` does."""
    if isinstance(data, (Tensor, str, bytes)):
        return data
    if isinstance(data, np.ndarray) or (isinstance(data, np.generic) and data.dtype.kind in "fiub"):
        return wrap(np.asarray(data)) if data.dtype.kind in "fiub" else data
    if isinstance(data, Mapping):
        return _like(data, {key: default_convert(value) for key, value in data.items()})
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return type(data)(*(default_convert(value) for value in data))
    if isinstance(data, (list, tuple)):
        return [default_convert(value) for value in data]
    return data


def _stack_tensors(tensors: Sequence[Tensor]) -> Tensor:
    if any(t.requires_grad for t in tensors):
        import tinygrad_course as tc

        return tc.stack(list(tensors))  # records: the batch stays in the samples' graph
    return wrap(_stack([t.array for t in tensors]))


def _stack(arrays: Sequence[np.ndarray]) -> np.ndarray:
    shape = arrays[0].shape
    for position, array in enumerate(arrays):
        if array.shape != shape:
            raise RuntimeError(
                f"default_collate: samples of a batch must have one shape, got {shape} at 0 and {array.shape} at "
                f"{position}; resize or pad them in a transform, or pass your own collate_fn"
            )
    return np.stack(arrays)


def _like(original: Mapping[Any, Any], fields: dict[Any, Any]) -> Any:
    """Return `fields` as the mapping type that came in, or as a dict if that type cannot be made from one."""
    try:
        return type(original)(fields)  # type: ignore[call-arg]
    except TypeError:
        return fields
