"""Linear maps, convolutions and pooling."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ....ops.pooling import out_length
from ..lengths import Varying
from .elementwise import times
from .structure import reshaped
from .table import Case, rule

__all__: list[str] = []


@rule("linear")
def linear(c: Case) -> str:
    bias = c.name(2) if c.has(2) else ""
    if c.ndim() == 2:
        return c.node("Gemm", c.name(0), c.name(1), bias, transB=1)
    y = c.node("MatMul", c.name(0), c.node("Transpose", c.name(1), perm=[1, 0]))
    return c.node("Add", y, bias) if bias else y


def _geometry(c: Case, padding: Any) -> dict[str, Any]:
    return {
        "strides": list(c.static("stride")), "dilations": list(c.params.get("dilation", ())) or None,
        "pads": [lo for lo, _ in padding] + [hi for _, hi in padding],
    }  # fmt: skip


@rule("convolution")
def convolution(c: Case) -> str:
    bias = c.name(2) if c.has(2) else ""
    kernel = [int(n) for n in c.shape(1)[2:]]
    geometry = _geometry(c, c.static("padding"))
    return c.node("Conv", c.name(0), c.name(1), bias, kernel_shape=kernel, group=c.static("groups"), **geometry)


@rule("convolution_transpose")
def convolution_transpose(c: Case) -> str:
    kernel = [int(n) for n in c.shape(1)[2:]]
    padding, stride, dilation = c.static("padding"), c.static("stride"), c.static("dilation")
    extra = []
    for given, space, k, s, d, (lo, hi) in zip(c.shape()[2:], c.params["space"], kernel, stride, dilation, padding):
        found = {
            length - ((n - 1) * s - lo - hi + d * (k - 1) + 1)
            for length, n in zip(_values(space, c), _values(given, c))
        }
        if len(found) > 1:
            raise TypeError("the size of the output is no function of the size of the input")
        extra.append(found.pop())
    return c.node(
        "ConvTranspose", c.name(0), c.name(1), kernel_shape=kernel, group=c.static("groups"),
        output_padding=extra if any(extra) else None, **_geometry(c, padding),
    )  # fmt: skip


def _values(n: Any, c: Case) -> tuple[int, ...]:
    return n.values if isinstance(n, Varying) else (n,) * len(c.w.tried)


def _windows(c: Case, space: Any) -> dict[str, Any]:
    """Padding and rounding for windows over a space: explicit padding behind where no rule fits."""
    kernel, stride, padding = c.static("kernel"), c.static("stride"), c.static("padding")
    dilation = c.params.get("dilation") or (1,) * len(kernel)
    found: dict[str, Any] = {"kernel_shape": list(kernel), "strides": list(stride)}
    if any(d != 1 for d in dilation):
        found["dilations"] = list(dilation)
    dims = list(zip(space, kernel, stride, padding, dilation, c.params["out"]))
    for ceil in (0, 1):
        if all(
            out_length(length, k, s, p, d, bool(ceil)) == o
            for n, k, s, p, d, out in dims
            for length, o in zip(_values(n, c), _values(out, c))
        ) and not (ceil and "dilations" in found):
            return {**found, "pads": list(padding) * 2, "ceil_mode": ceil or None}
    if any(isinstance(n, Varying) for n in (*space, *c.params["out"])):
        raise TypeError("windows whose number depends on the size of the input")
    behind = [max(0, d * (k - 1) + s * (out - 1) + 1 - n - p) for n, k, s, p, d, out in dims]
    return {**found, "pads": [*padding, *behind]}


@rule("max_pool")
def max_pool(c: Case) -> str:
    return c.node("MaxPool", c.name(), **_windows(c, c.shape()[2:]))


@rule("sum_windows")
def sum_windows(c: Case) -> str:
    kernel, stride, padding = c.static("kernel"), c.static("stride"), c.static("padding")
    dims = list(zip(c.shape()[2:], kernel, stride, padding, c.params["out"]))
    if all(out_length(n, k, s, p, 1, False) == out for n, k, s, p, out in dims if not isinstance(n, Varying)):
        behind = list(padding)
    else:
        behind = [max(0, k + s * (out - 1) - n - p) for n, k, s, p, out in dims]
    y = c.node(
        "AveragePool", c.name(), kernel_shape=list(kernel), strides=list(stride), pads=[*padding, *behind],
        count_include_pad=1,
    )  # fmt: skip
    return times(c, y, math.prod(kernel))


# --- Windows as columns: convolution with kernels that pick one place each ----------------------------------------


def _picking(c: Case, channels: int) -> str:
    kernel = c.static("kernel")
    count = math.prod(kernel)
    one = np.eye(count, dtype=c.dtype).reshape(count, 1, *kernel)
    return c.w.constant(np.tile(one, (channels,) + (1,) * (len(kernel) + 1)))


def _columns(c: Case) -> dict[str, Any]:
    padding = c.static("padding")
    return {
        "kernel_shape": list(c.static("kernel")), "strides": list(c.static("stride")), "pads": [*padding, *padding],
        "dilations": list(c.static("dilation")),
    }  # fmt: skip


@rule("unfold")
def unfold(c: Case) -> str:
    channels = c.shape()[1]
    y = c.node("Conv", c.name(), _picking(c, channels), group=channels, **_columns(c))
    return reshaped(c, y, c.outs[0].shape, (c.shape()[0],))


@rule("fold")
def fold(c: Case) -> str:
    kernel, out, space = c.static("kernel"), c.static("out"), c.static("space")
    channels = c.shape()[1] // math.prod(kernel)
    x = reshaped(c, c.name(), (*c.shape()[:2], *out), c.shape()[:2])
    dims = zip(space, out, kernel, c.static("stride"), c.static("padding"), c.static("dilation"))
    extra = [n - ((m - 1) * s - 2 * p + d * (k - 1) + 1) for n, m, k, s, p, d in dims]
    return c.node(
        "ConvTranspose", x, _picking(c, channels), group=channels, output_padding=extra if any(extra) else None,
        **_columns(c),
    )  # fmt: skip
