"""The dtypes: NumPy's own, under PyTorch's names, and the default float."""

import numpy as np
from numpy.typing import DTypeLike

__all__ = [
    "bool", "double", "float", "float16", "float32", "float64", "get_default_dtype", "half", "int", "int8", "int16",
    "int32", "int64", "long", "set_default_dtype", "short", "uint8",
]  # fmt: skip

float16 = half = np.dtype(np.float16)
float32 = np.dtype(np.float32)
float64 = double = np.dtype(np.float64)
int8 = np.dtype(np.int8)
int16 = short = np.dtype(np.int16)
int32 = np.dtype(np.int32)
int64 = long = np.dtype(np.int64)
uint8 = np.dtype(np.uint8)

# PyTorch's names for these three shadow builtins, so they are bound last and used nowhere below.
float = float32
int = int32
bool = np.dtype(np.bool_)

_default: np.dtype = float32


def get_default_dtype() -> np.dtype:
    """Return the dtype that Python floats become: float32 unless `set_default_dtype` changed it."""
    return _default


def set_default_dtype(dtype: DTypeLike) -> None:
    """Set the dtype that Python floats become.

    Raises:
        TypeError: if `dtype` is not a floating dtype.
    """
    global _default
    chosen = np.dtype(dtype)
    if chosen.kind != "f":
        raise TypeError(f"set_default_dtype: expected a floating dtype such as tc.float64, got {chosen}")
    _default = chosen


def check_dtype(name: str, dtype: DTypeLike) -> np.dtype:
    """Return `dtype` as a NumPy dtype that tensors may have; raise TypeError for complex, object, text and time."""
    chosen = np.dtype(dtype)
    if chosen.kind == "c":
        raise TypeError(
            f"{name}: complex numbers are not supported (got {chosen}); "
            "keep real and imaginary parts in two tensors, e.g. tc.tensor(z.real) and tc.tensor(z.imag)"
        )
    if chosen.kind not in "fiub" or chosen.itemsize > 8:
        raise TypeError(f"{name}: expected a bool, integer or floating dtype of at most 64 bits, got {chosen}")
    return chosen
