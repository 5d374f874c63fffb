"""Images of and from layers: filters, feature maps, reconstructions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...nn.module import Module
from ._common import array_from, image_grid, outputs_of

__all__ = ["feature_maps", "filters", "reconstructions"]


def filters(
    weight: Any, *, shape: tuple[int, ...] | None = None, most: int = 64, columns: int = 8, figure: Any = None
) -> Any:
    """The weights of a first layer as images, one for each unit.

    Args:
        weight: of a linear layer (units, inputs), or of a convolution (units, channels, height, width).
        shape: of the image that the inputs of a linear layer are: (H, W) or (C, H, W); default: a square.
        most: draw no more units than that.
        columns: how many stand in a row.
        figure: Figure to draw into.

    Returns:
        The Figure.

    Example:
        >>> import tinygrad_course as tc
        >>> figure = tc.viz.plots.filters(tc.nn.Linear(784, 10).weight)
        >>> len(figure.axes)
        16
    """
    w = array_from(weight, "filters")
    if w.ndim == 2:
        side = math.isqrt(w.shape[1])
        if shape is None and side * side != w.shape[1]:
            raise ValueError(f"filters: {w.shape[1]} inputs are no square image; give shape=(height, width)")
        shape = shape or (side, side)
        if math.prod(shape) != w.shape[1]:
            raise ValueError(f"filters: {w.shape[1]} inputs do not make an image of shape {shape}")
        w = w.reshape(len(w), *shape)
    if w.ndim not in (3, 4):
        raise ValueError(f"filters: expected weights (units, inputs) or (units, channels, H, W), got {w.shape}")
    return image_grid(figure, [_picture(unit) for unit in w[:most]], min(columns, max(1, min(len(w), most))))


def _picture(unit: np.ndarray) -> np.ndarray:
    """H × W, or H × W × 3 within 0 … 1 for three channels; the mean of other numbers of channels."""
    if unit.ndim == 3 and len(unit) == 3:
        low, high = unit.min(), unit.max()
        return (unit.transpose(1, 2, 0) - low) / max(high - low, 1e-12)
    return unit.mean(0) if unit.ndim == 3 else unit


def feature_maps(
    model: Module, layer: str | Module, image: Any, *, most: int = 64, columns: int = 8, figure: Any = None
) -> Any:
    """What each channel of a layer makes of one image.

    Args:
        model: takes images (n, C, H, W).
        layer: a module inside of it, or its name, that puts out (n, channels, H, W).
        image: (C, H, W) or (1, C, H, W).
        most: draw no more channels than that.
        columns: how many stand in a row.
        figure: Figure to draw into.

    Returns:
        The Figure.
    """
    x = array_from(image, "feature_maps")
    x = x[None] if x.ndim == 3 else x
    if x.ndim != 4 or len(x) != 1:
        raise ValueError(f"feature_maps: expected one image (C, H, W), got {x.shape}")
    maps = outputs_of(model, layer, x, "feature_maps")
    if maps.ndim != 4:
        raise ValueError(f"feature_maps: the layer must put out (n, channels, H, W), got {maps.shape}")
    shown = list(maps[0][:most])
    return image_grid(figure, shown, min(columns, len(shown)), titles=[str(i) for i in range(len(shown))])


def reconstructions(
    images: Any, reconstructed: Any, *, shape: tuple[int, ...] | None = None, most: int = 10, figure: Any = None
) -> Any:
    """Images above what an autoencoder or a Boltzmann machine made of them.

    Args:
        images, reconstructed: (n, H, W), (n, C, H, W), or (n, values) with `shape`; squares need none.
        shape: (H, W) or (C, H, W).
        most: draw no more than that.
        figure: Figure to draw into.

    Returns:
        The Figure.
    """
    both = [array_from(x, "reconstructions") for x in (images, reconstructed)]
    if both[0].size != both[1].size or not len(both[0]):
        raise ValueError(
            f"reconstructions: expected as many values in both, got shapes {both[0].shape} and {both[1].shape}"
        )
    rows = [_as_images(x.reshape(both[0].shape)[:most], shape) for x in both]
    limits = float(rows[0].min()), float(rows[0].max())  # the same grey means the same value in both rows
    return image_grid(figure, [_picture(image) for row in rows for image in row], len(rows[0]), limits=limits)


def _as_images(x: np.ndarray, shape: tuple[int, ...] | None) -> np.ndarray:
    if shape is None and x.ndim == 2:
        side = math.isqrt(x.shape[1])
        shape = (side, side)
    if shape is not None:
        if math.prod(shape) * len(x) != x.size:
            raise ValueError(f"reconstructions: {x.size // len(x)} values do not make an image of shape {shape}")
        x = x.reshape(len(x), *shape)
    if x.ndim not in (3, 4):
        raise ValueError(f"reconstructions: expected images (n, H, W) or (n, C, H, W), got {x.shape}")
    return x
