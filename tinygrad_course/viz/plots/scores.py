"""How training went, and which classes are mistaken for which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ._common import array_from, axes

__all__ = ["confusion_matrix", "curves"]


def curves(history: Mapping[str, Sequence[float]] | Sequence[float], *, ax: Any = None, log: bool = True) -> Any:
    """Losses over time, and the learning rate on an axis of its own at the right.

    Args:
        history: values by name, one per epoch or step; or one sequence, the loss. Names that contain "lr" or
            "learning_rate" go to the right.
        ax: Axes to draw on.
        log: a logarithmic axis for the losses, where all are positive.

    Returns:
        The Axes; that of the learning rate is `ax.figure.axes[-1]`.

    Example:
        >>> import tinygrad_course as tc
        >>> ax = tc.viz.plots.curves({"loss": [1.0, 0.5], "val_loss": [1.2, 0.8], "lr": [0.1, 0.01]})
        >>> [line.get_label() for line in ax.lines]
        ['loss', 'val_loss']
    """
    named = history if isinstance(history, Mapping) else {"loss": history}
    table = {name: array_from(values, "curves") for name, values in named.items()}
    rates = {name: v for name, v in table.items() if "learning_rate" in name or "lr" in name.split("_")}
    losses = {name: v for name, v in table.items() if name not in rates and v.ndim == 1 and v.size}
    if not losses:
        raise ValueError("curves: there are no values to draw; expected a mapping from names to sequences of numbers")
    ax = axes(ax)
    if log and all((v[np.isfinite(v)] > 0).all() for v in losses.values()):
        ax.set_yscale("log")
    for name, values in losses.items():
        ax.plot(np.arange(1, len(values) + 1), values, label=name)
    lines = list(ax.lines)
    if rates:
        right = ax.twinx()
        right.set(ylabel="learning rate", yscale="log" if all((v > 0).all() for v in rates.values()) else "linear")
        for name, values in rates.items():
            lines += right.plot(np.arange(1, len(values) + 1), values, ":", color="tab:gray", label=name)
    ax.set_xlabel("epoch")
    ax.legend(lines, [line.get_label() for line in lines], fontsize=8)
    return ax


def confusion_matrix(targets: Any, predictions: Any, *, classes: Sequence[str] | None = None, ax: Any = None) -> Any:
    """How often samples of each class (rows) were given each class (columns).

    Args:
        targets: the true classes (n), integers from 0.
        predictions: the classes given (n), or scores (n, classes).
        classes: their names.
        ax: Axes to draw on.

    Returns:
        The Axes; the counts are `ax.images[0].get_array()`.

    Example:
        >>> import tinygrad_course as tc
        >>> ax = tc.viz.plots.confusion_matrix([0, 0, 1], [0, 1, 1])
        >>> ax.images[0].get_array().tolist()
        [[1, 1], [0, 1]]
    """
    true = array_from(targets, "confusion_matrix").reshape(-1).astype(int)
    given = array_from(predictions, "confusion_matrix")
    given = (given.argmax(1) if given.ndim == 2 and given.shape[1] > 1 else given.reshape(-1)).astype(int)
    if len(true) != len(given) or not len(true):
        raise ValueError(f"confusion_matrix: got {len(true)} targets and {len(given)} predictions")
    if min(true.min(), given.min()) < 0:
        raise ValueError("confusion_matrix: classes are integers from 0")
    count = max(int(true.max()), int(given.max())) + 1
    if classes is not None and len(classes) < count:
        raise ValueError(f"confusion_matrix: {count} classes, but {len(classes)} names")
    count = count if classes is None else len(classes)
    counts = np.zeros((count, count), np.int64)
    np.add.at(counts, (true, given), 1)
    side = 1.8 + 0.42 * count
    ax = axes(ax, size=(side, side))
    ax.imshow(counts, cmap="Blues")
    for i in range(count):
        for j in range(count):
            if counts[i, j]:
                light = counts[i, j] > 0.6 * counts.max()
                ax.text(
                    j, i, str(counts[i, j]), ha="center", va="center", fontsize=8, color="white" if light else "black"
                )
    names = [str(i) for i in range(count)] if classes is None else list(classes)
    ax.set_xticks(range(count), names, rotation=90 if classes is not None else 0)
    ax.set_yticks(range(count), names)
    ax.set(xlabel="given", ylabel="true")
    return ax
