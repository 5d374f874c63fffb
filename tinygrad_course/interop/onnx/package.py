"""What the files here share: the onnx package, loaded on first use, and the error for files and models."""

from __future__ import annotations

from typing import Any

__all__ = ["OnnxError", "onnx_package"]


class OnnxError(ValueError):
    """A file that is broken, or asks for what is not known here; or a model that ONNX cannot express."""


def onnx_package() -> Any:
    """The onnx package.

    Raises:
        ImportError: if it is not installed.
    """
    try:
        import onnx
    except ImportError as error:
        raise ImportError('ONNX files need the onnx package: pip install "tinygrad_course[onnx]"') from error
    return onnx
