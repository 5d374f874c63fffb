"""Metrics: functions of (output, target) that give a mean over the batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from ..tensor import Tensor

__all__ = ["accuracy"]

Metric = Callable[[Any, Any], Any]


def accuracy(output: Tensor, target: Tensor) -> float:
    """The share of samples whose largest output is that of the target class.

    Shape:
        output (N, C, ...); target (N, ...) of class indices, or (N, C, ...) of class probabilities.

    Raises:
        ValueError: if the shapes do not fit.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.training.accuracy(tc.tensor([[2.0, 1.0], [0.0, 3.0]]), tc.tensor([0, 0]))
        0.5
    """
    scores, wanted = output.array, target.array
    if scores.ndim < 2 or scores.shape[1] < 2:
        raise ValueError(
            f"accuracy: expected output of shape (N, C, ...) with C >= 2 classes, got {scores.shape}; for one output "
            "per sample write a metric of your own: lambda y, t: ((y > 0) == (t > 0.5)).double().mean()"
        )
    if wanted.shape == scores.shape:
        wanted = wanted.argmax(1)
    if wanted.shape != (scores.shape[0], *scores.shape[2:]):
        raise ValueError(f"accuracy: target {wanted.shape} does not fit output {scores.shape}; expected (N, ...)")
    return float(np.mean(scores.argmax(1) == wanted))


def by_name(metrics: Mapping[str, Metric] | Iterable[Metric]) -> dict[str, Metric]:
    """Metrics by their names: those of the functions, where none are given."""
    if isinstance(metrics, Mapping):
        return dict(metrics)
    named = {getattr(metric, "__name__", type(metric).__name__): metric for metric in metrics}
    if "<lambda>" in named:
        raise ValueError('Trainer: a lambda has no name; pass metrics as a dict: {"name": lambda output, target: ...}')
    return named
