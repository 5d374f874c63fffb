"""Linear maps, convolutions, normalization and dropout."""

from __future__ import annotations

from typing import Any

import numpy as np

from .... import ops
from ....nn import functional as F
from ....ops import convolution as convolutions
from ....tensor import Tensor
from ..package import OnnxError
from .table import floats, operator, sized

__all__ = ["same_pads"]

Pads = list[tuple[int, int]]


@operator("Gemm")
def gemm(step: Any, a: Tensor, b: Tensor, c: Tensor | None = None) -> Any:
    alpha, beta = step.get("alpha", 1.0), step.get("beta", 1.0)
    left = a.T if step.get("transA", 0) else a
    plain = alpha == beta == 1 and step.get("transB", 0)
    if plain and a.array.dtype.kind == "f" and (c is None or c.shape == (b.shape[0],)):
        return F.linear(left, b, c)
    y = left @ (b.T if step.get("transB", 0) else b)
    y = y if alpha == 1 else (y * alpha).to(a.dtype)
    if c is None:
        return y
    return y + (c if beta == 1 else (c * beta).to(a.dtype))


# --- Convolution --------------------------------------------------------------------------------------------------


def same_pads(step: Any, space: Any, kernel: Any, strides: Any, dilations: Any) -> Pads:
    """Padding as the attributes say: explicit, none, or such that there are ⌈length / stride⌉ windows."""
    n = len(kernel)
    mode = step.get("auto_pad", "NOTSET")
    if mode == "NOTSET":
        pads = step.get("pads", [0] * (2 * n))
        if len(pads) != 2 * n:
            raise OnnxError(f"{len(pads)} pads for {n} dims; expected twice as many")
        return list(zip(pads[:n], pads[n:]))
    if mode == "VALID":
        return [(0, 0)] * n
    found = []
    for length, k, s, d in zip(space, kernel, strides, dilations):
        total = max(0, (-(-length // s) - 1) * s + d * (k - 1) + 1 - length)
        half = total // 2
        found.append((half, total - half) if mode == "SAME_UPPER" else (total - half, half))
    return found


def _setup(step: Any, x: Tensor, w: Tensor) -> tuple[Any, Any, Any, int]:
    n = x.ndim - 2
    kernel, strides, dilations = w.shape[2:], step.get("strides", [1] * n), step.get("dilations", [1] * n)
    groups = step.get("group", 1)
    given = step.get("kernel_shape", list(kernel))
    if n < 1 or w.ndim != x.ndim or not len(strides) == len(dilations) == n or list(given) != list(kernel):
        raise OnnxError(
            f"kernel_shape {given}, strides {strides} and dilations {dilations} do not fit {tuple(w.shape)}"
        )
    if min([*strides, *dilations, groups, *kernel]) < 1:
        raise OnnxError(f"strides {strides}, dilations {dilations}, group {groups}: all should be positive")
    return kernel, strides, dilations, groups


@operator("Conv")
def conv(step: Any, x: Tensor, w: Tensor, b: Tensor | None = None) -> Any:
    kernel, strides, dilations, groups = _setup(step, x, w)
    if x.shape[1] != w.shape[1] * groups or w.shape[0] % groups or (b is not None and tuple(b.shape) != (w.shape[0],)):
        raise OnnxError(f"a weight {tuple(w.shape)} in {groups} groups, and its bias, do not fit {tuple(x.shape)}")
    pads = same_pads(step, x.shape[2:], kernel, strides, dilations)
    x, pads = _padded(x, pads)
    sized([x.shape[0], w.shape[0], *(n + lo + hi for n, (lo, hi) in zip(x.shape[2:], pads))])
    if any(n + lo + hi < d * (k - 1) + 1 for n, (lo, hi), d, k in zip(x.shape[2:], pads, dilations, kernel)):
        raise OnnxError(f"the kernel {tuple(kernel)} is larger than the image {tuple(x.shape[2:])} with pads {pads}")
    inputs = (x, w) if b is None else (x, w, b)
    return convolutions.convolution(
        *inputs, stride=tuple(strides), padding=tuple(pads), dilation=tuple(dilations), groups=groups
    )


def _padded(x: Tensor, pads: Pads) -> tuple[Tensor, Pads]:
    """Negative pads cut the input."""
    if all(min(pair) >= 0 for pair in pads):
        return x, pads
    cut = [min(w, 0) for pair in reversed(pads) for w in pair]
    return F.pad(x, cut), [(max(lo, 0), max(hi, 0)) for lo, hi in pads]


@operator("ConvTranspose")
def conv_transpose(step: Any, x: Tensor, w: Tensor, b: Tensor | None = None) -> Any:
    kernel, strides, dilations, groups = _setup(step, x, w)
    n = len(kernel)
    if x.shape[1] != w.shape[0] or w.shape[0] % groups:
        raise OnnxError(f"a weight {tuple(w.shape)} in {groups} groups does not fit {tuple(x.shape)}")
    extra = step.get("output_padding", [0] * n)
    full = [(m - 1) * s + d * (k - 1) + 1 for m, s, d, k in zip(x.shape[2:], strides, dilations, kernel)]
    shape, mode = step.get("output_shape"), step.get("auto_pad", "NOTSET")
    pads = same_pads(step, x.shape[2:], kernel, strides, dilations) if mode == "NOTSET" else [(0, 0)] * n
    if shape is not None or mode.startswith("SAME"):
        wanted = [m * s for m, s in zip(x.shape[2:], strides)] if shape is None else shape[-n:]
        totals = [f + e - o for f, e, o in zip(full, extra, wanted)]
        upper = mode == "SAME_UPPER"
        pads = [(t // 2, t - t // 2) if upper else (t - t // 2, t // 2) for t in totals]
    sized([x.shape[0], w.shape[1] * groups, *full])
    y = convolutions.convolution_transpose(
        x, w, space=tuple(full), stride=tuple(strides), padding=((0, 0),) * n, dilation=tuple(dilations), groups=groups
    )
    # Padding cuts the output, output_padding and negative padding add zeros.
    widths = [v for (lo, hi), e in zip(reversed(pads), reversed(extra)) for v in (-lo, e - hi)]
    y = F.pad(y, widths) if any(widths) else y
    return y if b is None else y + b.reshape((-1, *(1,) * n))


# --- Normalization ------------------------------------------------------------------------------------------------


@operator("BatchNormalization")
def batch_normalization(step: Any, x: Tensor, scale: Tensor, shift: Tensor, mean: Tensor, var: Tensor) -> Any:
    eps, keep = step.get("epsilon", 1e-5), step.get("momentum", 0.9)
    if step.training:
        return F.batch_norm(x, mean, var, scale, shift, True, 1 - keep, eps)
    if not step.get("training_mode", 0):
        return F.batch_norm(x, mean, var, scale, shift, False, 1 - keep, eps)
    axes = (0, *range(2, x.ndim))
    now_mean, now_var = x.detach().mean(axes), x.detach().var(axes, correction=0)
    y = F.batch_norm(x, None, None, scale, shift, True, 0.1, eps)
    return y, mean * keep + now_mean * (1 - keep), var * keep + now_var * (1 - keep)


@operator("InstanceNormalization")
def instance_normalization(step: Any, x: Tensor, scale: Tensor, shift: Tensor) -> Any:
    return F.instance_norm(x, None, None, scale, shift, True, 0.1, step.get("epsilon", 1e-5))


@operator("LayerNormalization")
def layer_normalization(step: Any, x: Tensor, scale: Tensor, shift: Tensor | None = None) -> Any:
    axis = step.get("axis", -1) % x.ndim
    axes = tuple(range(axis, x.ndim))
    eps = step.get("epsilon", 1e-5)
    mean = x.mean(axes, True)
    away = x - mean
    inverse = ((away * away).mean(axes, True) + eps).rsqrt()
    y = away * inverse * scale
    return y if shift is None else y + shift, mean, inverse


@operator("RMSNormalization")
def rms_normalization(step: Any, x: Tensor, scale: Tensor) -> Any:
    axes = tuple(range(step.get("axis", -1) % x.ndim, x.ndim))
    return x * ((x * x).mean(axes, True) + step.get("epsilon", 1e-5)).rsqrt() * scale


@operator("GroupNormalization")
def group_normalization(step: Any, x: Tensor, scale: Tensor, shift: Tensor) -> Any:
    groups, eps = step.get("num_groups", 1), step.get("epsilon", 1e-5)
    if step.version >= 21:
        return F.group_norm(x, groups, scale, shift, eps)
    y = F.group_norm(x, groups, None, None, eps)
    each = x.shape[1] // groups
    across = (1, -1, *(1,) * (x.ndim - 2))
    return y * scale.repeat_interleave(each).reshape(across) + shift.repeat_interleave(each).reshape(across)


@operator("LRN")
def lrn(step: Any, x: Tensor) -> Any:
    size, alpha = step.get("size", 1), step.get("alpha", 1e-4)
    squares = (x * x).unsqueeze(1)
    before = (size - 1) // 2
    widths = [0, 0] * (x.ndim - 2) + [before, size - 1 - before]
    total = F.pad(squares, widths)
    n = x.shape[1]
    summed = total.narrow(2, 0, n)
    for i in range(1, size):
        summed = summed + total.narrow(2, i, n)
    return x / (summed.squeeze(1) * (alpha / size) + step.get("bias", 1.0)) ** step.get("beta", 0.75)


@operator("Dropout")
def dropout(step: Any, x: Tensor, ratio: Tensor | None = None, training: Tensor | None = None) -> Any:
    rate = floats(ratio, step)[0] if ratio is not None else step.get("ratio", 0.5)
    drops = step.training or (training is not None and bool(training.array.item()))
    if not drops or rate == 0:
        return x, ops.ones_like(x).to(np.dtype(bool))
    mask = ops.rand(*x.shape) >= rate
    return x * mask.to(x.dtype) / (1 - rate), mask
