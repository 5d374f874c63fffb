"""Small things that constructors of layers share."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import dtypes
from ..device import check_device
from .parameter import Parameter

__all__ = ["check_count", "empty", "full", "ntuple"]


def empty(shape: tuple[int, ...], device: Any = None, dtype: Any = None) -> Parameter:
    """A parameter whose values are yet to be set."""
    return full(shape, 0.0, device, dtype)


def full(shape: tuple[int, ...], value: float, device: Any = None, dtype: Any = None) -> Parameter:
    """A parameter filled with one value."""
    if device is not None:
        check_device(device)
    return Parameter(np.full(shape, value, dtypes.get_default_dtype() if dtype is None else dtype))


def check_count(layer: str, **counts: Any) -> None:
    """Raise unless each is an integer ≥ 0 (a float such as 128 / 2 is the usual slip)."""
    for name, n in counts.items():
        if isinstance(n, bool) or not hasattr(n, "__index__"):
            raise TypeError(f"{layer}: {name} must be an integer, got {n!r}; use // or int() on a float")
        if n < 0:
            raise ValueError(f"{layer}: {name} must not be negative, got {n}")


def ntuple(layer: str, name: str, value: Any, n: int) -> tuple[int, ...]:
    """One integer for every dimension, or a sequence with one for each."""
    values = tuple(value) if isinstance(value, (tuple, list)) else (value,) * n
    if len(values) != n or not all(hasattr(v, "__index__") for v in values):
        raise TypeError(f"{layer}: {name} must be an integer or {n} integers, got {value!r}")
    return tuple(int(v) for v in values)
