"""A deep-learning framework to learn with: a dynamic graph, gradients of any order, drawn and proven."""

from __future__ import annotations

import importlib as _importlib
import warnings as _warnings
from typing import Any as _Any

from . import allocation as _allocation
from . import autograd, dtypes, ops
from .autograd import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
from .compile import compile, symbolic
from .config import config
from .device import device
from .dtypes import *
from .native.dispatch import install as _install_kernels
from .native.families import install as _install_families
from .ops import *
from .ops import primitive
from .printing import get_printoptions, set_printoptions
from .random import Generator, get_rng_state, initial_seed, manual_seed, seed, set_rng_state
from .serialization import load, save
from .tensor import Size, Tensor, tensor
from .threads import get_num_threads, set_num_threads

_allocation.keep()
_install_kernels()
_install_families()

__version__ = "0.1.0"

# As in PyTorch inf and NaN are results, not warnings: `autograd.detect_anomaly` finds where they come from. NumPy's
# warnings about the user's own arrays stay as they are.
_warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"tinygrad_course\.")

# Loaded on first use, so that importing the package stays quick.
_LAZY = frozenset(
    {"backends", "cuda", "data", "func", "interop", "linalg", "native", "nn", "optim", "special", "testing", "training",
     "utils", "vision", "viz"}
)  # fmt: skip

__all__ = [
    "Generator", "Size", "Tensor", "autograd", "compile", "config", "device", "enable_grad", "get_num_threads",
    "get_printoptions", "get_rng_state", "inference_mode", "initial_seed", "is_grad_enabled",
    "is_inference_mode_enabled", "load",
    "manual_seed", "no_grad", "primitive", "profile", "save", "seed", "set_grad_enabled", "set_num_threads",
    "set_printoptions", "set_rng_state", "symbolic", "tensor",
]  # fmt: skip
__all__ += dtypes.__all__
__all__ += ops.__all__


def __getattr__(name: str) -> _Any:
    if name in _LAZY:
        return _importlib.import_module(f"{__name__}.{name}")
    if name == "profile":
        from .profiling import profile

        return profile
    if name == "bfloat16":
        raise AttributeError("bfloat16: NumPy does not have this dtype; use tc.float32, or tc.float16 to save memory")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY, *__all__})
