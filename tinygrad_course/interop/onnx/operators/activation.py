"""Activation functions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .... import ops
from ....nn import functional as F
from ....tensor import Tensor
from .table import operator

__all__: list[str] = []


@operator("Relu")
def relu(step: Any, x: Tensor) -> Any:
    return ops.relu(x)


@operator("LeakyRelu")
def leaky_relu(step: Any, x: Tensor) -> Any:
    return F.leaky_relu(x, step.get("alpha", 0.01))


@operator("PRelu")
def prelu(step: Any, x: Tensor, slope: Tensor) -> Any:
    if slope.ndim == 1 and x.ndim > 2 and slope.shape[0] == x.shape[1] and step.version < 7:
        slope = slope.reshape((-1, *(1,) * (x.ndim - 2)))
    return ops.where(x < 0, slope * x, x)


@operator("Elu")
def elu(step: Any, x: Tensor) -> Any:
    return F.elu(x, step.get("alpha", 1.0))


@operator("Celu")
def celu(step: Any, x: Tensor) -> Any:
    return F.celu(x, step.get("alpha", 1.0))


@operator("Selu")
def selu(step: Any, x: Tensor) -> Any:
    alpha, gamma = step.get("alpha", 1.6732632423543772), step.get("gamma", 1.0507009873554805)
    return F.elu(x, alpha) * gamma


@operator("Gelu")
def gelu(step: Any, x: Tensor) -> Any:
    return F.gelu(x, approximate=step.get("approximate", "none"))


@operator("HardSigmoid")
def hard_sigmoid(step: Any, x: Tensor) -> Any:
    return (x * step.get("alpha", 0.2) + step.get("beta", 0.5)).clamp(0, 1)


@operator("HardSwish")
def hard_swish(step: Any, x: Tensor) -> Any:
    return F.hardswish(x)


@operator("Mish")
def mish(step: Any, x: Tensor) -> Any:
    return F.mish(x)


@operator("Softplus")
def softplus(step: Any, x: Tensor) -> Any:
    return F.softplus(x, 1.0, math.inf)


@operator("Softsign")
def softsign(step: Any, x: Tensor) -> Any:
    return F.softsign(x)


@operator("ThresholdedRelu")
def thresholded_relu(step: Any, x: Tensor) -> Any:
    return F.threshold(x, step.get("alpha", 1.0), 0.0)


@operator("Shrink")
def shrink(step: Any, x: Tensor) -> Any:
    limit, bias = step.get("lambd", 0.5), step.get("bias", 0.0)
    zero = x * 0
    y = ops.where(x < -limit, x + bias, ops.where(x > limit, x - bias, zero))
    return y.to(x.dtype)


@operator("Softmax", "LogSoftmax")
def softmax(step: Any, x: Tensor) -> Any:
    function = F.softmax if step.kind == "Softmax" else F.log_softmax
    if step.version >= 13:
        return function(x, step.get("axis", -1))
    # Before version 13 all dims from the axis on are one.
    axis = step.get("axis", 1) % max(x.ndim, 1)
    rows = x.reshape((math.prod(x.shape[:axis]), -1))
    return function(rows, 1).reshape(x.shape)


@operator("Hardmax")
def hardmax(step: Any, x: Tensor) -> Any:
    if step.version >= 13:
        axis = step.get("axis", -1)
        place = x.argmax(axis, keepdim=True)
        shape = [1] * x.ndim
        shape[axis] = x.shape[axis]
        return (place == Tensor._wrap(np.arange(x.shape[axis]).reshape(shape))).to(x.dtype)
    axis = step.get("axis", 1) % max(x.ndim, 1)
    rows = x.reshape((math.prod(x.shape[:axis]), -1))
    each = Tensor._wrap(np.arange(rows.shape[1]))
    return (rows.argmax(1, keepdim=True) == each).to(x.dtype).reshape(x.shape)
