"""The one place where data code turns arrays into tensors and back."""

from typing import Any, TypeGuard

import numpy as np

from ..dtypes import check_dtype
from ..tensor import Tensor


def is_tensor(value: object) -> TypeGuard[Tensor]:
    """Return whether `value` is a Tensor."""
    return isinstance(value, Tensor)


def wrap(array: np.ndarray) -> Tensor:
    """Return a Tensor that shares `array`'s memory; TypeError if tensors cannot have its dtype."""
    check_dtype("from_numpy", array.dtype)
    return Tensor._wrap(array)


def plain(indices: Any) -> Any:
    """Return a Tensor of indices as a list of integers, anything else as it is."""
    return indices.array.tolist() if isinstance(indices, Tensor) else indices


def unwrap(value: Any, name: str) -> np.ndarray:
    """Return the ndarray inside a Tensor or array.

    Raises:
        RuntimeError: if `value` is a Tensor that requires a gradient, which would be lost without a word.
    """
    if isinstance(value, Tensor):
        if value.requires_grad:
            raise RuntimeError(
                f"{name}: got a tensor that requires grad, but this step is not differentiable; pass tensor.detach()"
            )
        return value.array
    return np.asarray(value)
