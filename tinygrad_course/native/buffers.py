"""Addresses of arrays, for kernels."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import numpy as np

__all__ = ["pointer"]

# In NumPy's array object the address of the data comes first, right after Python's own fields.
_OFFSET = object.__basicsize__
_field = ctypes.c_size_t.from_address


def _quick(array: np.ndarray) -> int:
    return _field(id(array) + _OFFSET).value


def _plain(array: np.ndarray) -> int:
    return array.ctypes.data


def _agrees() -> bool:
    """Whether the quick way gives what NumPy says."""
    whole = np.arange(24.0).reshape(4, 6)
    return all(_quick(a) == _plain(a) for a in (whole, whole[1:, 2:], whole[::-1], np.empty(0), np.zeros((), bool)))


# The address of an array's first element: 0.2 µs in place of the 1 to 2 of `array.ctypes.data`. An array that only an
# expression holds may be gone before its address is used: keep a name for it.
pointer: Callable[[np.ndarray], int] = _quick if _agrees() else _plain
