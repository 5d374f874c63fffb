"""Tensors of other libraries' arrays, sharing memory where that is possible."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from .. import dtypes
from ..device import check_device
from ..tensor import Tensor, tensor
from .convert import cast
from .creation import made

__all__ = ["as_tensor", "asarray", "from_dlpack", "from_numpy"]


def from_numpy(ndarray: np.ndarray) -> Tensor:
    """A tensor that shares the memory of an ndarray, and has its dtype.

    Raises:
        TypeError: if it is no ndarray, or of a dtype that tensors cannot have.

    Example:
        >>> import numpy as np, tinygrad_course as tc
        >>> a = np.zeros(2)
        >>> t = tc.from_numpy(a)
        >>> a[0] = 5
        >>> t
        tensor([5., 0.], dtype=float64)
    """
    if not isinstance(ndarray, np.ndarray):
        raise TypeError(f"from_numpy: expected an ndarray, got {type(ndarray).__name__}; use tc.tensor for other data")
    dtypes.check_dtype("from_numpy", ndarray.dtype)
    if not ndarray.dtype.isnative:
        raise ValueError(f"from_numpy: {ndarray.dtype} has another byte order; use a.astype(a.dtype.newbyteorder('='))")
    return Tensor._wrap(np.asarray(ndarray))


def as_tensor(data: Any, dtype: DTypeLike | None = None, device: Any = None) -> Tensor:
    """A tensor of the data that shares memory where it can: with a Tensor or ndarray of that dtype."""
    check_device(device, "as_tensor")
    if isinstance(data, Tensor):
        return (
            data
            if dtype is None or data.array.dtype == dtype
            else cast(data, dtype=dtypes.check_dtype("as_tensor", dtype))
        )
    if isinstance(data, np.ndarray) and data.dtype.isnative and (dtype is None or data.dtype == dtype):
        return from_numpy(data)
    return tensor(data, dtype=dtype)


def asarray(
    obj: Any, *, dtype: DTypeLike | None = None, device: Any = None, copy: bool | None = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """A tensor of an array, a DLPack object, or other data.

    Args:
        copy: True copies always, False raises where a copy is needed, None copies only where needed.

    Raises:
        ValueError: if `copy` is False and the data must be copied.
    """
    check_device(device, "asarray")
    foreign = hasattr(obj, "__dlpack__") and not isinstance(obj, (Tensor, np.ndarray, np.generic))
    source = from_dlpack(obj) if foreign else obj
    if copy:
        out = tensor(source, dtype=dtype)
    else:
        out = as_tensor(source, dtype)
        shared = isinstance(source, (Tensor, np.ndarray)) and np.shares_memory(
            out.array, getattr(source, "array", source)
        )
        if copy is False and not shared and out.array.size:
            raise ValueError(f"asarray: {type(obj).__name__} as {out.dtype} needs a copy; leave out copy=False")
    if requires_grad and not out.requires_grad:
        out = made(out.array, True)
    return out


def from_dlpack(ext_tensor: Any) -> Tensor:
    """A tensor that shares the memory of any array with the DLPack protocol (NumPy's, PyTorch's, CuPy's on the CPU).

    Raises:
        TypeError: if it does not have the protocol.

    Example:
        >>> import numpy as np, tinygrad_course as tc
        >>> tc.from_dlpack(np.arange(3))
        tensor([0, 1, 2])
    """
    if isinstance(ext_tensor, Tensor):
        return ext_tensor.detach()
    if not hasattr(ext_tensor, "__dlpack__"):
        raise TypeError(f"from_dlpack: {type(ext_tensor).__name__} does not have the DLPack protocol")
    return from_numpy(np.from_dlpack(ext_tensor))
