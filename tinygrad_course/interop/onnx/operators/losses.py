"""Losses."""

from __future__ import annotations

from typing import Any

import numpy as np

from .... import ops
from ....nn import functional as F
from ....tensor import Tensor
from .indexing import _counted
from .table import operator

__all__: list[str] = []


def _nll(step: Any, logs: Tensor, target: Tensor, weight: Tensor | None) -> Any:
    """-w_t x_t for each target t, and its reduction; targets that are to be ignored have weight 0."""
    ignored, reduction = step.attributes.get("ignore_index"), step.get("reduction", "mean")
    counted = None if ignored is None else target != ignored
    safe = target if counted is None else ops.where(counted, target, ops.zeros_like(target))
    picked = _counted(safe, logs.shape[1])
    loss = -logs.gather(1, picked.to(np.dtype(np.int64)).unsqueeze(1)).squeeze(1)
    weights = None if weight is None else weight[picked]
    if counted is not None:
        mask = counted.to(logs.dtype)
        weights = mask if weights is None else weights * mask
    loss = loss if weights is None else loss * weights
    if reduction == "none":
        return loss
    if reduction == "sum":
        return loss.sum()
    return loss.mean() if weights is None else loss.sum() / weights.sum()


@operator("NegativeLogLikelihoodLoss")
def negative_log_likelihood(step: Any, x: Tensor, target: Tensor, weight: Tensor | None = None) -> Any:
    return _nll(step, x, target, weight)


@operator("SoftmaxCrossEntropyLoss")
def softmax_cross_entropy(step: Any, x: Tensor, target: Tensor, weight: Tensor | None = None) -> Any:
    logs = F.log_softmax(x, 1)
    return _nll(step, logs, target, weight), logs
