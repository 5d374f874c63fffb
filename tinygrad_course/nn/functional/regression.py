"""Losses of numbers: squared, absolute, and between the two."""

from __future__ import annotations

import warnings

from ...ops import loss as ops
from ...tensor import Tensor
from ._check import reduced, require, require_tensor
from .loss import legacy

__all__ = ["huber_loss", "l1_loss", "mse_loss", "smooth_l1_loss"]


def _warn_shapes(name: str, input: Tensor, target: Tensor) -> None:
    require_tensor(name, input=input, target=target)
    if input.array.shape != target.array.shape:
        warnings.warn(
            f"{name}: target of shape {tuple(target.shape)} is broadcast to an input of shape {tuple(input.shape)}: "
            "this is seldom meant: make them equal, e.g. by target.unsqueeze(1)",
            UserWarning, stacklevel=3,
        )  # fmt: skip


def mse_loss(
    input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None,
    reduction: str = "mean", weight: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """(x - t)²: the squared error (lecture, ch. 2).

    Args:
        input: predictions.
        target: of the same shape.
        reduction: 'mean', 'sum' or 'none'.
        weight: a factor for each value; the mean is then over the weights.
        size_average: deprecated by PyTorch; use reduction.
        reduce: deprecated by PyTorch; use reduction.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.nn.functional.mse_loss(tc.tensor([1.0, 3.0]), tc.tensor([0.0, 0.0]))
        tensor(5.)
    """
    _warn_shapes("mse_loss", input, target)
    reduction = legacy(reduction, size_average, reduce)
    x, t = input.array, target.array
    if weight is not None:
        loss = (input - target) ** 2 * weight
        return (
            loss.sum() / weight.expand(loss.array.shape).sum()
            if reduction == "mean"
            else reduced("mse_loss", loss, reduction)
        )
    if reduction in ("mean", "sum") and x.shape == t.shape and x.dtype == t.dtype and x.dtype.kind == "f" and x.size:
        return ops.squared_error(input, target, scale=1.0 / x.size if reduction == "mean" else 1.0)
    return reduced("mse_loss", (input - target) ** 2, reduction)


def l1_loss(
    input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """|x - t|: the absolute error. The slope at 0 is 0.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.nn.functional.l1_loss(tc.tensor([1.0, 3.0]), tc.tensor([0.0, 0.0]))
        tensor(2.)
    """
    _warn_shapes("l1_loss", input, target)
    return reduced("l1_loss", (input - target).abs(), legacy(reduction, size_average, reduce))


def smooth_l1_loss(
    input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None,
    reduction: str = "mean", beta: float = 1.0,
) -> Tensor:  # fmt: skip
    """(x - t)² / (2 beta) where |x - t| < beta, else |x - t| - beta / 2.

    Raises:
        RuntimeError: for a negative beta.
    """
    _warn_shapes("smooth_l1_loss", input, target)
    require(beta >= 0, f"smooth_l1_loss: expected beta of at least 0, got {beta}")
    reduction = legacy(reduction, size_average, reduce)
    if beta == 0:
        return reduced("smooth_l1_loss", (input - target).abs(), reduction)
    return reduced("smooth_l1_loss", ops.huber(input - target, delta=float(beta)) / beta, reduction)


def huber_loss(
    input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0, weight: Tensor | None = None
) -> Tensor:
    """(x - t)² / 2 where |x - t| < delta, else delta (|x - t| - delta / 2) (Huber, 1964).

    Raises:
        RuntimeError: if delta is not positive.
    """
    _warn_shapes("huber_loss", input, target)
    require(delta > 0, f"huber_loss: expected a positive delta, got {delta}")
    loss = ops.huber(input - target, delta=float(delta))
    if weight is not None:
        loss = loss * weight
        if reduction == "mean":
            return loss.sum() / weight.expand(loss.array.shape).sum()
    return reduced("huber_loss", loss, reduction)
