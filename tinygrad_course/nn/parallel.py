"""DataParallel, for code that wraps its model in it."""

from __future__ import annotations

from typing import Any

from .module import Module

__all__ = ["DataParallel"]


class DataParallel(Module):
    """Passes calls on to `module`: there is one device, so there is nothing to divide.

    It exists so that code written for several GPUs runs, and so that names in its state dicts ("module.…") fit.
    """

    def __init__(self, module: Module, device_ids: Any = None, output_device: Any = None, dim: int = 0) -> None:
        super().__init__()
        self.module = module

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        return self.module(*inputs, **kwargs)
