"""Losses that ask for a margin: of single scores, of pairs, and of triplets."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...effects import check
from ...ops import where
from ...ops.activation import logsigmoid, softplus
from ...tensor import Tensor
from ._check import reduced, require, require_tensor
from .distance import pairwise_distance
from .loss import legacy

__all__ = [
    "cosine_embedding_loss", "hinge_embedding_loss", "margin_ranking_loss", "multi_margin_loss",
    "multilabel_soft_margin_loss", "soft_margin_loss", "triplet_margin_loss",
]  # fmt: skip


def hinge_embedding_loss(
    input: Tensor, target: Tensor, margin: float = 1.0, size_average: bool | None = None, reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """x for targets 1, max(0, margin - x) for targets -1."""
    require_tensor("hinge_embedding_loss", input=input, target=target)
    far = (margin - input).clamp(min=0)
    loss = where(target != 1, far, 0.0) + where(target != -1, input, 0.0)
    return reduced("hinge_embedding_loss", loss, legacy(reduction, size_average, reduce))


def margin_ranking_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, size_average: bool | None = None,
    reduce: bool | None = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """max(0, -t (x₁ - x₂) + margin): t = 1 wants x₁ larger, t = -1 wants x₂ larger.

    Raises:
        RuntimeError: if the numbers of dims differ.
    """
    require_tensor("margin_ranking_loss", input1=input1, input2=input2, target=target)
    require(
        input1.array.ndim == input2.array.ndim == target.array.ndim,
        f"margin_ranking_loss: expected three tensors of as many dims, got shapes {tuple(input1.shape)}, "
        f"{tuple(input2.shape)} and {tuple(target.shape)}",
    )
    loss = (-target * (input1 - input2) + margin).clamp(min=0)
    return reduced("margin_ranking_loss", loss, legacy(reduction, size_average, reduce))


def soft_margin_loss(
    input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """log(1 + exp(-t x)) for targets ±1."""
    require_tensor("soft_margin_loss", input=input, target=target)
    loss = softplus(-target * input, 1.0, math.inf)
    return reduced("soft_margin_loss", loss, legacy(reduction, size_average, reduce))


def multilabel_soft_margin_loss(
    input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: bool | None = None,
    reduce: bool | None = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """-(t log σ(x) + (1 - t) log σ(-x)), the mean over classes (the last dim)."""
    require_tensor("multilabel_soft_margin_loss", input=input, target=target)
    loss = -(target * logsigmoid(input) + (1 - target) * logsigmoid(-input))
    if weight is not None:
        loss = loss * weight
    return reduced("multilabel_soft_margin_loss", loss.mean(-1), legacy(reduction, size_average, reduce))


def multi_margin_loss(
    input: Tensor, target: Tensor, p: int = 1, margin: float = 1.0, weight: Tensor | None = None,
    size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """Σ_{j ≠ t} max(0, margin - x_t + x_j)ᵖ / C (times the weight of class t).

    Shape:
        input (N, C) or (C), target (N) or one class.

    Raises:
        ValueError: for p other than 1 or 2.
        RuntimeError: if the shapes do not fit, or a target is no class.
    """
    require_tensor("multi_margin_loss", input=input, target=target)
    require(p in (1, 2), f"multi_margin_loss: expected p = 1 or 2, got {p}", ValueError)
    alone = input.array.ndim == 1
    x = input.reshape((1, -1)) if alone else input
    t = target.reshape((1,)) if not target.array.ndim else target
    classes = x.array.shape[-1]
    require(
        x.array.ndim == 2 and t.array.shape == x.array.shape[:1],
        f"multi_margin_loss: expected an input (N, C) and a target (N), got {tuple(input.shape)} and "
        f"{tuple(target.shape)}",
    )
    check(_check_target, t, classes=classes)
    places = t.unsqueeze(1)
    gap = (margin - x.gather(1, places) + x).clamp(min=0)
    if p == 2:
        gap = gap * gap
    if weight is not None:
        gap = gap * weight[t].unsqueeze(1)
    others = places != Tensor._wrap(np.arange(classes))
    loss = where(others, gap, 0.0).sum(1) / classes
    loss = loss.reshape(()) if alone else loss
    return reduced("multi_margin_loss", loss, legacy(reduction, size_average, reduce))


def _check_target(target: np.ndarray, classes: int) -> None:
    require(
        not target.size or (target.min() >= 0 and target.max() < classes),
        f"multi_margin_loss: a target is no class; expected 0 to {classes - 1}",
    )


def cosine_embedding_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, size_average: bool | None = None,
    reduce: bool | None = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """1 - cos(x₁, x₂) for targets 1, max(0, cos(x₁, x₂) - margin) for targets -1.

    Shape:
        inputs (N, D) or (D), target (N) or one value.

    Raises:
        RuntimeError: if the shapes do not fit.
    """
    require_tensor("cosine_embedding_loss", input1=input1, input2=input2, target=target)
    require(
        target.array.ndim + 1 == input1.array.ndim == input2.array.ndim,
        f"cosine_embedding_loss: expected inputs (N, D) and a target (N), got {tuple(input1.shape)}, "
        f"{tuple(input2.shape)} and {tuple(target.shape)}",
    )
    tiny = 1e-12
    product = (input1 * input2).sum(-1)
    lengths = ((input1 * input1).sum(-1) + tiny) * ((input2 * input2).sum(-1) + tiny)
    cosine = product / lengths.sqrt()
    loss = where(target == 1, 1 - cosine, 0.0) + where(target == -1, (cosine - margin).clamp(min=0), 0.0)
    return reduced("cosine_embedding_loss", loss, legacy(reduction, size_average, reduce))


def triplet_margin_loss(
    anchor: Tensor, positive: Tensor, negative: Tensor, margin: float = 1.0, p: float = 2, eps: float = 1e-6,
    swap: bool = False, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """max(0, d(a, p) - d(a, n) + margin) with the p-norm distance d.

    Args:
        anchor: a.
        positive: p, to be near the anchor.
        negative: n, to be farther by the margin.
        margin: by how much.
        p: of the norm.
        eps: added to differences.
        swap: measure the negative from the anchor or the positive, whichever is nearer (Balntas et al., 2016).
        reduction: 'mean', 'sum' or 'none'.
        size_average: deprecated by PyTorch; use reduction.
        reduce: deprecated by PyTorch; use reduction.

    Raises:
        ValueError: if the margin is not positive.
    """
    require(margin > 0, f"triplet_margin_loss: expected a positive margin, got {margin}", ValueError)
    near = pairwise_distance(anchor, positive, p, eps)
    far: Any = pairwise_distance(anchor, negative, p, eps)
    if swap:
        far = far.minimum(pairwise_distance(positive, negative, p, eps))
    return reduced("triplet_margin_loss", (near - far + margin).clamp(min=0), legacy(reduction, size_average, reduce))
