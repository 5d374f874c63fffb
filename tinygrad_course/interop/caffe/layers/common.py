"""Layers that connect, normalize and rearrange blobs."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np

from .... import cat, nn
from ....nn import functional as F
from ....tensor import Tensor
from .table import Function, Setup, Shape, layer, weight


class InnerProduct(nn.Module):
    """Flattens from an axis on, then an affine map."""

    def __init__(self, weight: nn.Parameter, bias: nn.Parameter | None, axis: int, transpose: bool) -> None:
        super().__init__()
        self.weight = weight
        self.register_parameter("bias", bias)
        self.axis = axis
        self.transpose = transpose

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x.flatten(self.axis), self.weight.T if self.transpose else self.weight, self.bias)

    def extra_repr(self) -> str:
        return f"{tuple(self.weight.shape)}, axis={self.axis}"


@layer("InnerProduct")
def inner_product(s: Setup) -> nn.Module:
    m = s.message.message("inner_product_param")
    shape = s.shapes[0]
    outs, axis, transpose = m.integer("num_output", 0, 1), s.axis(m.integer("axis", 1), shape, m), m.flag("transpose")
    if not outs:
        raise s.message.error("inner_product_param: num_output is missing")
    ins = math.prod(shape[axis:])
    weights = weight((ins, outs) if transpose else (outs, ins), m.message("weight_filler"), s.message)
    bias = weight((outs,), m.message("bias_filler"), s.message) if m.flag("bias_term", True) else None
    return InnerProduct(weights, bias, axis, transpose)


class BatchNorm(nn.Module):
    """(x - mean) / √(variance + eps) over each channel; Caffe's running sums, and their weight, are buffers."""

    mean: Tensor
    variance: Tensor
    scale_factor: Tensor

    def __init__(self, channels: int, keep: float, eps: float, use_running: bool | None) -> None:
        super().__init__()
        self.keep = keep
        self.eps = eps
        self.use_running = use_running
        for name, length in (("mean", channels), ("variance", channels), ("scale_factor", 1)):
            self.register_buffer(name, Tensor._wrap(np.zeros(length, np.float32)))

    def forward(self, x: Tensor) -> Tensor:
        running = not self.training if self.use_running is None else self.use_running
        if running:
            factor = self.scale_factor.item()
            rate = 1 / factor if factor else 0.0
            return F.batch_norm(x, self.mean * rate, self.variance * rate, eps=self.eps)
        axes = (0, *range(2, x.ndim))
        count = x.numel() // x.shape[1]
        values = x.detach()
        # New tensors rather than overwritten ones: a graph may still need the old.
        self.scale_factor = self.scale_factor * self.keep + 1.0
        self.mean = self.mean * self.keep + values.mean(axes)
        correction = count / (count - 1) if count > 1 else 1.0
        self.variance = self.variance * self.keep + values.var(axes, correction=0) * correction
        return F.batch_norm(x, None, None, training=True, eps=self.eps)

    def blobs(self) -> list[str]:
        """Names of what a weights file holds, in its order."""
        return ["mean", "variance", "scale_factor"]


@layer("BatchNorm")
def batch_norm(s: Setup) -> nn.Module:
    m = s.message.message("batch_norm_param")
    running = m.flag("use_global_stats") if "use_global_stats" in m else None
    return BatchNorm(s.shapes[0][1], m.number("moving_average_fraction", 0.999), m.number("eps", 1e-5), running)


class Scale(nn.Module):
    """Multiply by and add blobs that span some axes: y = γ x + β, with either left out."""

    def __init__(self, scale: nn.Parameter | None, bias: nn.Parameter | None, axis: int) -> None:
        super().__init__()
        self.register_parameter("scale", scale)
        self.register_parameter("bias", bias)
        self.axis = axis

    def _spread(self, values: Tensor, x: Tensor) -> Tensor:
        return values.reshape((*values.shape, *(1,) * (x.ndim - self.axis - values.ndim)))

    def forward(self, x: Tensor, other: Tensor | None = None) -> Tensor:
        scale = self.scale if other is None or self.scale is not None else other
        if scale is not None:
            x = x * self._spread(scale, x)
        return x if self.bias is None else x + self._spread(self.bias, x)


class Bias(Scale):
    """Add a blob that spans some axes."""

    def forward(self, x: Tensor, other: Tensor | None = None) -> Tensor:
        values = self.bias if other is None else other
        return x if values is None else x + self._spread(values, x)


def _span(s: Setup, m: Any) -> tuple[int, Shape]:
    """The axis where the blob begins, and its shape."""
    shape = s.shapes[0]
    axis, count = s.axis(m.integer("axis", 1), shape, m), m.integer("num_axes", 1, -1)
    if len(s.shapes) > 1:
        return axis, s.shapes[1]
    return axis, shape[axis:] if count == -1 else shape[axis : axis + count]


@layer("Scale", most=2)
def scale(s: Setup) -> nn.Module:
    m = s.message.message("scale_param")
    axis, shape = _span(s, m)
    gamma = weight(shape, m.message("filler"), s.message, ("constant", 1.0)) if len(s.shapes) == 1 else None
    beta = weight(shape, m.message("bias_filler"), s.message) if m.flag("bias_term") else None
    return Scale(gamma, beta, axis)


@layer("Bias", most=2)
def bias(s: Setup) -> nn.Module:
    m = s.message.message("bias_param")
    axis, shape = _span(s, m)
    return Bias(None, weight(shape, m.message("filler"), s.message) if len(s.shapes) == 1 else None, axis)


@layer("Concat", bottoms=1, most=-1)
def concat(s: Setup) -> nn.Module:
    m = s.message.message("concat_param")
    axis = s.axis(m.integer("axis", m.integer("concat_dim", 1)), s.shapes[0], m)
    return Function("Concat", lambda *xs: cat(xs, dim=axis))


@layer("Slice")
def slices(s: Setup) -> nn.Module:
    m = s.message.message("slice_param")
    shape = s.shapes[0]
    axis = s.axis(m.integer("axis", m.integer("slice_dim", 1)), shape, m)
    points = m.all("slice_point", int, "an integer")
    if not points and shape[axis] % s.tops == 0:
        points = [shape[axis] // s.tops * i for i in range(1, s.tops)]
    bounds = [0, *points, shape[axis]]
    if len(bounds) != s.tops + 1 or any(a >= b for a, b in pairwise(bounds)):
        raise s.message.error(
            f"slice_param: slice points {points} do not cut axis {axis} of {shape} into {s.tops} tops"
        )

    def compute(x: Tensor) -> tuple[Tensor, ...]:
        return tuple(x.narrow(axis, a, b - a) for a, b in pairwise(bounds))

    return Function("Slice", compute)


@layer("Split")
def split(s: Setup) -> nn.Module:
    return Function("Split", lambda x: (x,) * s.tops)


@layer("Silence", bottoms=1, most=-1)
def silence(s: Setup) -> nn.Module:
    return Function("Silence", lambda *xs: ())


@layer("Eltwise", bottoms=2, most=-1)
def eltwise(s: Setup) -> nn.Module:
    m = s.message.message("eltwise_param")
    m.ignore("stable_prod_grad")
    kind = m.choice("operation", "SUM", "PROD", "MAX")
    factors = [float(c) for c in m.all("coeff", (int, float), "a number")]
    if factors and (kind != "SUM" or len(factors) != len(s.shapes)):
        raise m.error("eltwise_param: coeff needs operation SUM, and one value for each bottom", "coeff")

    def compute(*xs: Tensor) -> Tensor:
        terms = [x if c == 1 else x * c for x, c in zip(xs, factors or [1.0] * len(xs))]
        y = terms[0]
        for x in terms[1:]:
            y = y + x if kind == "SUM" else y * x if kind == "PROD" else y.maximum(x)
        return y

    return Function("Eltwise", compute)


@layer("Flatten")
def flatten(s: Setup) -> nn.Module:
    m = s.message.message("flatten_param")
    return nn.Flatten(m.integer("axis", 1), m.integer("end_axis", -1))


@layer("Reshape")
def reshape(s: Setup) -> nn.Module:
    """Dims of the new shape: 0 keeps the one at its place, -1 is what is left."""
    m = s.message.message("reshape_param")
    dims = m.message("shape").all("dim", int, "an integer")
    shape = s.shapes[0]
    start, count = m.integer("axis", 0), m.integer("num_axes", -1, -1)
    start = start if start >= 0 else len(shape) + start + 1
    end = len(shape) if count == -1 else start + count
    if not 0 <= start <= end <= len(shape) or dims.count(-1) > 1 or min(dims, default=0) < -1:
        raise s.message.error(f"reshape_param: dims {dims} from axis {start} do not fit a blob of shape {shape}")

    def compute(x: Tensor) -> Tensor:
        given = x.shape
        try:
            middle = [given[start + i] if d == 0 else d for i, d in enumerate(dims)]
        except IndexError:
            raise s.message.error(f"reshape_param: dims {dims} have a 0 where {tuple(given)} has no dim") from None
        return x.reshape((*given[:start], *middle, *given[end:]))

    return Function("Reshape", compute)


@layer("Softmax")
def softmax(s: Setup) -> nn.Module:
    m = s.message.message("softmax_param")
    m.ignore("engine")
    return nn.Softmax(dim=m.integer("axis", 1))
