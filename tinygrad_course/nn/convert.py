"""Convert a module's parameters and buffers to another dtype."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np

from ..device import check_device
from ..tensor import Tensor
from .module import Module

M = TypeVar("M", bound=Module)


def target_dtype(args: tuple[Any, ...], dtype: Any, device: Any) -> np.dtype | None:
    """The dtype asked for by the arguments of `Module.to`; None for a device only."""
    for argument in (*args, dtype, device):
        if argument is None or isinstance(argument, bool):
            continue
        if isinstance(argument, Tensor):
            dtype = argument.dtype
        elif isinstance(argument, (np.dtype, type)):
            dtype = np.dtype(argument)
        else:
            check_device(argument)
    if dtype is not None and np.dtype(dtype).kind != "f":
        raise TypeError(f"Module.to: expected a floating dtype such as tc.float64, got {np.dtype(dtype)}")
    return None if dtype is None else np.dtype(dtype)


def convert(module: M, dtype: np.dtype | None) -> M:
    """Convert floating parameters, their gradients, and floating buffers, each Tensor keeping its identity."""
    if dtype is None:
        return module
    for _, x in (*module.named_parameters(), *module.named_buffers()):
        if x.array.dtype.kind == "f" and x.array.dtype != dtype:
            x.array = x.array.astype(dtype)
            if x._grad is not None:
                x._grad = Tensor._wrap(x._grad.array.astype(dtype))
    return module
