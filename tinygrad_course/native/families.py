"""Which operations on whole images, rows and windows have native kernels, and from how many elements on.

This module is read when the package is imported, and light; the kernels' own modules are read by the first call that
is large enough.
"""

from __future__ import annotations

from typing import Any

from numpy import ndarray

from ..config import config
from ..ops.op import REGISTRY
from .dispatch import serve

__all__ = ["install"]

# operation: (least number of elements of the first input, module, function, what the function is told besides);
# an entry goes when it is served. Some operations are declared only when `nn` is imported.
_SERVED: dict[str, tuple[int, str, str, tuple[str, ...]]] = {
    "convolution": (256, "conv", "convolution", ()),
    "convolution_transpose": (256, "conv", "convolution_transpose", ()),
    "convolution_weight": (256, "conv", "convolution_weight", ()),
    "matmul": (256, "products", "matmul", ()),
    "max_pool": (4096, "pooling", "pool", ("max",)),
    "max_place": (4096, "pooling", "pool", ("place",)),
    "put_in_windows": (1024, "pooling", "pool", ("put",)),
    "sum_windows": (4096, "pooling", "pool", ("sum",)),
    "standardize": (4096, "norm", "standardize", ()),
    "mean_product": (4096, "norm", "mean_product", ()),
    "combine": (4096, "norm", "combine", ()),
    "affine": (4096, "norm", "affine", ()),
    "softmax": (512, "softmax", "softmax", ()),
    "log_softmax": (512, "softmax", "log_softmax", ()),
    "cross_entropy": (512, "softmax", "cross_entropy", ()),
    "spread_windows": (1024, "pooling", "pool", ("spread",)),
}


def _entry(module: str, function: str, told: tuple[str, ...]) -> Any:
    """The function, looked up when it is first called; None, which means NumPy, where kernels cannot run."""
    found: Any = None

    def kernel(*arrays: Any, **params: Any) -> Any:
        nonlocal found
        if found is None:
            from . import available

            if not available():
                return None
            from importlib import import_module

            found = getattr(import_module(f"{__package__}.{module}"), function)
        return found(*told, *arrays, **params)

    return kernel


class _Rule:
    """A vjp rule with a kernel in front that needs the cotangent only. Its code object tells which values it reads."""

    __slots__ = ("__code__", "kernel", "plain")

    def __init__(self, plain: Any, kernel: Any) -> None:
        self.plain, self.kernel = plain, kernel
        self.__code__ = plain.__code__

    def __call__(self, g: Any, *values: Any, **params: Any) -> Any:
        if type(g) is ndarray and g.size >= 1 << 14 and config.native:
            found = self.kernel(g)
            if found is not None:
                return found
        return self.plain(g, *values, **params)


def install() -> None:
    """Put the kernels in front of those operations that are declared by now, once."""
    for name in [name for name in _SERVED if name in REGISTRY]:
        least, module, function, told = _SERVED.pop(name)
        serve(name, least, _entry(module, function, told))
        if name == "convolution":
            *rules, bias = REGISTRY[name].rules or ()
            REGISTRY[name].rules = (*rules, _Rule(bias, _entry("norm", "channel_sums", ())))
