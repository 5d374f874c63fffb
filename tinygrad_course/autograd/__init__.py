"""What is computed from the graph: gradients of any order, and what is built from them."""

from __future__ import annotations

import importlib as _importlib
from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

from .anomaly import detect_anomaly, is_anomaly_enabled, set_detect_anomaly
from .backward import backward, grad
from .checkpoint import checkpoint, checkpoint_sequential
from .function import Function
from .modes import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)

if _TYPE_CHECKING:
    from ..testing.pytorch import gradcheck, gradgradcheck

__all__ = [
    "Function", "Variable", "backward", "checkpoint", "checkpoint_sequential", "detect_anomaly", "enable_grad", "grad",
    "gradcheck", "gradgradcheck", "inference_mode", "is_anomaly_enabled", "is_grad_enabled",
    "is_inference_mode_enabled", "no_grad", "set_detect_anomaly", "set_grad_enabled",
]  # fmt: skip


def Variable(data: _Any, requires_grad: bool = False) -> _Any:
    """A Tensor with the memory of `data`: what code from before PyTorch 0.4 calls a Tensor that may require grad."""
    from ..tensor import Tensor, tensor

    out = data.detach() if isinstance(data, Tensor) else tensor(data)
    return out.requires_grad_(requires_grad)


def __getattr__(name: str) -> _Any:
    if name == "functional":
        return _importlib.import_module(f"{__name__}.{name}")
    if name in ("gradcheck", "gradgradcheck"):
        from ..testing import pytorch

        return getattr(pytorch, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
