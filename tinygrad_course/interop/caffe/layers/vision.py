"""Layers on images: convolution, pooling, local response normalization."""

from __future__ import annotations

from typing import Any

from .... import nn
from ....nn import functional as F
from ....tensor import Tensor
from .table import Function, Setup, layer, pair, weight


def _image(s: Setup) -> tuple[int, ...]:
    if len(s.shapes[0]) != 4:
        raise s.message.error(f"{s.message.text('type')} needs a bottom (N, C, H, W), got shape {s.shapes[0]}")
    return s.shapes[0]


class Convolution(nn.Module):
    """A convolution, or its transpose, with Caffe's weights."""

    def __init__(self, weight: nn.Parameter, bias: nn.Parameter | None, transposed: bool, options: Any) -> None:
        super().__init__()
        self.weight = weight
        self.register_parameter("bias", bias)
        self.transposed = transposed
        self.options = options

    def forward(self, x: Tensor) -> Tensor:
        convolve: Any = F.conv_transpose2d if self.transposed else F.conv2d
        return convolve(x, self.weight, self.bias, **self.options)

    def extra_repr(self) -> str:
        return f"{tuple(self.weight.shape)}, " + ", ".join(f"{k}={v}" for k, v in self.options.items())


@layer("Convolution", "Deconvolution")
def convolution(s: Setup) -> nn.Module:
    m = s.message.message("convolution_param")
    m.ignore("engine", "force_nd_im2col")
    transposed = s.message.text("type") == "Deconvolution"
    channels, outs, group = _image(s)[1], m.integer("num_output", 0, 1), m.integer("group", 1, 1)
    if not outs:
        raise s.message.error("convolution_param: num_output is missing")
    if "kernel_size" not in m and "kernel_h" not in m:
        raise s.message.error("convolution_param: kernel_size is missing")
    if m.integer("axis", 1) not in (1, -3):
        raise m.error("convolution_param: axis must be 1", "axis")
    kernel = pair(m, "kernel_size", 1, 1, both="kernel")
    dilation = pair(m, "dilation", 1, 1)
    if channels % group or outs % group:
        raise m.error(f"convolution_param: {channels} channels and {outs} outputs do not divide into {group} groups")
    shape = (channels, outs // group, *kernel) if transposed else (outs, channels // group, *kernel)
    weights = weight(shape, m.message("weight_filler"), s.message)
    bias = weight((outs,), m.message("bias_filler"), s.message) if m.flag("bias_term", True) else None
    m.ignore("bias_filler")
    options = {"stride": pair(m, "stride", 1, 1), "padding": pair(m, "pad", 0), "dilation": dilation, "groups": group}
    return Convolution(weights, bias, transposed, options)


def _rounded_up(s: Setup, length: int, kernel: int, stride: int, pad: int) -> None:
    """Refuse the one case where Caffe counts a window that lies outside of the image altogether."""
    free = length + 2 * pad - kernel
    if free < 0:
        raise s.message.error(f"pooling_param: the kernel {kernel} is larger than the image {length} with pad {pad}")
    if pad == 0 and -(-free // stride) * stride >= length:
        raise s.message.error(
            f"pooling_param: with kernel {kernel} and stride {stride} the last window lies outside of the image "
            f"{length}, where Caffe reads nothing; use round_mode: FLOOR"
        )


@layer("Pooling")
def pooling(s: Setup) -> nn.Module:
    """Caffe rounds the number of windows up; means count the padding, but not what lies beyond it."""
    m = s.message.message("pooling_param")
    m.ignore("engine")
    kind, space = m.choice("pool", "MAX", "AVE", "STOCHASTIC"), _image(s)[2:]
    if kind == "STOCHASTIC":
        raise m.error("pooling_param: STOCHASTIC pooling is not supported; use MAX or AVE", "pool")
    ceil = m.choice("round_mode", "CEIL", "FLOOR") == "CEIL"
    if m.flag("global_pooling"):
        return Function("Pooling", lambda x: x.amax((2, 3), True) if kind == "MAX" else x.mean((2, 3), True))
    if "kernel_size" not in m and "kernel_h" not in m:
        raise s.message.error("pooling_param: kernel_size is missing")
    kernel, stride, pad = pair(m, "kernel_size", 1, 1, both="kernel"), pair(m, "stride", 1, 1), pair(m, "pad", 0)
    if ceil:
        for each in zip(space, kernel, stride, pad):
            _rounded_up(s, *each)
    if kind == "MAX":
        return nn.MaxPool2d(kernel, stride, pad, ceil_mode=ceil)
    return nn.AvgPool2d(kernel, stride, pad, ceil_mode=ceil)


@layer("LRN")
def lrn(s: Setup) -> nn.Module:
    m = s.message.message("lrn_param")
    m.ignore("engine")
    size, alpha, beta, k = (
        m.integer("local_size", 5, 1),
        m.number("alpha", 1.0),
        m.number("beta", 0.75),
        m.number("k", 1.0),
    )
    if size % 2 == 0:
        raise m.error(f"lrn_param: local_size must be odd, got {size}", "local_size")
    if m.choice("norm_region", "ACROSS_CHANNELS", "WITHIN_CHANNEL") == "ACROSS_CHANNELS":
        return nn.LocalResponseNorm(size, alpha, beta, k)

    def within(x: Tensor) -> Tensor:  # Caffe composes this one of layers with shift 1, whatever k is
        return x / (F.avg_pool2d(x * x, size, 1, size // 2) * alpha + 1.0) ** beta

    return Function("LRN", within)
