"""Losses and the accuracy. Caffe's losses are sums over a batch, divided by a number that `normalization` chooses."""

from __future__ import annotations

from typing import Any

from .... import nn
from ....nn import functional as F
from ....tensor import Tensor
from .table import Function, Setup, layer


def _normalization(s: Setup, default: str) -> tuple[str, int | None]:
    """How the sum is divided, and the label that does not count."""
    m = s.message.message("loss_param")
    kind = default
    if "normalize" in m:
        kind = "VALID" if m.flag("normalize") else "BATCH_SIZE"
    others = [x for x in ("FULL", "VALID", "BATCH_SIZE", "NONE") if x != kind]
    ignored = m.integer("ignore_label") if "ignore_label" in m else None
    return m.choice("normalization", kind, *others), ignored


def _divided(total: Tensor, kind: str, batch: int, full: int, valid: int) -> Tensor:
    return total / max(1.0, {"FULL": full, "VALID": valid, "BATCH_SIZE": batch, "NONE": 1}[kind])


def _classes_last(x: Tensor, label: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    """Scores (places, classes) and labels (places)."""
    scores = x.movedim(axis, -1)
    scores = scores.reshape((-1, scores.shape[-1]))
    labels = label.reshape(-1).long()
    if len(labels) != len(scores):
        raise RuntimeError(f"a label for each of the {len(scores)} places is needed, got {len(labels)}")
    return scores, labels


@layer("SoftmaxWithLoss", bottoms=2)
def softmax_with_loss(s: Setup) -> nn.Module:
    m = s.message.message("softmax_param")
    m.ignore("engine")
    axis = s.axis(m.integer("axis", 1), s.shapes[0], m)
    kind, ignored = _normalization(s, "VALID")

    def compute(x: Tensor, label: Tensor) -> Any:
        scores, labels = _classes_last(x, label, axis)
        skip = -100 if ignored is None else ignored
        total = F.cross_entropy(scores, labels, reduction="sum", ignore_index=skip)
        valid = len(labels) if ignored is None else int((labels != ignored).sum().item())
        loss = _divided(total, kind, x.shape[0], len(labels), valid)
        return loss if s.tops < 2 else (loss, F.softmax(x, dim=axis))

    return Function("SoftmaxWithLoss", compute)


@layer("SigmoidCrossEntropyLoss", bottoms=2)
def sigmoid_cross_entropy(s: Setup) -> nn.Module:
    kind, ignored = _normalization(s, "BATCH_SIZE")

    def compute(x: Tensor, target: Tensor) -> Tensor:
        target = target.reshape(x.shape).to(x.dtype)
        each = F.binary_cross_entropy_with_logits(x, target, reduction="none")
        valid = x.numel()
        if ignored is not None:
            counts = (target != ignored).to(x.dtype)
            each, valid = each * counts, int(counts.sum().item())
        return _divided(each.sum(), kind, x.shape[0], x.numel(), valid)

    return Function("SigmoidCrossEntropyLoss", compute)


@layer("EuclideanLoss", bottoms=2)
def euclidean(s: Setup) -> nn.Module:
    """½ Σ (a - b)² / N"""

    def compute(a: Tensor, b: Tensor) -> Tensor:
        difference = a - b.reshape(a.shape).to(a.dtype)
        return (difference * difference).sum() / (2 * a.shape[0])

    return Function("EuclideanLoss", compute)


@layer("HingeLoss", bottoms=2)
def hinge(s: Setup) -> nn.Module:
    """Σ max(0, 1 ∓ x) / N: minus at the label's class, plus at the others; squared for the L2 norm."""
    squared = s.message.message("hinge_loss_param").choice("norm", "L1", "L2") == "L2"

    def compute(x: Tensor, label: Tensor) -> Tensor:
        rows = x.flatten(1)
        sign = 1 - 2 * F.one_hot(label.reshape(-1).long(), rows.shape[1]).to(x.dtype)
        margins = (1 + sign * rows).relu()
        return ((margins * margins) if squared else margins).sum() / x.shape[0]

    return Function("HingeLoss", compute)


@layer("Accuracy", bottoms=2)
def accuracy(s: Setup) -> nn.Module:
    """The part of labels whose score is among the `top_k` largest; of equal scores, the label's comes last."""
    m = s.message.message("accuracy_param")
    best, axis = m.integer("top_k", 1, 1), s.axis(m.integer("axis", 1), s.shapes[0], m)
    ignored = m.integer("ignore_label") if "ignore_label" in m else None

    def compute(x: Tensor, label: Tensor) -> Tensor:
        scores, labels = _classes_last(x.detach(), label, axis)
        counts = labels == labels if ignored is None else labels != ignored
        own = scores.gather(1, (labels * counts).reshape((-1, 1)))
        right = ((scores >= own).sum(1) <= best) & counts
        return right.sum().to(x.dtype) / max(1, int(counts.sum().item()))

    return Function("Accuracy", compute)
