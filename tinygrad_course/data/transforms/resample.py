"""Resizing and rotating, on arrays (…, H, W)."""

import functools
import math
from collections.abc import Sequence
from enum import Enum

import numpy as np

from .image import to_dtype

__all__ = ["InterpolationMode", "background", "resize_planes", "rotate_planes"]


class InterpolationMode(Enum):
    """How pixels between pixels are computed (torchvision's names). BICUBIC is for PIL images only."""

    NEAREST = "nearest"
    BILINEAR = "bilinear"
    BICUBIC = "bicubic"


def _computing(dtype: np.dtype) -> np.dtype:
    return np.dtype(np.float64 if dtype == np.float64 else np.float32)


def resize_planes(
    x: np.ndarray, size: tuple[int, int], interpolation: InterpolationMode, antialias: bool
) -> np.ndarray:
    """Resize the last two dimensions.

    Bilinear is a product with one matrix per side, since the filter is separable. Pixel i of the result lies at
    (i + ½)·n/m − ½ in the source. With `antialias` the triangular filter widens when shrinking, so that every source
    pixel counts; without it, two neighbours per side are blended whatever the scale.
    """
    height, width = x.shape[-2:]
    if interpolation is InterpolationMode.NEAREST:
        rows, columns = (np.arange(m) * n // m for m, n in zip(size, (height, width), strict=True))
        return x[..., rows[:, None], columns]
    if interpolation is not InterpolationMode.BILINEAR:
        raise ValueError(f"Resize: {interpolation} is for PIL images only; use BILINEAR or NEAREST")
    if size == (height, width):
        return x.copy()
    computing = _computing(x.dtype)
    down = _weights(height, size[0], antialias).astype(computing)
    across = _weights(width, size[1], antialias).astype(computing)
    # Contiguous, or the product does without BLAS: arrays (H, W, C) come here as transposed views.
    return to_dtype(down @ np.ascontiguousarray(x, computing) @ across.T, x.dtype)


@functools.lru_cache(maxsize=64)
def _weights(n: int, m: int, antialias: bool) -> np.ndarray:
    """Return the (m, n) matrix that resizes one side from n to m."""
    scale = n / m
    reach = max(scale, 1.0) if antialias else 1.0
    centres = (np.arange(m) + 0.5) * scale
    weights = np.maximum(0.0, 1.0 - np.abs(np.arange(n) + 0.5 - centres[:, None]) / reach)
    return weights / weights.sum(axis=1, keepdims=True)  # at the border the rest of the filter is cut off


def rotate_planes(
    x: np.ndarray,
    degrees: float,
    interpolation: InterpolationMode,
    expand: bool,
    center: Sequence[float] | None,
    fill: float | Sequence[float],
) -> np.ndarray:
    """Rotate counter-clockwise around `center` (x, y), by default the middle; what comes from outside is `fill`."""
    if interpolation is InterpolationMode.BICUBIC:
        raise ValueError("rotate: BICUBIC is not supported; use BILINEAR or NEAREST")
    height, width = x.shape[-2:]
    middle = (width / 2, height / 2)
    pivot = middle if center is None else (float(center[0]), float(center[1]))
    radians = math.radians(degrees)
    # Rounded, so that a quarter turn moves pixels exactly onto pixels.
    cos, sin = round(math.cos(radians), 15), round(math.sin(radians), 15)
    out_height, out_width = height, width
    if expand:
        out_width = math.ceil(abs(width * cos) + abs(height * sin) - 1e-9)
        out_height = math.ceil(abs(width * sin) + abs(height * cos) - 1e-9)
        pivot = middle  # the result is centred on the whole image
    dx = np.arange(out_width) + 0.5 - (out_width / 2 if expand else pivot[0])
    dy = (np.arange(out_height) + 0.5 - (out_height / 2 if expand else pivot[1]))[:, None]
    source_x = cos * dx - sin * dy + pivot[0]
    source_y = sin * dx + cos * dy + pivot[1]
    outside = background(fill, x)
    if interpolation is InterpolationMode.NEAREST:
        return _pick(x, np.floor(source_y).astype(np.int64), np.floor(source_x).astype(np.int64), outside)
    computing = _computing(x.dtype)
    left, top = np.floor(source_x - 0.5), np.floor(source_y - 0.5)
    along = (source_x - 0.5 - left).astype(computing)
    down = (source_y - 0.5 - top).astype(computing)
    column, row = left.astype(np.int64), top.astype(np.int64)
    mixed = np.zeros((*x.shape[:-2], out_height, out_width), computing)
    for step_down, weight_down in ((0, 1 - down), (1, down)):
        for step_along, weight_along in ((0, 1 - along), (1, along)):
            mixed += weight_down * weight_along * _pick(x, row + step_down, column + step_along, outside)
    return to_dtype(mixed, x.dtype)


def background(fill: float | Sequence[float], x: np.ndarray) -> np.ndarray:
    """Return `fill` in the dtype of x, shaped to broadcast against (…, C, H, W)."""
    values = np.asarray(fill)
    if values.ndim == 0 or len(values) == 1:
        return values.reshape(()).astype(x.dtype)
    if x.ndim < 3 or len(values) != x.shape[-3]:
        raise ValueError(f"fill: expected one value, or one per channel, got {len(values)} for shape {x.shape}")
    return values.astype(x.dtype)[:, None, None]


def _pick(x: np.ndarray, rows: np.ndarray, columns: np.ndarray, outside: np.ndarray) -> np.ndarray:
    height, width = x.shape[-2:]
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    taken = x[..., np.clip(rows, 0, height - 1), np.clip(columns, 0, width - 1)]
    return np.where(inside, taken, outside)
