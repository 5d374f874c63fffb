"""What a model has learned: a curve through points, classes on a plane."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...nn.module import Module
from ._common import array_from, axes, outputs_of, predict

__all__ = ["decision_regions", "fit"]


def fit(
    model: Callable[..., Any], x: Any, t: Any, *, basis: str | Module | Callable[..., Any] | None = None,
    curve: Callable[[np.ndarray], Any] | None = None, ax: Any = None, points: int = 400,
) -> Any:  # fmt: skip
    """Samples, the model's curve through them, and its basis functions dashed (Bishop, PRML, fig. 5.3).

    Args:
        model: a Module or function of inputs (n, 1).
        x, t: the samples, n or n × 1.
        basis: what to draw as basis functions: a layer of the model (or its name), or a function of the inputs.
        curve: the true function, if it is known.
        ax: Axes to draw on.
        points: how finely the curves are drawn.

    Returns:
        The Axes.

    Example:
        >>> import tinygrad_course as tc
        >>> model = tc.nn.Sequential(tc.nn.Linear(1, 3), tc.nn.Tanh(), tc.nn.Linear(3, 1))
        >>> x = tc.linspace(-1, 1, 20)[:, None]
        >>> ax = tc.viz.plots.fit(model, x, x**2, basis="1")
        >>> len(ax.lines)
        5
    """
    xs, ts = (array_from(v, "fit").reshape(-1) for v in (x, t))
    if xs.shape != ts.shape:
        raise ValueError(f"fit: expected as many targets as inputs, got {ts.size} and {xs.size}")
    if not xs.size:
        raise ValueError("fit: there are no samples")
    grid = np.linspace(xs.min(), xs.max(), points, dtype=xs.dtype if xs.dtype.kind == "f" else np.float32)[:, None]
    ax = axes(ax)
    ax.plot(xs, ts, "o", color="tab:blue", ms=3, label="samples")
    if curve is not None:
        ax.plot(grid[:, 0], array_from(curve(grid[:, 0]), "fit"), color="tab:green", lw=1, label="target")
    y = predict(model, grid, "fit").reshape(points, -1)
    if y.shape[1] != 1:
        raise ValueError(f"fit: expected a model with one output, got {y.shape[1]}")
    ax.plot(grid[:, 0], y[:, 0], color="tab:red", label="fit")
    if basis is not None:
        if isinstance(basis, str) or (isinstance(basis, Module) and isinstance(model, Module)):
            if not isinstance(model, Module):
                raise TypeError(f"fit: a basis named {basis!r} needs a Module, got {type(model).__name__}")
            units = outputs_of(model, basis, grid, "fit")
        else:
            units = predict(basis, grid, "fit")
        for i, unit in enumerate(units.reshape(points, -1).T):
            ax.plot(grid[:, 0], unit, "--", lw=1, color="tab:gray", label="" if i else "basis functions")
    ax.set(xlabel="x", ylabel="y")
    ax.legend(fontsize=8)
    return ax


def decision_regions(
    model: Callable[..., Any], x: Any, labels: Any, *, ax: Any = None, steps: int = 200, margin: float = 0.1,
    threshold: float = 0.0,
) -> Any:  # fmt: skip
    """Which class a model gives to every point of the plane, and the samples.

    Args:
        model: gives for inputs (n, 2) one score per class, or a single one.
        x: samples (n, 2).
        labels: their classes (n), integers from 0.
        ax: Axes to draw on.
        steps: the number of points along each side.
        margin: how much more than the samples is shown, as a share of their extent.
        threshold: with a single score, class 1 is where it is larger.

    Returns:
        The Axes.
    """
    points = array_from(x, "decision_regions")
    classes = array_from(labels, "decision_regions").reshape(-1).astype(int)
    if points.ndim != 2 or points.shape[1] != 2 or not len(points):
        raise ValueError(f"decision_regions: expected samples of shape (n, 2), got {points.shape}")
    if len(classes) != len(points):
        raise ValueError(f"decision_regions: got {len(classes)} labels for {len(points)} samples")
    low, high = points.min(0), points.max(0)
    room = margin * np.maximum(high - low, 1e-6)
    sides = [np.linspace(a, b, steps, dtype=points.dtype) for a, b in zip(low - room, high + room)]
    first, second = np.meshgrid(*sides)
    scores = predict(model, np.stack([first.ravel(), second.ravel()], 1), "decision_regions").reshape(steps**2, -1)
    regions = scores.argmax(1) if scores.shape[1] > 1 else (scores[:, 0] > threshold).astype(int)
    count = max(int(classes.max()) + 1, scores.shape[1], 2)
    ax = axes(ax, size=(4.2, 4.0))
    ax.contourf(
        first, second, regions.reshape(steps, steps), levels=np.arange(count + 1) - 0.5, cmap=_colours(count), alpha=0.3
    )
    ax.scatter(
        points[:, 0],
        points[:, 1],
        c=classes,
        cmap=_colours(count),
        vmin=0,
        vmax=count - 1,
        s=12,
        edgecolors="white",
        lw=0.4,
    )
    ax.set(xlabel="x₁", ylabel="x₂")
    return ax


def _colours(count: int) -> Any:
    """One colour per class: those of Matplotlib's cycle."""
    from matplotlib.colors import ListedColormap

    return ListedColormap([f"C{i % 10}" for i in range(count)])
