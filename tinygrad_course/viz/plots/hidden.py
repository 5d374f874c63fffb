"""How a hidden layer bends space: a grid of the input plane, seen by two or three hidden units."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...nn.module import Module
from ._common import array_from, axes, outputs_of
from .fitting import _colours

__all__ = ["warped_grid"]


def warped_grid(
    model: Module, layer: str | Module, x: Any, labels: Any = None, *, ax: Any = None, lines: int = 21,
    margin: float = 0.1,
) -> Any:  # fmt: skip
    """The grid lines of the input plane and the samples, as a layer of two or three units puts them out.

    After colah, "Neural Networks, Manifolds, and Topology".

    Args:
        model: takes inputs (n, 2).
        layer: a module inside of it, or its name, that puts out (n, 2) or (n, 3).
        x: samples (n, 2).
        labels: their classes, which colour them.
        ax: Axes to draw on; with three dimensions for three units.
        lines: the number of grid lines each way.
        margin: how much more than the samples is shown.

    Returns:
        The Axes.
    """
    points = array_from(x, "warped_grid")
    if points.ndim != 2 or points.shape[1] != 2 or not len(points):
        raise ValueError(f"warped_grid: expected samples of shape (n, 2), got {points.shape}")
    seen = outputs_of(model, layer, points, "warped_grid")
    if seen.ndim != 2 or seen.shape[1] not in (2, 3):
        raise ValueError(f"warped_grid: the layer must put out 2 or 3 units, (n, 2) or (n, 3), got {seen.shape}")
    low, high = points.min(0), points.max(0)
    room = margin * np.maximum(high - low, 1e-6)
    low, high = low - room, high + room
    fine = np.linspace(0, 1, 8 * lines, dtype=points.dtype)
    coarse = np.linspace(0, 1, lines, dtype=points.dtype)
    if seen.shape[1] == 3:
        ax = axes(ax, size=(4.5, 4.2), projection="3d")
        if not hasattr(ax, "zaxis"):
            raise ValueError('warped_grid: three units need Axes with projection="3d"')
    else:
        ax = axes(ax, size=(4.2, 4.0))
    for way in (0, 1):
        grid = np.empty((lines, len(fine), 2), points.dtype)
        grid[..., way] = coarse[:, None]
        grid[..., 1 - way] = fine
        bent = outputs_of(model, layer, (low + grid * (high - low)).reshape(-1, 2).astype(points.dtype), "warped_grid")
        for line in bent.reshape(lines, len(fine), -1):
            ax.plot(*line.T, color="tab:gray", lw=0.5, alpha=0.7)
    classes = None if labels is None else array_from(labels, "warped_grid").reshape(-1).astype(int)
    colours = {} if classes is None else {"c": classes, "cmap": _colours(int(classes.max()) + 1)}
    ax.scatter(*seen.T, s=10, **colours)
    ax.locator_params(nbins=4 if seen.shape[1] == 3 else 6)
    ax.set(xlabel="z₁", ylabel="z₂", **({"zlabel": "z₃"} if seen.shape[1] == 3 else {}))
    return ax
