"""The three kinds of image, and the one layout, (…, H, W), that pixel work is done in."""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from .._tensors import is_tensor, unwrap, wrap

__all__ = ["image_size", "is_pil", "pil", "planes", "to_dtype"]

Restore = Callable[[np.ndarray], Any]


def pil() -> Any:
    """Return the module PIL.Image, or say how to get it."""
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError(
            'PIL images need Pillow: pip install "tinygrad_course[image]" (or pip install pillow)'
        ) from error
    return Image


def is_pil(image: Any) -> bool:
    """Return whether `image` is a PIL image; does not import Pillow, which made the image if it is one."""
    module = sys.modules.get("PIL.Image")
    return module is not None and isinstance(image, module.Image)


def planes(image: Any, name: str) -> tuple[np.ndarray, Restore]:
    """Return the pixels as an array (…, H, W), and a function that gives such an array the image's kind again.

    Raises:
        TypeError: if `image` is no image. RuntimeError: if it is a tensor that requires grad.
    """
    if is_tensor(image):
        array = unwrap(image, name)
        if array.ndim < 2:
            raise TypeError(f"{name}: expected a tensor (..., C, H, W), got shape {array.shape}")
        return array, wrap
    if is_pil(image):
        array, back = _channels_first(np.asarray(image), name)
        return array, lambda result: pil().fromarray(np.ascontiguousarray(back(result)))
    if isinstance(image, np.ndarray):
        return _channels_first(image, name)
    raise TypeError(f"{name}: expected a PIL image, an ndarray or a Tensor, got {type(image).__name__}")


def _channels_first(array: np.ndarray, name: str) -> tuple[np.ndarray, Restore]:
    if array.ndim == 2:
        return array, lambda result: result
    if array.ndim == 3:
        return array.transpose(2, 0, 1), lambda result: result.transpose(1, 2, 0)
    raise TypeError(f"{name}: expected an array (H, W) or (H, W, C), got shape {array.shape}")


def image_size(image: Any, name: str) -> tuple[int, int]:
    """Return (height, width)."""
    height, width = planes(image, name)[0].shape[-2:]
    return height, width


def to_dtype(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Cast computed floats back to an image's dtype: integers are rounded and clipped to their range."""
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        values = np.clip(np.rint(values), limits.min, limits.max)
    return values.astype(dtype, copy=False)
