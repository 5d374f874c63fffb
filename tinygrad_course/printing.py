"""How tensors print."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .tensor import Tensor


def tensor_repr(x: Tensor) -> str:
    return "tensor(" + np.array2string(x.array, separator=", ", prefix="tensor(") + ")"
