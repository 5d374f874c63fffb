"""Other systems' networks and formats: each in a module of its own, loaded on first use.

- `interop.pytorch`: weights that PyTorch saved, read without PyTorch and without running what is in the file.
- `interop.caffe`: networks and solvers that are written as Caffe's prototxt files.
- `interop.onnx`: networks as ONNX files, written and read.
- `interop.sklearn`: networks as scikit-learn estimators.
"""

from __future__ import annotations

import importlib
from typing import Any

__all__ = ["caffe", "onnx", "prototxt", "pytorch", "sklearn"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
